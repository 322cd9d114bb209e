"""No room: who comes above a limit is refused before any answer; with a hand on the AMI in the router's place."""

from __future__ import annotations

from collections import Counter

import pytest

from router.domain.rulebook.admission import Room
from tests.integration.telephone_room import TelephoneRoom
from tests.telephones.carrier import Caller, Calls
from tests.telephones.packets import Packets
from tests.telephones.sipp_agent import Answers
from tests.telephones.workshop import until

TRUNK = "trunk"
"The endpoint that SIPp's calls come by (asterisk/pjsip.d/30-trunks.conf)."


async def number(room: TelephoneRoom, limits: str, *, campaign: str = "shop", greeting: str = "early-media") -> str:
    """A dialled number with its limits behind the pool, as the router publishes it."""
    digits = await room.campaign()
    await room.set_global(f"ACD_DNIS_{digits}", f"{campaign},{greeting},de,default,{room.pool}{limits}")
    return digits


async def settled(*calls: Calls) -> None:
    """Wait until each call was answered or refused."""
    for call in calls:
        await until(
            f"an end of the ringing of {call.count} calls, not {call.fates()}",
            lambda call=call: sum(bool(fate) for fate in call.fates()) >= call.count,  # type: ignore[misc]
            20,
        )


def counted(*calls: Calls) -> Counter[str]:
    return Counter(fate[0] for call in calls for fate in call.fates())


def heard_by_the_refused(packets: Packets, status: int) -> set[int]:
    """Every status the carrier got in calls that were refused with `status`."""
    answers = [m for m in packets.sip() if m.method == "INVITE" and m.status and m.target.startswith("127.0.0.2:")]
    refused = {m.header("Call-ID") for m in answers if m.status == status}
    return {m.status for m in answers if m.header("Call-ID") in refused}


async def test_a_full_node_refuses_with_503_and_nothing_before_it(room: TelephoneRoom) -> None:
    dialled = await number(room, ",3", greeting="answered")
    packets = await room.packets()

    calls = await room.carrier.call(Caller(dialled), count=8, per_s=20)
    await settled(calls)
    await packets.stop()

    assert counted(calls) == {"answered": 3, "refused 503": 5}
    assert heard_by_the_refused(packets, 503) == {100, 503}
    refused = await room.ami.events_of("AcdRefused", 5)
    assert {(said["Reason"], said["Dnis"], said["Ani"], said["Campaign"]) for said in refused} == {
        ("node-full", dialled, "", "shop")
    }
    assert len(room.ami.seen("AcdArrived")) == 3


async def test_a_full_campaign_is_busy_and_the_others_are_not(room: TelephoneRoom) -> None:
    full = await number(room, ",,2", campaign="full", greeting="answered")
    other = await number(room, ",,2", campaign="other", greeting="answered")

    calls = await room.carrier.call(Caller(full), count=5, per_s=20)
    await settled(calls)
    others = await room.carrier.call(Caller(other), count=2, per_s=20)
    await settled(others)

    assert counted(calls) == {"answered": 2, "refused 486": 3}
    assert counted(others) == {"answered": 2}
    assert {said["Reason"] for said in room.ami.seen("AcdRefused")} == {"campaign-full"}


async def test_the_same_name_in_another_pool_is_another_campaign(room: TelephoneRoom) -> None:
    ours = await number(room, ",,1", greeting="answered")
    theirs = await number(room, "", greeting="answered")
    await room.set_global(f"ACD_DNIS_{theirs}", f"shop,answered,de,default,{room.pool}-other,,1")

    first = await room.carrier.call(Caller(ours))
    await settled(first)
    second = await room.carrier.call(Caller(theirs))
    await settled(second)

    assert counted(first, second) == {"answered": 2}


async def test_a_full_trunk_refuses_and_an_emergency_campaign_comes_through(room: TelephoneRoom) -> None:
    shop = await number(room, "", greeting="answered")
    hotline = await number(room, ",9,,!", campaign="hotline", greeting="answered")
    await room.set_global(f"ACD_TRUNK_{TRUNK}", "2")
    try:
        calls = await room.carrier.call(Caller(shop), count=4, per_s=20)
        await settled(calls)
        urgent = await room.carrier.call(Caller(hotline), count=2, per_s=20)
        await settled(urgent)
    finally:
        await room.set_global(f"ACD_TRUNK_{TRUNK}", "")

    assert counted(calls) == {"answered": 2, "refused 503": 2}
    assert counted(urgent) == {"answered": 2}
    assert {said["Reason"] for said in room.ami.seen("AcdRefused")} == {"trunk-full"}


async def test_places_kept_for_emergencies_are_theirs_up_to_the_node_s_own_limit(room: TelephoneRoom) -> None:
    shop = await number(room, ",2", greeting="answered")
    hotline = await number(room, ",4,,!", campaign="hotline", greeting="answered")

    calls = await room.carrier.call(Caller(shop), count=4, per_s=20)
    await settled(calls)
    urgent = await room.carrier.call(Caller(hotline), count=4, per_s=20)
    await settled(urgent)

    assert counted(calls) == {"answered": 2, "refused 503": 2}
    assert counted(urgent) == {"answered": 2, "refused 503": 2}


