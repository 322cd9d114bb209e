"""A real call leaves a trace: every milestone from Asterisk's event to the Originate and back, in causal order."""

import asyncio
import json
import sys
from typing import Any

from tests.integration.call_centre import CallCentre, poll
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

DISORDER_S = 0.001
"Two clocks of one machine are read to the microsecond, and rounded."


async def ringfair(centre: CallCentre, *words: str) -> tuple[int, str, str]:
    """A command as an admin would give it; exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "router", *words, "--config", str(centre.site)],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(40):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def ended(centre: CallCentre, contact: str) -> dict[str, Any]:
    """The trace of a contact, once the router knows that it ended."""
    found: dict[str, Any] = {}

    async def so() -> bool:
        status, said = await centre.get(f"/v1/contacts/{contact}/trace")
        assert status == 200, said
        found.update(said)
        return not said["lives"]

    await poll(lambda: f"{contact} ended", so, 10)
    return found


def positions(trace: dict[str, Any], *wanted: tuple[str, str, str]) -> list[int]:
    """Where each (what, of, step) stands among the milestones; fails with all of them when one is missing."""
    way = [(one["what"], one["of"], one["step"]) for one in trace["milestones"]]
    missing = [one for one in wanted if one not in way]
    assert not missing, (missing, way)
    return [way.index(one) for one in wanted]


async def test_a_real_calls_trace_has_every_milestone_in_causal_order(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(rings_ms=300, talks_ms=500))
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await calls.end()
    [story] = await centre.stories(1)
    trace = await ended(centre, story.contact_id)

    for what, of in (
        ("AcdArrived", "caller"),
        ("Newchannel", "offer 1"),
        ("Newstate Ringing", "offer 1"),
        ("Newstate Up", "offer 1"),
        ("AcdTalk", "offer 1"),
        ("Hangup", "offer 1"),
        ("Hangup", "caller"),
    ):
        order = positions(trace, *((what, of, step) for step in ("happened", "read", "parsed", "taken", "decided")))
        assert order == sorted(order), what
    causes = positions(
        trace,
        ("AcdArrived", "caller", "taken"),
        ("AcdArrived", "caller", "decided"),
        ("ContactQueued", "", "event"),
        ("OfferMade", "offer 1", "event"),
        ("Originate", "offer 1", "written"),
        ("Newchannel", "offer 1", "read"),
        ("Newstate Ringing", "offer 1", "decided"),
        ("OfferRang", "offer 1", "event"),
        ("AcdTalk", "offer 1", "read"),
        ("ContactConnected", "", "event"),
        ("Hangup", "caller", "taken"),
        ("ContactEnded", "", "event"),
    )
    assert causes == sorted(causes)
    positions(trace, ("Originate", "offer 1", "answered"))

    [offer] = trace["offers"]
    assert (offer["cause"], offer["cause_contact"]) == ("AcdArrived", None)
    assert list(offer["gaps_s"]) == [
        *("asterisk_to_router", "parser", "inbox", "engine", "effect"),
        *("asterisk", "phone", "agent", "bridge"),
    ]
    ours = ("parser", "inbox", "engine", "effect")
    assert min(offer["gaps_s"][name] for name in ours) >= 0, "one clock never goes back"
    assert offer["gaps_s"]["asterisk_to_router"] > -DISORDER_S, "the two clocks of one machine agree"
    assert offer["totals_s"]["to_leg"] > 0
    assert offer["gaps_s"]["agent"] > 0.2, "the phone rang for 300 ms"
    assert story.record is not None
    assert story.record.ani.strip("+") not in json.dumps(trace)


async def test_the_trace_of_a_waiting_caller_shows_whose_end_freed_the_agent(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(talks_ms=800))
    calls = await centre.room.carrier.call(Caller(dnis=number), count=2)
    await calls.end()
    first, second = await centre.stories(2)

    [offer] = (await ended(centre, second.contact_id))["offers"]
    assert (offer["cause"], offer["cause_contact"]) == ("Hangup", first.contact_id)
    assert {"asterisk_to_router", "parser", "inbox", "engine", "effect", "asterisk"} <= offer["gaps_s"].keys()


async def test_an_admin_reads_the_trace_on_the_command_line(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    code, said, _ = await ringfair(centre, "trace")
    assert (code, said) == (0, "The router has traced no contact since it was started.\n")

    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await (await centre.room.carrier.call(Caller(dnis=number))).end()
    [story] = await centre.stories(1)

    code, said, _ = await ringfair(centre, "trace", story.contact_id)
    assert code == 0
    for part in ("AcdArrived", "written to Asterisk", "making the agent's leg", "█"):
        assert part in said, said
    code, said, _ = await ringfair(centre, "trace", "--last", "5")
    assert code == 0
    assert f"{story.contact_id}.1" in said
    assert "p99" in said
    code, _, said = await ringfair(centre, "trace", "nobody")
    assert code == 4
    assert "remembers the way of 1 contact, back to" in said
