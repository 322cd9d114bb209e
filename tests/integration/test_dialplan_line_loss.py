"""The agent's leg ends by a line or by a person, and nobody decides: only the caller of a lost line waits again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from tests.integration.telephone_room import AGENTS, TelephoneRoom
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

pytestmark = pytest.mark.timeout(90)
AGENT, SECOND = "agent-2001", "agent-2002"


@pytest.fixture(scope="module")
def impatient(root: Root) -> Iterator[Instance]:
    """An Asterisk that gives up a leg after three seconds without RTP."""
    pbx = Instance(f"loss-{os.getpid()}", Ports.free(rtp_ports=100), root=root, qualify_s=0, rtp_timeout_s=3)
    try:
        pbx.render()
        pbx.write_agents(
            [
                AgentEndpoint(agent_id=name, endpoint=name, contact=f"sip:{name}@{address}:{port}")
                for name, (address, port) in AGENTS.items()
            ]
        )
        pbx.start()
        yield pbx
    finally:
        pbx.remove()


@pytest.fixture
async def far(impatient: Instance) -> AsyncIterator[TelephoneRoom]:
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(TelephoneRoom(impatient))


async def talk(room: TelephoneRoom, how: Answers) -> dict[str, str]:
    """A caller who speaks, with this agent; then the router falls silent."""
    await room.phone(AGENT).behave(how)
    await room.carrier.call(Caller(await room.campaign(), speaks=True))
    arrived = await room.ami.event("AcdArrived")
    await room.offer(arrived, AGENT)
    await room.ami.events_of("BridgeEnter", 2)
    await room.stop_heart()
    return arrived


async def test_caller_whose_agent_fell_silent_on_the_line_waits_again_without_any_router(far: TelephoneRoom) -> None:
    arrived = await talk(far, Answers())  # a phone that sends neither RTP nor RTCP

    ended = await far.ami.event("Hangup", Uniqueid=arrived["Contact"] + ".1", within_s=15)

    assert ended["Cause"] == "44"
    await far.ami.event("AcdAfter", Contact=arrived["Contact"])
    assert await far.variable(arrived["Channel"], "ACD_LINE_LOSS") == "44"
    await far.until_variable(arrived["Channel"], "ACD_STATE", "waiting")
    assert await far.variable(arrived["Channel"], "CONTEXT") == "acd-wait"
    assert await far.variable(arrived["Channel"], "ACD_LINE_LOSS") == ""


async def test_mark_of_a_lost_line_is_gone_when_the_next_agent_talks(far: TelephoneRoom) -> None:
    arrived = await talk(far, Answers())
    await far.beat()
    await far.ami.event("AcdAfter", Contact=arrived["Contact"], within_s=15)
    await far.until_variable(arrived["Channel"], "ACD_LINE_LOSS", "44")
    # a living router decides at once, before acd-after looks at the mark
    await far.redirect(arrived["Channel"], "acd-wait")
    await far.until_variable(arrived["Channel"], "ACD_STATE", "waiting")
    await far.phone(SECOND).behave(Answers(talks_ms=500))

    await far.offer(arrived, SECOND, 2)

    await far.ami.events_of("AcdAfter", 2)
    ended = await far.ami.event("Hangup", Uniqueid=arrived["Contact"], within_s=10)
    assert ended["Context"] == "acd-after"


async def test_caller_whose_agent_hung_up_is_released(far: TelephoneRoom) -> None:
    arrived = await talk(far, Answers(talks_ms=500))

    ended = await far.ami.event("Hangup", Uniqueid=arrived["Contact"], within_s=10)

    assert (ended["Cause"], ended["Context"]) == ("16", "acd-after")
    assert far.ami.seen("AcdAfter")


async def test_caller_whose_leg_to_the_agent_we_ended_is_released(far: TelephoneRoom) -> None:
    arrived = await talk(far, Answers())
    await far.ami.send("Hangup", {"Channel": arrived["Contact"] + ".1", "Cause": "16"})

    ended = await far.ami.event("Hangup", Uniqueid=arrived["Contact"], within_s=10)

    assert (ended["Cause"], ended["Context"]) == ("16", "acd-after")


async def test_mark_the_router_sets_itself_counts_too(far: TelephoneRoom) -> None:
    arrived = await talk(far, Answers(talks_ms=1500))
    await far.set_variable(arrived["Channel"], "ACD_LINE_LOSS", "1")
    await far.ami.event("AcdAfter")
    await far.until_variable(arrived["Channel"], "ACD_STATE", "waiting")
    await far.beat()
    await far.phone(SECOND).behave(Answers(talks_ms=200))

    await far.offer(arrived, SECOND, 2)

    assert [event["Agent"] for event in await far.ami.events_of("AcdTalk", 2)] == [AGENT, SECOND]
