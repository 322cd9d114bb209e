"""Callers who gave up a moment ago and call again, and callers to whom the wait would be too long."""

from router.domain.record import Outcome
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers

ANNA, BERT, CARL = "+4915155500001", "+4915155500002", "+4915155500003"
REDIAL = '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 600\nredial_s = 60\n'
DISSUADES = (
    '[queue.orders]\nneed = "de"\nring_s = 15\nwrapup_s = 0\nmax_wait_s = 600\ndissuade_s = 30\n'
    'overflow = ["queue:general", "closing"]\n[queue.general]\nneed = "general"\n'
)


async def queue_of(centre: CallCentre, count: int) -> list[str]:
    """The queues of so many contacts, in the order they came."""
    found = await centre.waiting(count)
    return [contact["queue"] for contact in sorted(found, key=lambda each: each["arrived_at"])]


async def test_who_gives_up_and_calls_again_is_served_before_who_waited_less(centre: CallCentre) -> None:
    number = centre.campaign(queues=REDIAL)
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    gave_up = await centre.room.carrier.call(Caller(dnis=number, ani=ANNA, talks_ms=6000))
    await centre.waiting(1)
    await centre.room.silence_s(4)
    bert = await centre.room.carrier.call(Caller(dnis=number, ani=BERT))
    await gave_up.end(15)
    await centre.waiting(1)
    again = await centre.room.carrier.call(Caller(dnis=number, ani=ANNA))
    await centre.waiting(2)

    await centre.log_in(agent)
    await again.end(20)
    await bert.end(20)

    records = [story.record for story in await centre.stories(3) if story.record]
    answered = sorted((r for r in records if r.outcome is Outcome.ANSWERED), key=lambda r: r.answered_at or 0)
    assert [record.ani for record in answered] == [ANNA, BERT]
    assert answered[0].arrived_at > answered[1].arrived_at, "the record has the arrival of the second call"
    story = await centre.story(answered[0].contact_id)
    assert story is not None
    assert 3_000_000 < story.decisions[0].how.waited_before_us < 30_000_000


async def test_who_would_wait_for_too_long_goes_on_at_once_and_nobody_does_whom_an_agent_could_take(
    centre: CallCentre,
) -> None:
    number = centre.campaign(queues=DISSUADES)
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.log_in(agent)
    await centre.room.phone(agent).behave(Answers(talks_ms=60_000))
    calls = []
    for ani, queues in (
        (ANNA, ["shop/orders"]),
        (BERT, ["shop/orders", "shop/orders"]),
        (CARL, ["shop/orders", "shop/orders", "shop/general"]),
    ):
        calls.append(await centre.room.carrier.call(Caller(dnis=number, ani=ani)))
        assert await queue_of(centre, len(queues)) == queues
        if ani == ANNA:
            await centre.agent_is(agent, work="talking")

    _, metrics = await centre.get("/metrics")
    shown = [line for line in metrics.splitlines() if line.startswith("ringfair_expected_wait_seconds{")]
    expected_s = {line.split('queue="')[1].split('"')[0]: float(line.split()[-1]) for line in shown}
    assert expected_s["shop/orders"] > 30
    assert "shop/general" not in expected_s, "nobody is there to be waited for"
    errors = [line for line in metrics.splitlines() if line.startswith("ringfair_expected_wait_error_seconds_count{")]
    assert sum(float(line.split()[-1]) for line in errors) == 1
