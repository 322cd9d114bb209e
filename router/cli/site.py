"""What nearly every command begins with: the site's files, its database, and who is asking."""

import getpass
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.domain.errors import RemoteError
from router.domain.ids import Micros

if TYPE_CHECKING:
    from router.adapters.sql.directory import SqlDirectory
    from router.adapters.sql.ledger import SqlLedger
    from router.config import Site

ConfigDir = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="DIR",
        envvar="RINGFAIR_CONFIG",
        help="Directory with ringfair.toml; /etc/ringfair if not given.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def read_site(config: Path | None) -> "Site":
    """The site's files. Raises `ConfigError` with every fault."""
    # Imported here and below: validation and drivers cost a few hundred milliseconds that `--help` need not pay.
    from router.config import load

    return load(site_directory(config), os.environ)


def site_directory(config: Path | None) -> Path:
    """Where the site's files are; says so when they are only the ones of `make demo`."""
    from router.config.site import demo_directory, find_directory

    found = find_directory(config, os.environ)
    if config is None and found == demo_directory(os.environ) and not os.environ.get("RINGFAIR_CONFIG"):
        typer.echo(f"(no /etc/ringfair here: this is the site of `make demo` in {found})", err=True)
    return found


@asynccontextmanager
async def opened_directory(site: "Site") -> AsyncIterator["SqlDirectory"]:
    """The directory of agents, made when there is none yet."""
    from router.adapters.sql.directory import SqlDirectory

    path = sqlite_path(site)
    new = path is not None and not path.exists()
    directory = await SqlDirectory.open(site.ledger_dsn)
    try:
        if new and path is not None and os.geteuid() == 0:
            _give_to_owner_of_folder(path)
        yield directory
    finally:
        await directory.close()


def _give_to_owner_of_folder(path: Path) -> None:
    """Root adds agents before the first start; the router, which is not root, must be able to write there later."""
    folder = path.parent.stat()
    for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError):
            os.chown(name, folder.st_uid, folder.st_gid)


@asynccontextmanager
async def opened_ledger(site: "Site") -> AsyncIterator["SqlLedger"]:
    """The ledger for reading: a missing file is not made, because then a typo would look like an empty ledger."""
    from router.adapters.sql.ledger import SqlLedger

    if (path := sqlite_path(site)) is not None and not path.exists():
        raise RemoteError(
            "ledger-missing",
            f"There is no ledger at {path} yet. The router makes it at its first start (`ringfair serve`); "
            "if it ran already, `ledger.dsn` in ringfair.toml names another file.",
        )
    ledger = await SqlLedger.open(site.ledger_dsn)
    try:
        yield ledger
    finally:
        await ledger.close()


def sqlite_path(site: "Site") -> Path | None:
    """The ledger's file, or None when it is a server's."""
    dsn = site.settings.ledger.dsn
    return Path(dsn.removeprefix("sqlite:///")) if dsn.startswith("sqlite:///") else None


def now() -> Micros:
    return time.time_ns() // 1000


def asked_by() -> str:
    """Who is at the keyboard, for the audit: `cli:anna`, also behind sudo."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"cli:{user}"[:80]
