"""The two AMI users of manager.conf: what one hears the other does not."""

from __future__ import annotations

import re

from tests.ops.test_asterisk_config import options

REPORTS = {"RTCPSent", "RTCPReceived"}


def filters(section: str) -> set[str]:
    """Names of the events let through: to exclude is only allowed beside what is included."""
    lines = [name for name, _ in options("manager.conf", section) if name.startswith("eventfilter")]
    lines = [line for line in lines if not line.startswith("eventfilter(action(exclude),name(")]
    found = [re.fullmatch(r"eventfilter\(action\(include\),name\(([A-Za-z]+)\)\)", line) for line in lines]
    assert None not in found, "a filter that is no name lets others through"
    return {match.group(1) for match in found if match}


def test_reports_go_to_the_telemetry_user_and_nothing_else_does() -> None:
    assert filters("[ringfair-telemetry]") == REPORTS


def test_no_report_ever_reaches_the_connection_of_the_calls() -> None:
    calls = filters("[ringfair]")
    assert len(calls) > 10, "without any filter everything would come"
    assert not calls & REPORTS


def test_the_telemetry_user_hears_one_class_and_may_do_nothing() -> None:
    plain = dict(options("manager.conf", "[ringfair-telemetry]"))
    assert plain["read"] == "reporting"
    assert plain["write"] == ""
    assert "secret" not in plain
    assert (plain["deny"], plain["permit"]) == ("0.0.0.0/0.0.0.0", "127.0.0.1/255.255.255.255")
    assert 1000 <= int(plain["writetimeout"]) < int(dict(options("manager.conf", "[ringfair]"))["writetimeout"])


def test_reports_come_often_enough_to_see_a_line_die() -> None:
    assert dict(options("rtp.conf", "[general]"))["rtcpinterval"] == "1000"