async def test_a_caller_who_talks_is_counted_and_one_who_left_is_not(room: TelephoneRoom) -> None:
    dialled = await number(room, ",1", greeting="answered")
    first = await room.carrier.call(Caller(dialled, talks_ms=2500))
    arrived = await room.ami.event("AcdArrived")
    await room.phone("agent-2001").behave(Answers(talks_ms=10_000))
    await room.offer(arrived, "agent-2001")
    await room.ami.event("BridgeEnter")
    assert len(room._channels()) == 2  # the caller's channel was swapped for another one, and the old one is gone

    meanwhile = await room.carrier.call(Caller(dialled))
    assert await meanwhile.end() == [["refused 503"]]
    await first.end(20)
    after = await room.carrier.call(Caller(dialled))
    await settled(after)

    assert counted(after) == {"answered": 1}


@pytest.mark.parametrize(
    "caller",
    [
        {"headers": ["P-Asserted-Identity: <sip:+4930111222@carrier.invalid>"]},
        {"from_header": '"O\'Hara, (x)" <sip:+4915155500001@carrier.invalid>'},
        {"from_header": "<sip:anonymous@anonymous.invalid>", "headers": ["Privacy: id"]},
    ],
)
async def test_who_needs_cleaning_is_counted_and_refused_like_anybody(room: TelephoneRoom, caller: dict) -> None:
    dialled = await number(room, ",1", greeting="answered")

    first = await room.carrier.call(Caller(dialled, **caller))
    await settled(first)
    second = await room.carrier.call(Caller(dialled, **caller))
    third = await room.carrier.call(Caller(dialled))

    assert counted(first) == {"answered": 1}
    assert await second.end() == await third.end() == [["refused 503"]]


async def test_a_number_that_nobody_serves_is_unknown_also_when_all_is_full(room: TelephoneRoom) -> None:
    dialled = await number(room, ",1", greeting="answered")
    await settled(await room.carrier.call(Caller(dialled)))

    unknown = await room.carrier.call(Caller(room.spare_number))

    assert await unknown.end() == [["refused 404"]]


@pytest.mark.parametrize(
    "hostile", ["4930555,,1)", "+49$%7BX%7D", "0)%7D%40acd-node", "49;npdi", "4930%29%7D", "49%2C%2C%2C9"]
)
async def test_a_hostile_number_is_unknown_and_not_full(room: TelephoneRoom, hostile: str) -> None:
    dialled = await number(room, ",1", greeting="answered")
    await settled(await room.carrier.call(Caller(dialled)))

    calls = await room.carrier.call(Caller(hostile))

    [[fate]] = await calls.end()
    assert fate in ("refused 404", "refused 484", "refused 400")


async def test_limits_hold_with_a_router_that_is_gone_and_places_come_back(room: TelephoneRoom) -> None:
    dialled = await number(room, ",2", greeting="answered")
    await room.stop_heart()

    calls = await room.carrier.call(Caller(dialled, talks_ms=1500), count=4, per_s=20)
    fates = await calls.end(20)
    assert Counter(fate[0] for fate in fates) == {"answered": 2, "refused 503": 2}
    again = await room.carrier.call(Caller(dialled, talks_ms=200), count=2, per_s=20)

    assert Counter(fate[0] for fate in await again.end()) == {"answered": 2}


async def test_of_many_at_once_never_more_than_the_limit_are_let_in(room: TelephoneRoom) -> None:
    dialled = await number(room, ",5", greeting="answered")

    calls = await room.carrier.call(Caller(dialled), count=40, per_s=1000)
    await settled(calls)

    fates = counted(calls)
    assert fates["answered"] <= 5
    assert fates["answered"] + fates["refused 503"] == 40
    # whoever was refused in the crowd finds the places that are left
    more = await room.carrier.call(Caller(dialled), count=6, per_s=10)
    await settled(more)
    assert fates["answered"] + counted(more)["answered"] == 5


@pytest.mark.parametrize(
    ("limits", "trunk_limit"),
    [((2, 0, True), 0), ((0, 1, True), 0), ((3, 2, True), 1), ((3, 2, False), 1), ((2, 3, True), 3)],
)
async def test_asterisk_refuses_whom_the_rules_refuse(
    room: TelephoneRoom, limits: tuple[int, int, bool], trunk_limit: int
) -> None:
    """The dialplan's expression against router/domain/rulebook/admission.py, caller by caller."""
    on_node, of_campaign, trunks = limits
    rule = Room(on_node=on_node, of_campaign=of_campaign, trunks=trunks)
    dialled = await number(room, f",{on_node or ''},{of_campaign or ''},{'' if trunks else '!'}", greeting="answered")
    await room.set_global(f"ACD_TRUNK_{TRUNK}", str(trunk_limit) if trunk_limit else "")
    inside, expected = 0, []
    try:
        for _ in range(5):
            here = inside + 1
            why = rule.why_refused(on_node=here, of_campaign=here, by_trunk=here, trunk_limit=trunk_limit)
            expected += [why] if why else []
            inside += why is None
            await settled(await room.carrier.call(Caller(dialled)))
        seen = [said["Reason"] for said in await room.ami.events_of("AcdRefused", len(expected))] if expected else []
    finally:
        await room.set_global(f"ACD_TRUNK_{TRUNK}", "")

    assert seen == expected
    assert len(room.ami.seen("AcdArrived")) == inside
