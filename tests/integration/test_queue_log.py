"""Our queue log beside app_queue's own, of the same story on the same Asterisk, line by line and field by field."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from router.adapters.pbx.root import Root
from router.adapters.pbx.valkey import Valkey
from tests.integration.call_centre import CallCentre, poll
from tests.integration.telephone_room import TelephoneRoom
from tests.integration.twin_logs import AppQueue, Desk, Line, Ours, TwinPbx, lines_of, told_of, told_of_agent
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers

WITHIN_S, WITHIN_MS = 1, 1100
"app_queue looks at its callers once a second."
ANN, BOB = "agent-2001", "agent-2002"


@pytest.fixture(scope="module")
def twin(root: Root) -> Iterator[TwinPbx]:
    pbx = TwinPbx(f"twin-{os.getpid()}", root)
    try:
        pbx.instance.start()
        yield pbx
    finally:
        pbx.remove()


@pytest.fixture
async def twin_room(twin: TwinPbx) -> AsyncIterator[TelephoneRoom]:
    async with TelephoneRoom(twin.instance) as room:
        yield room


async def story(room: TelephoneRoom, desk: Desk) -> list[Line]:
    """One morning of two agents and ten callers; gives its log."""
    number = 0

    def caller(dnis: str = desk.dnis, **how: object) -> Caller:
        nonlocal number
        number += 1
        return Caller(dnis=dnis, ani=f"+49151555001{number:02}", **how)  # type: ignore[arg-type]

    async def so_many_wait(count: int) -> None:
        async def so() -> bool:
            return await desk.waiting() == count

        await poll(f"{count} wait", so, 8)

    carrier, ann, bob = room.carrier, room.phone(ANN), room.phone(BOB)
    await ann.behave(Answers(rings_ms=1200, talks_ms=2000))
    await desk.log_in(ANN)

    # 1 answered, the agent hangs up; 2 answered, the caller does
    await (await carrier.call(caller())).end(15)
    await so_many_wait(0)
    await ann.behave(Answers(rings_ms=1200))
    await (await carrier.call(caller(talks_ms=3500))).end(15)
    await so_many_wait(0)

    # pauses; 3 gives up, 4 has waited long enough, 5 presses a key
    await desk.pause(ANN, "break")
    await (await carrier.call(caller(talks_ms=2500))).end(15)
    await (await carrier.call(caller(desk.brief))).end(30)
    await so_many_wait(0)
    await (await carrier.call(caller(presses="1", key_after_ms=2500))).end(30)
    await so_many_wait(0)

    # 6 and 7 wait for one agent; the second gives up
    first = await carrier.call(caller())
    await so_many_wait(1)
    second = await carrier.call(caller(talks_ms=2000))
    await so_many_wait(2)
    await second.end(15)
    await ann.behave(Answers(talks_ms=1500))
    await desk.unpause(ANN)
    await first.end(15)
    await so_many_wait(0)

    # 8 is let ring by one, who is paused for it, and taken by the other; what takes this machine long is done before
    await ann.behave(NEVER_ANSWERS)
    await bob.behave(Answers(talks_ms=1500))
    waits = await carrier.call(caller())
    await ann.has("cancelled")
    await desk.log_in(BOB)
    await waits.end(15)
    await so_many_wait(0)

    # 9 leaves while an agent rings
    await bob.behave(NEVER_ANSWERS)
    leaves = await carrier.call(caller(talks_ms=1300))
    await leaves.end(15)
    await bob.has("cancelled")

    await desk.unpause(ANN)
    for agent in (ANN, BOB):
        await desk.log_out(agent)

    async def all_told() -> bool:
        return sum(line.event == "REMOVEMEMBER" for line in lines_of(desk.text())) >= 4

    await poll("the log is written", all_told, 5)
    return lines_of(desk.text())


def differences(ours: list[Line], theirs: list[Line]) -> list[str]:
    """What a reader of both would notice; numbers may differ by a second."""
    told = [f"    ours   {line}" for line in ours] + [f"    theirs {line}" for line in theirs]
    if [line.event for line in ours] != [line.event for line in theirs]:
        return ["other events:", *told]
    return [
        f"{mine}   is not like   {other}"
        for mine, other in zip(ours, theirs, strict=True)
        if (mine.queue, mine.agent) != (other.queue, other.agent) or not alike(mine, other)
    ]


def differences_of_agents(ours: list[Line], theirs: list[Line]) -> list[str]:
    """Who is paused for a call they let ring has a reason by another name: of theirs nobody can choose it."""
    named = [replace(line, data=("rona",)) if line.data == ("Auto-Pause",) else line for line in theirs]
    return differences(ours, named)


def alike(mine: Line, other: Line) -> bool:
    within = WITHIN_MS if mine.event.startswith("RING") else WITHIN_S
    return len(mine.data) == len(other.data) and all(
        abs(int(one) - int(two)) <= within if one.isdecimal() and two.isdecimal() else one == two
        for one, two in zip(mine.data, other.data, strict=True)
    )


@pytest.mark.timeout(240)
async def test_both_logs_tell_the_same_story(twin: TwinPbx, twin_room: TelephoneRoom, valkey: Valkey) -> None:
    async with twin.supervisor() as supervisor:
        theirs = await story(twin_room, AppQueue(twin, supervisor))
    async with CallCentre(twin_room, valkey) as centre:
        desk = Ours(centre)
        for agent in (ANN, BOB):
            centre.agent(agent)
        await centre.start()
        ours = await story(twin_room, desk)
        print(centre.tell())

    print("\n".join(["---- theirs", *map(str, theirs), "---- ours", *map(str, ours)]))
    callers = sorted({line.call for line in [*ours, *theirs] if line.call.startswith("caller")})
    found = {call: differences(told_of(ours, call), told_of(theirs, call)) for call in callers}
    for agent in (f"PJSIP/{ANN}", f"PJSIP/{BOB}"):
        found[agent] = differences_of_agents(told_of_agent(ours, agent), told_of_agent(theirs, agent))
    assert len(callers) == 9
    assert {about: said for about, said in found.items() if said} == {}
