"""Waiting callers are treated as the campaign says, by a real router; and no prompt delays a free agent."""

from __future__ import annotations

import os
import statistics
import time

import pytest

from tests.integration.call_centre import CallCentre, poll
from tests.integration.test_dialplan_treatment import hears, now_playing
from tests.telephones.carrier import Caller
from tests.telephones.packets import host
from tests.telephones.sipp_agent import Answers

PAIRS = int(os.environ.get("RINGFAIR_TREATMENT_PAIRS", "3"))
QUEUE = '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 600\n'
TREATMENT = (
    'exit_keys = "1"\n'
    '[queue.orders.treatment]\nwelcome = "acd/welcome"\nposition = "limit"\nposition_limit = 3\nfirst_s = 4\n'
    'every_s = 10\nkeys = "acd/leave-1"\ncomfort = ["acd/please-wait", "acd/wait-short"]\ncomfort_every_s = 10\n'
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("greeting", ["answered", "early-media"])
async def test_a_caller_hears_welcome_position_keys_and_comfort(centre: CallCentre, greeting: str) -> None:
    room = centre.room
    centre.settings(more="[trunk.trunk]\nkeys_before_answer = true\n")
    number = centre.campaign(greeting=greeting, queues=QUEUE + TREATMENT)
    await centre.start()
    await room.carrier.call(Caller(dnis=number, ani="+4915155500002"))
    before = await room.ami.event("AcdArrived")
    await hears(room, before, "acd/welcome")
    calls = await room.carrier.call(Caller(dnis=number))
    arrived = (await room.ami.events_of("AcdArrived", 2))[1]

    await hears(room, arrived, "acd/welcome")
    await hears(room, arrived, "acd/position-2&acd/leave-1", 10)
    await hears(room, arrived, "acd/please-wait", 15)
    await room.ami.send("Hangup", {"Channel": before["Channel"]})
    await hears(room, arrived, "acd/position-1&acd/leave-1", 15)
    await hears(room, arrived, "acd/wait-short", 15)
    await calls.abandon()


@pytest.mark.timeout(120)
async def test_another_router_goes_on_and_nobody_is_welcomed_twice(centre: CallCentre) -> None:
    room = centre.room
    number = centre.campaign(queues=QUEUE + TREATMENT)
    await centre.start()
    await room.carrier.call(Caller(dnis=number))
    arrived = await room.ami.event("AcdArrived")
    await hears(room, arrived, "acd/welcome")
    await hears(room, arrived, "acd/position-1", 10)
    second = centre.beside()
    await second.start(wait=False)
    await second.until_it_stands_by()
    await centre.stop()
    await second.until_ready()
    heard: set[str] = set()

    async def goes_on() -> bool:
        heard.add(now_playing(room, arrived))
        told = "&".join(heard)
        return "acd/position-1" in told and ("acd/please-wait" in told or "acd/wait-short" in told)

    await poll("the next router tells the position, and comforts", goes_on, 30)
    assert not any("acd/welcome" in said for said in heard)


def micros(timestamp: str) -> int:
    """Of an event, as Asterisk stamps it."""
    return int(timestamp.replace(".", ""))


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.mark.timeout(60 + 20 * PAIRS)
@pytest.mark.parametrize("greeting", ["answered", "early-media"])
async def test_a_free_agent_cuts_a_prompt_and_is_not_delayed(centre: CallCentre, greeting: str) -> None:
    """READY → the agent's INVITE, and the agent's 200 OK → the bridge, by turns with a prompt and with music."""
    room = centre.room
    number = centre.campaign(greeting=greeting, queues=QUEUE)
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.log_in(agent)
    await room.phone(agent).behave(Answers(rings_ms=50, talks_ms=300))
    wire = await room.packets()
    ready_at: list[int] = []
    with_prompt: list[bool] = []
    clock = room.ami
    for turn in range(2 * PAIRS):
        await centre.agent_is(agent, work="idle")
        await centre.post(f"/v1/agents/{agent}/pause", {"reason": "break"})
        since = len(clock.events)
        calls = await room.carrier.call(Caller(dnis=number, speaks=True))
        arrived = await clock.event("AcdArrived", since=since)
        await centre.waiting(1)
        with_prompt.append(turn % 2 == 0)
        if with_prompt[-1]:
            await room.set_variable(arrived["Channel"], "ACD_SAY", "default~" + "&".join(["acd/fallback"] * 4))
            await hears(room, arrived, "acd/fallback")
        else:
            now_playing(room, arrived)  # the same work of this test's own, before the same pause
        await room.heartbeats(2)
        ready_at.append(now_us())
        await centre.post(f"/v1/agents/{agent}/unpause")
        await clock.event("AcdAfter", since=since)
        await calls.end()
        await centre.waiting(0)
    await wire.stop()

    messages = wire.sip()
    invites = [m.at for m in messages if m.method == "INVITE" and not m.status and host(m.target) == "127.0.0.20"]
    answers = [m.at for m in messages if m.status == 200 and m.method == "INVITE" and host(m.source) == "127.0.0.20"]
    bridges = [micros(event["Timestamp"]) for event in clock.seen("BridgeEnter")][1::2]
    assert len(invites) == len(answers) == len(bridges) == 2 * PAIRS
    to_invite = [invite - ready for invite, ready in zip(invites, ready_at, strict=True)]
    to_bridge = [bridge - answer for bridge, answer in zip(bridges, answers, strict=True)]
    for what, took in (("READY → INVITE", to_invite), ("200 OK → bridge", to_bridge)):
        prompt, music = ([us for us, so in zip(took, with_prompt, strict=True) if so is w] for w in (True, False))
        medians = statistics.median(prompt), statistics.median(music)
        print(f"{greeting}: {what}: prompt {medians[0] / 1000:.1f} ms, music {medians[1] / 1000:.1f} ms, {PAIRS} pairs")
        print(f"   prompt {[round(us / 1000, 1) for us in prompt]}, music {[round(us / 1000, 1) for us in music]}")
        assert medians[0] < medians[1] + 20_000
