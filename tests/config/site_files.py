"""Files of a site as the tests write them, and the faults found in them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from router.config import load
from router.domain.errors import ConfigError, Fault

SAMPLE = Path(__file__).parents[2] / "deploy" / "site"
SECRET = {"RINGFAIR_ASTERISK_SECRET": "for-tests-only"}
SETTINGS = '[asterisk]\nsystemname = "pbx_1"\n'
SHOP = '[campaign]\nname = "shop"\nclient = "example-shop"\ndnis = ["+493023125100"]\n\n[queue.orders]\n'
CARE = '[campaign]\nname = "care"\nclient = "example-clinic"\ndnis = ["+493023125200"]\n\n[queue.urgent]\n'

WriteSite = Callable[..., Path]


def site_writer(directory: Path) -> WriteSite:
    """Writes a site there; keyword arguments are campaign files by name."""

    def write(settings: str | bytes = SETTINGS, **campaigns: str | bytes) -> Path:
        (directory / "campaigns").mkdir(exist_ok=True)
        write_file(directory / "ringfair.toml", settings)
        for name, text in (campaigns or {"shop": SHOP}).items():
            write_file(directory / "campaigns" / f"{name}.toml", text)
        return directory

    return write


def write_file(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def faults_of(directory: Path, environ: dict[str, str] | None = None) -> list[Fault]:
    with pytest.raises(ConfigError) as caught:
        load(directory, SECRET if environ is None else environ)
    return list(caught.value.faults)


def only_fault(directory: Path, environ: dict[str, str] | None = None) -> Fault:
    faults = faults_of(directory, environ)
    assert len(faults) == 1, faults
    return faults[0]
