"""Where nobody names a site and none is installed, what `make demo` left is shown; nothing is ever served from it."""

from pathlib import Path

import pytest

from router.config import site
from router.config.site import demo_directory, find_directory


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(site, "DEFAULT_DIRECTORY", tmp_path / "etc")
    left = tmp_path / "cache" / "ringfair" / "demo"
    left.mkdir(parents=True)
    (left / "ringfair.toml").write_text("")
    return tmp_path / "cache"


def test_what_the_demo_left_is_found(cache: Path) -> None:
    assert find_directory(None, {"XDG_CACHE_HOME": str(cache)}) == cache / "ringfair" / "demo"


def test_an_installed_site_a_named_one_and_a_router_go_before_the_demo(cache: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(cache)}
    assert find_directory(Path("/srv/a"), environ) == Path("/srv/a")
    assert find_directory(None, environ | {"RINGFAIR_CONFIG": "/srv/b"}) == Path("/srv/b")
    assert find_directory(None, environ, demo=False) == site.DEFAULT_DIRECTORY
    site.DEFAULT_DIRECTORY.mkdir()
    assert find_directory(None, environ) == site.DEFAULT_DIRECTORY


def test_a_cache_without_a_demo_is_no_site(cache: Path) -> None:
    (cache / "ringfair" / "demo" / "ringfair.toml").unlink()
    assert find_directory(None, {"XDG_CACHE_HOME": str(cache)}) == site.DEFAULT_DIRECTORY


def test_the_cache_is_the_one_of_the_user_unless_another_is_named() -> None:
    assert demo_directory({"HOME": "/home/x"}) == Path("/home/x/.cache/ringfair/demo")
    assert demo_directory({"HOME": "/home/x", "XDG_CACHE_HOME": "relative"}) == Path("/home/x/.cache/ringfair/demo")
    assert demo_directory({}) is None
