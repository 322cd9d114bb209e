"""Callers reach agents: the whole path with a real router, Asterisk, SIP phones."""

import itertools

from router.domain.ids import SECOND
from router.domain.record import EndedBy, OfferResult, Outcome, SegmentKind
from router.ports import ContactStory
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers, Rejects

QUICK_RING = '[queue.orders]\nneed = "de"\nring_s = 2\nwrapup_s = 0\nmax_wait_s = 600\n'


def kinds(story: ContactStory) -> list[str]:
    assert story.record is not None
    segments = story.record.segments
    for before, after in itertools.pairwise(segments):
        assert before.to_at == after.from_at, "segments leave a gap or overlap"
    assert (segments[0].from_at, segments[-1].to_at) == (story.record.arrived_at, story.record.ended_at)
    last = segments[-1]
    if last.kind is SegmentKind.WAITING and len(segments) > 1 and last.to_at - last.from_at < SECOND:
        segments = segments[:-1]  # let go by a busy machine, a moment after the talk
    return [kind for kind, _ in itertools.groupby(segment.kind.value for segment in segments)]


def outcome(story: ContactStory) -> Outcome:
    assert story.record is not None
    return story.record.outcome


async def test_a_caller_talks_to_a_free_agent_and_one_record_tells_it(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(talks_ms=700))
    calls = await centre.room.carrier.call(Caller(dnis=number))

    [fate] = await calls.end()
    [story] = await centre.stories(1)

    assert fate[-1] == "released"
    assert story.record is not None
    assert outcome(story) is Outcome.ANSWERED
    assert story.record.ended_by is EndedBy.AGENT
    assert story.record.ani == "+4915155500001"
    assert story.record.dnis == f"+{number}"
    assert kinds(story) == ["waiting", "talk"]
    assert [offer.result for offer in story.offers] == [OfferResult.ANSWERED]
    assert [leg.agent_id for leg in story.record.legs] == [None, agent]
    assert [decision.chosen for decision in story.decisions] == [agent]


async def test_a_caller_in_early_media_is_answered_only_when_the_agent_is(centre: CallCentre) -> None:
    number = centre.campaign(greeting="early-media")
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(rings_ms=1000, talks_ms=500))
    packets = await centre.room.packets()
    calls = await centre.room.carrier.call(Caller(dnis=number, speaks=True))

    await calls.end()
    [story] = await centre.stories(1)
    await packets.stop()

    answers = [message for message in packets.sip() if message.status == 200 and message.method == "INVITE"]
    by_agent = next(message.at for message in answers if message.source.startswith("127.0.0.20:"))
    by_us = next(message.at for message in answers if message.target.startswith("127.0.0.2:"))
    assert by_us >= by_agent
    assert kinds(story) == ["waiting", "talk"]


async def test_a_caller_waits_while_nobody_is_free_and_gets_the_first_who_is(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=500))
    calls = await centre.room.carrier.call(Caller(dnis=number))
    [waiting] = await centre.waiting(1)
    assert waiting["state"] == "queued"

    await centre.log_in(agent)

    assert (await calls.end())[0][-1] == "released"
    [story] = await centre.stories(1)
    assert outcome(story) is Outcome.ANSWERED


async def test_callers_are_served_in_the_order_they_came(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=100))
    calls = [await centre.room.carrier.call(Caller(dnis=number, ani=f"+491515550000{n}")) for n in range(5)]
    await centre.waiting(5)

    await centre.log_in(agent)

    for call in calls:
        await call.end(20)
    records = [story.record for story in await centre.stories(5) if story.record]
    by_arrival = sorted(records, key=lambda record: record.arrived_at)
    by_answer = sorted(records, key=lambda record: record.answered_at or 0)
    assert [record.contact_id for record in by_answer] == [record.contact_id for record in by_arrival]


