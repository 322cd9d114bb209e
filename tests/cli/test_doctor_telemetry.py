"""What `ringfair doctor` says about the user that hears RTCP reports."""

from __future__ import annotations

import pytest

from router.adapters.pbx.instance import Instance
from router.cli.checkup.finding import Verdict
from router.cli.checkup.telemetry import HARMLESS, judge
from tests.cli.conftest import Bench

CHECK = "asterisk.telemetry"
WELL = {"read": "reporting", "writetimeout": "2000"}


def with_telemetry(bench: Bench, secret: str) -> Bench:
    (bench.directory / "telemetry.secret").write_text(secret)
    (bench.directory / "telemetry.secret").chmod(0o600)
    bench.settings["telemetry"] = 'secret_file = "telemetry.secret"\n'
    return bench


def finding(bench: Bench) -> dict[str, str]:
    return bench.findings(exit_code=1)[CHECK]  # the bench has no Redis


def test_a_telemetry_user_that_only_listens_is_well(beside_asterisk: Bench, pbx: Instance) -> None:
    found = finding(with_telemetry(beside_asterisk, pbx.telemetry_secret))
    assert found["verdict"] == "ok", found


def test_without_a_secret_it_says_what_to_do_and_that_calls_go_on(beside_asterisk: Bench) -> None:
    found = finding(beside_asterisk)
    assert found["verdict"] == "warn"
    assert "[telemetry]" in found["mend"]
    assert "calls do not need it" in found["mend"]


def test_a_wrong_secret_of_telemetry_is_told_as_one_and_not_shown(beside_asterisk: Bench) -> None:
    bench = with_telemetry(beside_asterisk, "wrong-secret-of-the-test")
    found = finding(bench)
    assert found["verdict"] == "fail"
    assert "refuses the AMI user 'ringfair-telemetry'" in found["found"]
    assert "telemetry.secret_file" in found["mend"]
    assert "wrong-secret-of-the-test" not in bench.run("doctor").output


def test_the_secret_of_the_calls_in_telemetrys_place_is_refused(beside_asterisk: Bench, pbx: Instance) -> None:
    assert finding(with_telemetry(beside_asterisk, pbx.ami_secret))["verdict"] == "fail"


def test_a_missing_asterisk_is_told_for_telemetry_too(bench: Bench) -> None:
    found = finding(with_telemetry(bench, "of-nobody"))
    assert (found["verdict"], "connection refused" in found["found"]) == ("fail", True)


@pytest.mark.parametrize(
    ("settings", "verdict", "words"),
    [
        (WELL, Verdict.OK, ""),
        (WELL | {"read": "all"}, Verdict.WARN, "read = reporting"),
        (WELL | {"read": "reporting,call"}, Verdict.WARN, "read = reporting"),
        (WELL | {"read": "call"}, Verdict.FAIL, "read = reporting"),
        (WELL | {"writetimeout": ""}, Verdict.WARN, "writetimeout = 2000"),
        (WELL | {"writetimeout": "100"}, Verdict.WARN, "writetimeout = 2000"),
    ],
)
def test_its_section_is_judged(settings: dict[str, str], verdict: Verdict, words: str) -> None:
    [found] = judge("ringfair-telemetry", HARMLESS, settings)
    assert found.verdict is verdict
    assert words in found.mend


def test_a_telemetry_user_that_may_do_something_is_a_fault() -> None:
    [found] = judge("ringfair-telemetry", HARMLESS | {"originate", "hangup"}, WELL)
    assert found.verdict is Verdict.FAIL
    assert "hangup, originate" in found.found
