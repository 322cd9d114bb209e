"""Where Debian's `prometheus` and `promtool` are: installed, or unpacked by `deploy/prepare servers`."""

import os
import shutil
from pathlib import Path

import pytest


def program(name: str) -> Path:
    """Its path. Without it the test is skipped, or fails where RINGFAIR_REQUIRE_SERVERS is set."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    unpacked = cache / "ringfair" / "prometheus" / "usr" / "bin" / name
    installed = shutil.which(name)
    if installed is not None:
        return Path(installed)
    if unpacked.exists():
        return unpacked
    missing = f"{name} is not here; `deploy/prepare servers` brings it"
    if os.environ.get("RINGFAIR_REQUIRE_SERVERS"):
        pytest.fail(missing)
    pytest.skip(missing)
