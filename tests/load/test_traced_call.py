"""Packets and traces of the same calls are joined, or the run says that it cannot tell them apart."""

from typing import Any

import pytest

from tests.load.traced_call import calls_on_the_wire, joined, micros, on_the_wire, stretches, table
from tests.telephones.packets import SipMessage

PHONES = ("127.0.0.40", 5070)
AGENT, CARRIER, PBX = "127.0.0.40:5070", "127.0.0.2:5080", "127.0.0.1:5060"
BEGAN = 1_790_000_000_000_000


def message(at: int, source: str, target: str, first_line: str, call_id: str, number: str, method: str) -> SipMessage:
    headers = (("Call-ID", call_id), ("From", f"<sip:+49155{number}@carrier.invalid>"), ("CSeq", f"1 {method}"))
    return SipMessage(BEGAN + at, source, target, first_line, headers, "")


def a_call(number: str, at: int, took: int) -> list[SipMessage]:
    invite, trying = "INVITE sip:493023125700@pbx SIP/2.0", "SIP/2.0 100 Trying"
    return [
        message(at, CARRIER, PBX, invite, f"c{number}", number, "INVITE"),
        message(at + 100, PBX, CARRIER, trying, f"c{number}", number, "INVITE"),
        message(at + took, PBX, AGENT, "INVITE sip:agent-3001@phone SIP/2.0", f"a{number}", number, "INVITE"),
    ]


def iso(at: int) -> str:
    return f"2026-09-21T14:13:{20 + at // 1_000_000:02d}.{at % 1_000_000:06d}Z"


def a_trace(contact: str, at: int) -> dict[str, Any]:
    instants = ("happened", "read", "parsed", "taken", "decided", "written", "appeared")
    return {
        "contact_id": contact,
        "offers": [{"instants": {name: iso(at + 100 * place) for place, name in enumerate(instants)}}],
        "milestones": [{"at": iso(at), "clock": "asterisk", "what": "AcdArrived", "of": "caller", "step": "happened"}],
    }


def test_each_call_gets_the_trace_of_the_contact_that_arrived_after_its_invite() -> None:
    assert micros(iso(0)) == BEGAN
    calls = calls_on_the_wire([*a_call("101", 0, 3000), *a_call("102", 200_000, 4000)], PHONES)
    assert [call.took_us for call in calls] == [3000, 4000]
    traced = joined(calls, [a_trace("second", 201_000), a_trace("first", 1_000)])
    assert [one.contact_id for one in traced] == ["first", "second"]


def test_calls_too_close_to_be_told_apart_end_the_run() -> None:
    calls = calls_on_the_wire([*a_call("101", 0, 3000), *a_call("102", 500, 3000)], PHONES)
    with pytest.raises(SystemExit, match="not to be told apart"):
        joined(calls, [a_trace("first", 600), a_trace("second", 700)])


def test_a_caller_for_whom_no_agent_rang_ends_the_run() -> None:
    with pytest.raises(SystemExit, match="never had an agent rung"):
        calls_on_the_wire(a_call("101", 0, 3000)[:2], PHONES)


def test_the_stretches_of_the_way_add_up_to_the_time_on_the_wire() -> None:
    calls = calls_on_the_wire([*a_call("101", 0, 3000), *a_call("102", 200_000, 4000)], PHONES)
    traced = joined(calls, [a_trace("first", 1_000), a_trace("second", 201_000)])
    cells = [line.split("|") for line in stretches(traced, traced[0])[2:]]
    shown = [float(cell[5]) for cell in cells]
    assert shown[-1] == 3.0
    assert sum(shown[:-1]) == pytest.approx(3.0)


def test_wire_and_trace_are_one_table_in_order() -> None:
    calls = calls_on_the_wire(a_call("101", 0, 3000), PHONES)
    trace = a_trace("first", 1_000)
    lines = table(joined(calls, [trace])[0], trace, PHONES)[2:]
    assert [line.split("|")[4].strip() for line in lines] == [
        "caller → Asterisk: **INVITE**",
        "Asterisk → caller: **100 (INVITE)**",
        "AcdArrived (caller): happened",
        "Asterisk → agent: **INVITE**",
    ]
    assert [words for _, _, words in on_the_wire(calls[0], PHONES)][-1] == "Asterisk → agent: **INVITE**"
