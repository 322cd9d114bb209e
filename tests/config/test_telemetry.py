"""`[telemetry]`: there with a secret, absent without, never the user of the calls."""

import pytest

from router.config import load
from tests.config.site_files import SECRET, SETTINGS, WriteSite, only_fault

TABLE = "[telemetry]\n"


def test_without_a_secret_there_is_no_telemetry(a_site: WriteSite) -> None:
    site = load(a_site(), SECRET)
    assert site.secrets.telemetry is None
    assert site.settings.telemetry.user == "ringfair-telemetry"


def test_its_secret_comes_from_a_file_of_its_own(a_site: WriteSite) -> None:
    directory = a_site(SETTINGS + TABLE + 'secret_file = "telemetry.secret"\n')
    (directory / "telemetry.secret").write_text("for-reports-only\n")
    (directory / "telemetry.secret").chmod(0o640)
    site = load(directory, SECRET)
    assert (site.secrets.telemetry, site.secrets.asterisk) == ("for-reports-only", "for-tests-only")
    assert "for-reports-only" not in repr(site)
    assert load(directory, SECRET | {"RINGFAIR_TELEMETRY_SECRET": "newer"}).secrets.telemetry == "newer"


def test_a_named_file_that_is_missing_is_told(a_site: WriteSite) -> None:
    fault = only_fault(a_site(SETTINGS + TABLE + 'secret_file = "telemetry.secret"\n'))
    assert fault.key == "telemetry.secret_file"


@pytest.mark.parametrize("secret", ["", "two\nlines"])
def test_a_secret_that_is_none_is_told_and_not_shown(a_site: WriteSite, secret: str) -> None:
    fault = only_fault(a_site(), SECRET | {"RINGFAIR_TELEMETRY_SECRET": secret})
    assert fault.key == "RINGFAIR_TELEMETRY_SECRET"
    assert "lines" not in str(fault.value)


def test_the_user_of_the_calls_is_not_the_one_of_the_reports(a_site: WriteSite) -> None:
    fault = only_fault(a_site(SETTINGS + TABLE + 'user = "ringfair"\n'))
    assert fault.key == "telemetry.user"
    assert "another AMI user" in fault.expected


def test_a_user_that_would_be_a_header_is_told(a_site: WriteSite) -> None:
    fault = only_fault(a_site(SETTINGS + TABLE + 'user = "x\\r\\nAction: Hangup"\n'))
    assert fault.key == "telemetry.user"