async def test_who_does_not_answer_is_paused_and_the_next_agent_rings_at_once(centre: CallCentre) -> None:
    number = centre.campaign(queues=QUICK_RING)
    deaf, good = centre.agent("agent-2001"), centre.agent("agent-2002")
    await centre.start()
    await centre.room.phone(deaf).behave(NEVER_ANSWERS)
    await centre.room.phone(good).behave(Answers(talks_ms=300))
    await centre.log_in(deaf)
    await centre.log_in(good)
    calls = await centre.room.carrier.call(Caller(dnis=number))

    await calls.end(15)
    [story] = await centre.stories(1)

    assert [(offer.agent_id, offer.result) for offer in story.offers] == [
        (deaf, OfferResult.MISSED),
        (good, OfferResult.ANSWERED),
    ]
    assert kinds(story) == ["waiting", "talk"]
    await centre.agent_is(deaf, status="PAUSED", reason="rona", work="idle")
    assert [leg.agent_id for leg in story.record.legs if story.record] == [None, deaf, good]


async def test_who_rejects_is_told_from_who_misses_and_stays_ready(centre: CallCentre) -> None:
    number = centre.campaign()
    unwilling, good = centre.agent("agent-2001"), centre.agent("agent-2002")
    await centre.start()
    await centre.room.phone(unwilling).behave(Rejects(603))
    await centre.room.phone(good).behave(Answers(talks_ms=300))
    await centre.log_in(unwilling)
    await centre.log_in(good)
    calls = await centre.room.carrier.call(Caller(dnis=number))

    await calls.end()
    [story] = await centre.stories(1)

    assert [(offer.agent_id, offer.result) for offer in story.offers] == [
        (unwilling, OfferResult.REJECTED),
        (good, OfferResult.ANSWERED),
    ]
    await centre.agent_is(unwilling, status="READY", work="idle")


async def test_an_agent_who_rejects_alone_is_not_asked_again_at_once(centre: CallCentre) -> None:
    number = centre.campaign()
    unwilling = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(unwilling).behave(Rejects(603))
    await centre.log_in(unwilling)
    calls = await centre.room.carrier.call(Caller(dnis=number, patience_ms=3000, talks_ms=2500))

    await calls.end()
    [story] = await centre.stories(1)

    assert [offer.result for offer in story.offers] == [OfferResult.REJECTED]
    assert outcome(story) is Outcome.ABANDONED


async def test_a_phone_on_a_private_call_is_not_offered_anything(centre: CallCentre) -> None:
    number = centre.campaign()
    busy, good = centre.agent("agent-1001"), centre.agent("agent-2002")
    await centre.start()
    softphone = await centre.room.softphone(busy)
    await centre.agent_is(busy, reach="REACHABLE")
    await centre.log_in(busy, good)
    await softphone.dial("*43")
    await softphone.sees("CALL_ESTABLISHED")
    await centre.agent_is(busy, reach="BUSY_ELSEWHERE")
    await centre.room.phone(good).behave(Answers(talks_ms=300))
    calls = await centre.room.carrier.call(Caller(dnis=number))

    await calls.end()
    [story] = await centre.stories(1)
    await softphone.hang_up()

    assert [offer.agent_id for offer in story.offers] == [good]
    assert ("busy_elsewhere", 1) in story.decisions[0].others
    await centre.agent_is(busy, reach="REACHABLE")


async def test_a_phone_that_is_not_registered_is_not_offered_anything(centre: CallCentre) -> None:
    number = centre.campaign()
    absent, good = centre.agent("agent-1001"), centre.agent("agent-2002")
    await centre.start()
    await centre.log_in(absent, good)
    await centre.agent_is(absent, reach="UNREACHABLE", status="READY")
    await centre.room.phone(good).behave(Answers(talks_ms=300))
    calls = await centre.room.carrier.call(Caller(dnis=number))

    await calls.end()
    [story] = await centre.stories(1)

    assert [offer.agent_id for offer in story.offers] == [good]
    assert ("unreachable", 1) in story.decisions[0].others


async def test_who_hangs_up_waiting_has_abandoned(centre: CallCentre) -> None:
    number = centre.campaign(greeting="early-media")
    centre.agent("agent-2001")
    await centre.start()
    calls = await centre.room.carrier.call(Caller(dnis=number, patience_ms=1200))

    [fate] = await calls.end()
    [story] = await centre.stories(1)

    assert fate == ["gave-up"]
    assert story.record is not None
    assert (outcome(story), story.record.ended_by) == (Outcome.ABANDONED, EndedBy.CALLER)
    assert kinds(story) == ["waiting"]
    assert story.offers == ()


