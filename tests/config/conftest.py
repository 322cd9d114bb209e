"""Every test of the configuration may write a site of its own."""

from pathlib import Path

import pytest

from tests.config.site_files import WriteSite, site_writer


@pytest.fixture
def a_site(tmp_path: Path) -> WriteSite:
    """Writes a site; keyword arguments are campaign files by name."""
    return site_writer(tmp_path)
