"""Who is rung, and what becomes of who is not: rows, targets, limits, points and emergencies on a real Asterisk."""

from collections.abc import Sequence

from router.domain.ids import SECOND
from router.domain.record import OfferResult, Outcome
from router.ports import ContactStory
from tests.integration.bills import billed, of_caller, whole
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller, Calls
from tests.telephones.sipp_agent import NEVER_ANSWERS, Answers
from tests.telephones.workshop import until

WIDENING = (
    '[queue.orders]\nneed = "de >= 80"\nwrapup_s = 0\nmax_wait_s = 600\nring = [{ after_s = 3, need = "de >= 40" }]\n'
)
FIRST, SECOND_CALLER, THIRD = "+4915155500011", "+4915155500012", "+4915155500013"


async def calls(centre: CallCentre, number: str, ani: str, **how: int) -> Calls:
    """One caller, once the router knows of them."""
    before = len(await centre.contacts())
    on_the_way = await centre.room.carrier.call(Caller(dnis=number, ani=ani, **how))  # type: ignore[arg-type]
    await centre.waiting(before + 1)
    return on_the_way


def targets(story: ContactStory) -> list[str]:
    """The queues in which the caller spent time, in order."""
    assert story.record is not None
    queues = [str(segment.queue) for segment in story.record.segments]
    return [queue for before, queue in zip(["", *queues], queues, strict=False) if queue != before]


def served(stories: Sequence[ContactStory]) -> list[str]:
    """Callers' numbers by the instant they were answered."""
    records = [story.record for story in stories if story.record]
    return [record.ani for record in sorted(records, key=lambda record: record.answered_at or 0)]


async def test_a_caller_is_served_by_who_meets_the_wider_need_when_its_time_has_come(centre: CallCentre) -> None:
    number = centre.campaign(queues=WIDENING)
    able, half = centre.agent("agent-2001", de=90), centre.agent("agent-2002", de=50)
    await centre.start()
    for agent in (able, half):
        await centre.room.phone(agent).behave(Answers(talks_ms=6000 if agent == able else 300))
    await centre.log_in(able, half)
    busy = await calls(centre, number, FIRST)
    await centre.agent_is(able, work="talking")
    waits = await calls(centre, number, SECOND_CALLER)

    await waits.end(15)
    await busy.end(15)
    story = of_caller(await centre.stories(2), SECOND_CALLER)

    [offer] = story.offers
    assert (offer.agent_id, offer.result) == (half, OfferResult.ANSWERED)
    assert whole(story).arrived_at + 3 * SECOND <= offer.from_at < whole(story).arrived_at + 4 * SECOND
    [decision] = story.decisions
    assert (decision.how.row, decision.how.opens_us) == (1, 3 * SECOND)


async def test_with_nobody_of_the_first_row_logged_in_the_next_is_asked_at_once(centre: CallCentre) -> None:
    number = centre.campaign(queues=WIDENING)
    able, half = centre.agent("agent-2001", de=90), centre.agent("agent-2002", de=50)
    await centre.start()
    await centre.room.phone(half).behave(Answers(talks_ms=300))
    await centre.log_in(half)
    comes = await centre.room.carrier.call(Caller(dnis=number))

    await comes.end()
    [story] = await centre.stories(1)

    assert [offer.agent_id for offer in story.offers] == [half]
    assert story.offers[0].from_at < whole(story).arrived_at + SECOND
    await centre.agent_is(able, status="LOGGED_OUT")


async def test_the_last_of_the_first_row_who_logs_out_opens_the_next_to_who_waits(centre: CallCentre) -> None:
    number = centre.campaign(queues=WIDENING.replace("after_s = 3", "after_s = 500"))
    able, half = centre.agent("agent-2001", de=90), centre.agent("agent-2002", de=50)
    await centre.start()
    await centre.room.phone(half).behave(Answers(talks_ms=300))
    await centre.log_in(able, half)
    await centre.post(f"/v1/agents/{able}/pause", {"reason": "break"})
    waits = await calls(centre, number, FIRST)

    await centre.post(f"/v1/agents/{able}/logout")

    await waits.end()
    [story] = await centre.stories(1)
    assert [offer.agent_id for offer in story.offers] == [half]


async def test_a_full_line_sends_who_comes_on_and_who_waits_stays(centre: CallCentre) -> None:
    number = centre.campaign(
        queues='[queue.orders]\nneed = "orders"\nmax_waiting = 1\noverflow = ["queue:general", "closing"]\n'
        '[queue.general]\nneed = "de"\nmax_waiting = 1\noverflow = ["closing"]\n'
    )
    centre.agent("agent-2001", de=50)
    await centre.start()
    first = await calls(centre, number, FIRST, talks_ms=4000)
    second = await calls(centre, number, SECOND_CALLER, talks_ms=4000)
    assert sorted(waits["queue"] for waits in await centre.contacts()) == ["shop/general", "shop/orders"]
    third = await centre.room.carrier.call(Caller(dnis=number, ani=THIRD))

    assert (await third.end(40))[0][-1] == "released"
    for call in (first, second):
        await call.end(40)
    stories = await centre.stories(3)

    for story in stories:
        billed(story)
    assert whole(of_caller(stories, THIRD)).outcome is Outcome.OVERFLOWED
    assert [whole(of_caller(stories, ani)).outcome for ani in (FIRST, SECOND_CALLER)] == [Outcome.ABANDONED] * 2
    assert targets(of_caller(stories, SECOND_CALLER))[-1] == "shop/general"