async def test_who_hangs_up_while_the_agent_rings_costs_the_agent_nothing(centre: CallCentre) -> None:
    number = centre.campaign(greeting="early-media")
    agent = centre.agent("agent-2001")
    await centre.start()
    phone = centre.room.phone(agent)
    await phone.behave(NEVER_ANSWERS)
    await centre.log_in(agent)
    calls = await centre.room.carrier.call(Caller(dnis=number, patience_ms=1500))

    await calls.end()
    [story] = await centre.stories(1)
    [offer] = await centre.offers(1)

    assert outcome(story) is Outcome.ABANDONED
    assert offer.result is OfferResult.CALLER_LEFT
    await phone.has("cancelled")
    await centre.agent_is(agent, status="READY", work="idle")


async def test_callers_who_hang_up_as_the_agent_answers_leave_nobody_stuck(centre: CallCentre) -> None:
    number = centre.campaign(greeting="early-media")
    agents = [centre.agent(f"agent-200{n}") for n in range(1, 6)]
    await centre.start()
    for agent in agents:
        await centre.room.phone(agent).behave(Answers(rings_ms=400, talks_ms=2000))
    await centre.log_in(*agents)
    patience = (380, 390, 395, 400, 402, 404, 406, 408, 410, 415, 420, 430, 450)
    calls = [await centre.room.carrier.call(Caller(dnis=number, patience_ms=ms, talks_ms=1)) for ms in patience]
    for call in calls:
        await call.end(30)

    stories = await centre.stories(len(patience), 20)

    assert len(stories) == len(patience)
    for story in stories:
        kinds(story)
        assert story.record is not None
        talked = SegmentKind.TALK in [segment.kind for segment in story.record.segments]
        assert talked == (story.record.answered_at is not None)
        assert outcome(story) is (Outcome.ANSWERED if talked else Outcome.ABANDONED)
    for agent in agents:
        await centre.agent_is(agent, status="READY", work="idle")


async def test_hold_is_a_segment_of_its_own(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=400, holds=((400, 500),)))
    await centre.log_in(agent)
    calls = await centre.room.carrier.call(Caller(dnis=number))

    await calls.end()
    [story] = await centre.stories(1)

    assert kinds(story) == ["waiting", "talk", "hold", "talk"]


async def test_an_agent_wraps_up_before_the_next_caller(centre: CallCentre) -> None:
    number = centre.campaign(queues='[queue.orders]\nneed = "de"\nwrapup_s = 2\n')
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=200))
    await centre.log_in(agent)
    calls = await centre.room.carrier.call(Caller(dnis=number), count=2)

    await calls.end(20)
    first, second = sorted(await centre.stories(2), key=lambda story: story.offers[0].from_at)

    assert first.record is not None
    [wrapup] = first.wrapups
    assert wrapup.to_at - wrapup.from_at >= 1_900_000
    assert second.offers[0].from_at >= wrapup.to_at


async def test_each_campaign_reaches_its_own_agents(centre: CallCentre) -> None:
    shop = centre.campaign("shop", queues='[queue.orders]\nneed = "orders"\nwrapup_s = 0\n')
    support = centre.campaign("support", queues='[queue.devices]\nneed = "en >= 50"\nwrapup_s = 0\n')
    seller, technician = centre.agent("agent-2001", orders=80), centre.agent("agent-2002", en=60)
    centre.agent("agent-2003", en=40)
    await centre.start()
    for name in (seller, technician):
        await centre.room.phone(name).behave(Answers(talks_ms=300))
    await centre.log_in(seller, technician, "agent-2003")
    calls = [await centre.room.carrier.call(Caller(dnis=number)) for number in (shop, support, shop, support)]
    for call in calls:
        await call.end(15)

    stories = await centre.stories(4)

    assert sorted(
        (story.record.campaign, story.record.queue, story.offers[0].agent_id) for story in stories if story.record
    ) == [
        ("shop", "shop/orders", seller),
        ("shop", "shop/orders", seller),
        ("support", "support/devices", technician),
        ("support", "support/devices", technician),
    ]


