"""Ways out of a line on a real Asterisk: a number outside, a message, keys, loops, too long in early media."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from router.domain.record import EndedBy, Outcome
from router.ports import ContactStory
from tests.integration.call_centre import CallCentre, poll
from tests.telephones.carrier import Caller
from tests.telephones.packets import Packets, SipMessage
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers, Rejects, SippAgent

pytestmark = pytest.mark.timeout(90)
OUTSIDE, OTHER = "+493023125990", "+493023125991"
TRUNK = "[trunk.trunk]\noutbound = true\nring_s = 5\n"


@pytest.fixture
async def outside(centre: CallCentre) -> AsyncIterator[SippAgent]:
    """Whoever has the numbers outside: the other end of the trunk, where it takes calls."""
    phone = SippAgent(centre.room.workshop, "127.0.0.2", 5060)
    yield phone
    await phone.close()


def queues(*targets: str, max_wait_s: float = 1, more: str = "", others: str = "") -> str:
    listed = ", ".join(f'"{target}"' for target in targets)
    return f'[queue.orders]\nneed = "de"\nmax_wait_s = {max_wait_s}\noverflow = [{listed}]\n{more}\n{others}'


def kinds(story: ContactStory) -> list[str]:
    assert story.record is not None
    return [segment.kind.value for segment in story.record.segments]


def invites_outside(packets: Packets) -> list[SipMessage]:
    return [m for m in packets.sip() if m.method == "INVITE" and not m.status and m.target == "127.0.0.2:5060"]


async def test_a_caller_who_waited_too_long_talks_to_somebody_outside(centre: CallCentre, outside: SippAgent) -> None:
    number = centre.campaign(greeting="early-media", queues=queues(f"dial:{OUTSIDE}", "closing"))
    centre.settings(more=TRUNK)
    await outside.behave(Answers(rings_ms=300, talks_ms=1500))
    await centre.start()
    packets = await centre.room.packets()
    calls = await centre.room.carrier.call(Caller(dnis="0" + number.removeprefix("49")))

    assert (await calls.end(20)) == [["answered", "released"]]
    [story] = await centre.stories(1)
    await packets.stop()

    record = story.record
    assert record is not None
    assert (record.outcome, record.ended_by, record.answered_at) == (Outcome.OVERFLOWED, EndedBy.SYSTEM, None)
    assert kinds(story) == ["waiting", "announcement"]
    [invite, *_] = invites_outside(packets)
    assert f"INVITE sip:{OUTSIDE}@127.0.0.2" in invite.first_line
    assert invite.header("X-Ringfair-Hops") == "1"
    assert f"+{number}" in invite.header("From"), "the whole number, though the carrier gave its end of it only"


async def test_the_caller_may_end_a_talk_with_somebody_outside(centre: CallCentre, outside: SippAgent) -> None:
    number = centre.campaign(queues=queues(f"dial:{OUTSIDE}"))
    centre.settings(more=TRUNK)
    await outside.behave(Answers(rings_ms=100))
    await centre.start()
    calls = await centre.room.carrier.call(Caller(dnis=number, talks_ms=4000))

    assert (await calls.end(20)) == [["answered", "hangs-up"]]
    await outside.has("released")
    [story] = await centre.stories(1)
    assert story.record is not None
    assert (story.record.outcome, story.record.ended_by) == (Outcome.OVERFLOWED, EndedBy.CALLER)


async def test_who_is_not_taken_outside_goes_to_the_next_target_and_to_an_agent(
    centre: CallCentre, outside: SippAgent
) -> None:
    others = '[queue.general]\nneed = "en"\nwrapup_s = 0\n'
    number = centre.campaign(greeting="early-media", queues=queues(f"dial:{OUTSIDE}", "queue:general", others=others))
    centre.settings(more=TRUNK)
    await outside.behave(Rejects(486))
    agent = centre.agent("agent-2001", en=100)
    await centre.start()
    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(talks_ms=500))
    calls = await centre.room.carrier.call(Caller(dnis=number))

    assert (await calls.end(20))[0] == ["answered", "released"]
    [story] = await centre.stories(1)
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED
    assert kinds(story)[-1] == "talk"
    await outside.has("rejected")
    assert [event["Why"] for event in centre.room.ami.seen("AcdNotTaken")] == ["busy"]


async def test_who_lets_it_ring_outside_has_so_long_and_no_longer(centre: CallCentre, outside: SippAgent) -> None:
    number = centre.campaign(queues=queues(f"dial:{OUTSIDE}", "closing"))
    centre.settings(more=TRUNK)
    await outside.behave(NEVER_ANSWERS)
    await centre.start()
    calls = await centre.room.carrier.call(Caller(dnis=number))

    assert (await calls.end(30)) == [["answered", "released"]]
    assert [event["Why"] for event in centre.room.ami.seen("AcdNotTaken")] == ["no-answer"]


async def test_a_caller_leaves_a_message_in_a_file_of_its_own(centre: CallCentre) -> None:
    number = centre.campaign(greeting="early-media", queues=queues("voicemail"))
    await centre.start()
    calls = await centre.room.carrier.call(Caller(dnis=number, speaks=True, talks_ms=11_000))

    await calls.end(30)
    [story] = await centre.stories(1)

    assert story.record is not None
    assert (story.record.outcome, kinds(story)) == (Outcome.OVERFLOWED, ["waiting", "announcement"])
    [told] = centre.room.ami.seen("AcdMessage")
    assert told["File"] == f"{story.record.contact_id}.wav"
    kept = centre.room.pbx.home / "spool" / "ringfair-messages" / told["File"]
    assert kept.stat().st_size > 8000
    assert int(told["Ms"]) > 500
    assert "message left" in centre.log.read_text()


async def test_a_key_takes_a_caller_to_a_queue_of_its_own(centre: CallCentre) -> None:
    others = '[queue.orders.keys]\n"0" = "queue:general"\n[queue.general]\nneed = "en"\nwrapup_s = 0\n'
    number = centre.campaign(queues=queues("closing", max_wait_s=600, others=others))
    agent = centre.agent("agent-2001", en=100)
    await centre.start()
    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(talks_ms=500))
    calls = await centre.room.carrier.call(Caller(dnis=number, presses="50"))

    assert (await calls.end(20))[0][-1] == "released"
    [story] = await centre.stories(1)
    assert story.record is not None
    assert (story.record.outcome, story.record.queue) == (Outcome.ANSWERED, "shop/general")


async def test_a_diverted_call_is_of_the_campaign_whose_pbx_diverts(centre: CallCentre) -> None:
    number = centre.campaign()
    centre.campaign("care", more='diversion = ["+493023125222"]')
    await centre.start()
    diverted = Caller(dnis=number, headers=["Diversion: <sip:+493023125222@pbx.invalid>;reason=unconditional"])
    await centre.room.carrier.call(diverted)
    await centre.room.carrier.call(Caller(dnis=number, headers=["Diversion: <sip:+493023125223@pbx.invalid>"]))
    await centre.room.carrier.call(Caller(dnis=number, headers=['Diversion: ";;<>,(${']))

    assert sorted(one["campaign"] for one in await centre.waiting(3)) == ["care", "shop", "shop"]


async def test_a_call_that_goes_round_is_refused(centre: CallCentre) -> None:
    number = centre.campaign()
    await centre.start()
    hops = [f"Diversion: <sip:+49302312522{n}@pbx.invalid>" for n in range(2)]
    two_in_one = "Diversion: <sip:+493023125227@a.invalid>;reason=deflection, <sip:+493023125228@b.invalid>"
    round_again = Caller(dnis=number, headers=[*hops, two_in_one, "X-Ringfair-Hops: 1"])
    calls = await centre.room.carrier.call(round_again)

    [[refused]] = await calls.end()
    assert refused.startswith("refused")
    assert [event["Reason"] for event in centre.room.ami.seen("AcdRefused")] == ["loop"]
    assert await centre.contacts() == []
    once = Caller(dnis=number, headers=[hops[0], two_in_one, "X-Ringfair-Hops: 1"])
    await centre.room.carrier.call(once)
    await centre.waiting(1)


@pytest.mark.parametrize(
    "header",
    [
        "X-Ringfair-Hops: -1)&${SHELL(id)}",
        "X-Ringfair-Hops: ${1/0}",
        "X-Ringfair-Hops:",
        "X-Ringfair-Hops: four",
        'Diversion: "<<<<<<<<',
        "Diversion: <sip:" + "9" * 1500 + "@pbx.invalid>",
    ],
)
async def test_a_header_that_counts_nothing_costs_nobody_the_call(centre: CallCentre, header: str) -> None:
    number = centre.campaign()
    await centre.start()
    await centre.room.carrier.call(Caller(dnis=number, headers=[header]))

    await centre.waiting(1)


async def test_who_waits_too_long_in_early_media_is_answered_and_waits_on(centre: CallCentre) -> None:
    number = centre.campaign(greeting="early-media", more="early_media_max_s = 3")
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=500))
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await centre.waiting(1)
    assert calls.fates() == [[]] or calls.fates() == []
    await calls.all_are("answered", 8)
    assert (await centre.waiting(1))[0]["state"] == "queued"

    await centre.log_in(agent)

    assert (await calls.end(20))[0] == ["answered", "released"]
    [story] = await centre.stories(1)
    record = story.record
    assert record is not None
    assert record.answered_at is not None
    assert record.answered_at - record.arrived_at > 3_000_000
    assert kinds(story) == ["waiting", "talk"]


async def test_keys_are_heard_before_the_answer_where_the_trunk_carries_them(centre: CallCentre) -> None:
    others = '[queue.orders.keys]\n"0" = "queue:general"\n[queue.general]\nneed = "en"\n'
    centre.campaign(greeting="early-media", queues=queues("closing", max_wait_s=600, others=others))
    centre.settings(more="[trunk.trunk]\nkeys_before_answer = true\n")
    await centre.start()

    async def published() -> bool:
        return await centre.room.get_global("ACD_TRUNK_trunk.keys") == "1"

    await poll("the trunk is said to carry keys", published, 5)