async def test_where_nobody_is_logged_in_nobody_waits(centre: CallCentre) -> None:
    number = centre.campaign(
        queues='[queue.orders]\nneed = "de"\nwrapup_s = 0\njoin_if = ["logged-in"]\nstay_if = ["logged-in"]\n'
    )
    agent = centre.agent("agent-2001")
    await centre.start()
    turned_away = await centre.room.carrier.call(Caller(dnis=number, ani=FIRST))
    assert (await turned_away.end(40))[0][-1] == "released"
    await centre.log_in(agent)
    await centre.post(f"/v1/agents/{agent}/pause", {"reason": "break"})
    waits = await calls(centre, number, SECOND_CALLER)

    await centre.post(f"/v1/agents/{agent}/logout")

    assert (await waits.end(40))[0][-1] == "released"
    stories = await centre.stories(2)
    assert [whole(story).outcome for story in stories] == [Outcome.OVERFLOWED] * 2
    for story in stories:
        billed(story)


async def test_of_two_phones_that_ring_the_first_wins_and_nobody_missed_anything(centre: CallCentre) -> None:
    number = centre.campaign(queues='[queue.orders]\nneed = "de"\nwrapup_s = 0\nat_once = 2\n')
    slow, quick = centre.agent("agent-2001"), centre.agent("agent-2002")
    await centre.start()
    await centre.room.phone(slow).behave(NEVER_ANSWERS)
    await centre.room.phone(quick).behave(Answers(rings_ms=600, talks_ms=500))
    await centre.log_in(slow, quick)
    comes = await centre.room.carrier.call(Caller(dnis=number))

    assert (await comes.end())[0][-1] == "released"
    await centre.room.phone(slow).has("cancelled")
    [story] = await centre.stories(1)
    offers = await centre.offers(2)

    assert {offer.agent_id: offer.result for offer in offers} == {
        slow: OfferResult.RESCINDED,
        quick: OfferResult.ANSWERED,
    }
    assert billed(story) == ["waiting", "talk"]
    for agent in (slow, quick):
        await centre.agent_is(agent, status="READY", work="idle")


async def test_two_phones_answered_in_one_instant_make_one_talk(centre: CallCentre) -> None:
    number = centre.campaign(queues='[queue.orders]\nneed = "de"\nwrapup_s = 0\nat_once = 2\n')
    agents = [centre.agent(f"agent-200{n}") for n in (1, 2)]
    await centre.start()
    for agent in agents:
        await centre.room.phone(agent).behave(Answers(rings_ms=300, talks_ms=800))
    await centre.log_in(*agents)
    for n in range(3):
        comes = await centre.room.carrier.call(Caller(dnis=number, ani=f"+491515550002{n}"))
        assert (await comes.end())[0][-1] == "released"
        for agent in agents:
            await centre.agent_is(agent, status="READY", work="idle")

    stories = await centre.stories(3)
    await centre.offers(6)

    for story in await centre.stories(3):
        assert billed(story) == ["waiting", "talk"]
        results = [offer.result for offer in story.offers]
        assert results.count(OfferResult.ANSWERED) == 1
        assert not {OfferResult.MISSED, OfferResult.REJECTED, OfferResult.FAILED}.intersection(results), results
    assert len(stories) == 3


async def test_points_given_while_waiting_change_who_is_next(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=200))
    callers = [await calls(centre, number, ani) for ani in (FIRST, SECOND_CALLER, THIRD)]
    last = max(await centre.contacts(), key=lambda waits: waits["arrived_at"])
    status, said = await centre.post(f"/v1/contacts/{last['contact_id']}/priority", {"priority": 5})
    assert status == 200, said

    await centre.log_in(agent)

    for call in callers:
        await call.end(15)
    stories = await centre.stories(3)
    assert served(stories) == [THIRD, FIRST, SECOND_CALLER]
    [decision] = of_caller(stories, THIRD).decisions
    assert decision.how.points == 5


async def test_an_emergency_goes_before_everybody_and_raises_an_alarm(centre: CallCentre) -> None:
    number = centre.campaign("shop", queues='[queue.orders]\nneed = "de"\nwrapup_s = 0\npriority = 100\n')
    urgent = centre.campaign(
        "help", more="emergency = true\nalarm_s = 1", queues='[queue.now]\nneed = "de"\nwrapup_s = 0\n'
    )
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=200))
    ordinary = [await calls(centre, number, ani) for ani in (FIRST, SECOND_CALLER)]
    in_need = await calls(centre, urgent, THIRD)
    await until("the alarm", lambda: "an emergency caller waits" in centre.log.read_text(), 10)

    await centre.log_in(agent)

    for call in (in_need, *ordinary):
        await call.end(15)
    stories = await centre.stories(3)
    assert served(stories) == [THIRD, FIRST, SECOND_CALLER]
    [decision] = of_caller(stories, THIRD).decisions
    assert decision.how.urgent