async def test_who_waits_too_long_goes_on_to_the_next_queue_and_then_to_the_closing_message(centre: CallCentre) -> None:
    number = centre.campaign(
        queues='[queue.orders]\nneed = "orders"\nmax_wait_s = 1\noverflow = ["queue:general", "closing"]\n'
        '[queue.general]\nneed = "de"\nmax_wait_s = 2\noverflow = ["closing"]\nwrapup_s = 0\n'
    )
    agent = centre.agent("agent-2001", de=50)
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    nobody = await centre.room.carrier.call(Caller(dnis=number))
    [fate] = await nobody.end(40)
    [closed] = await centre.stories(1)

    assert fate[-1] == "released"
    assert (outcome(closed), closed.record and closed.record.queue) == (Outcome.OVERFLOWED, "shop/general")
    assert kinds(closed) == ["waiting", "announcement"]

    await centre.log_in(agent)
    somebody = await centre.room.carrier.call(Caller(dnis=number))
    await somebody.end(15)
    served = (await centre.stories(2))[-1]

    assert (outcome(served), served.record and served.record.queue) == (Outcome.ANSWERED, "shop/general")


async def test_press_one_to_accept_and_silence_is_a_refusal(centre: CallCentre) -> None:
    number = centre.campaign(more="press_one = true")
    silent, willing = centre.agent("agent-2001"), centre.agent("agent-1001")
    await centre.start()
    softphone = await centre.room.softphone(willing, "auto")
    await centre.agent_is(willing, reach="REACHABLE")
    await centre.room.phone(silent).behave(Answers())
    await centre.log_in(silent)
    await centre.log_in(willing)
    calls = await centre.room.carrier.call(Caller(dnis=number))
    await softphone.sees("CALL_ESTABLISHED", within_s=20)
    await softphone.press("1")
    await centre.agent_is(willing, work="talking")
    await softphone.hang_up()

    await calls.end()
    [story] = await centre.stories(1)

    assert [(offer.agent_id, offer.result) for offer in story.offers] == [
        (silent, OfferResult.REJECTED),
        (willing, OfferResult.ANSWERED),
    ]


async def test_an_agent_sees_the_campaign_and_the_number_and_the_trunk_sees_nothing_of_the_agent(
    centre: CallCentre,
) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=800))
    await centre.log_in(agent)
    packets = await centre.room.packets()
    calls = await centre.room.carrier.call(Caller(dnis=number))

    await calls.end()
    await centre.stories(1)
    await packets.stop()

    messages = packets.sip()
    invite = next(m for m in messages if m.method == "INVITE" and m.target.startswith("127.0.0.20:"))
    to_trunk = [m for m in messages if m.target.startswith("127.0.0.2:")]
    asked = [m.method for m in to_trunk if not m.status]
    assert '"Shop" <sip:+4915155500001@' in invite.header("From")
    assert asked == ["BYE"], "a re-INVITE or an UPDATE at the bridge"
    for message in to_trunk:
        words = [message.first_line, message.body, *(value for _, value in message.headers)]
        assert not [text for text in words if "agent" in text or "127.0.0.20" in text]


async def test_a_withheld_number_reaches_neither_the_agent_nor_the_record(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    packets = await centre.room.packets()
    hidden = Caller(
        dnis=number,
        from_header='"Anonymous" <sip:anonymous@anonymous.invalid>',
        headers=("P-Asserted-Identity: <tel:+4930555200>", "Privacy: id"),
    )
    calls = await centre.room.carrier.call(hidden)

    await calls.end()
    [story] = await centre.stories(1)
    await packets.stop()

    invite = next(m for m in packets.sip() if m.method == "INVITE" and m.target.startswith("127.0.0.20:"))
    assert story.record is not None
    assert story.record.ani == ""
    assert "4930555200" not in " ".join(value for _, value in invite.headers)
