"""Call-backs on the real Asterisk: asked for by key, agent first and caller first, busy, and a router that dies."""

import signal

import pytest

from router.domain.record import OfferResult, Outcome
from tests.integration.call_centre import CallCentre, poll
from tests.integration.test_calls import kinds
from tests.telephones.carrier import Caller
from tests.telephones.packets import Packets, SipMessage
from tests.telephones.sipp_agent import Answers, Rejects

TRUNK = "agent-2006"
"Plays the carrier that customers are called through: SIPp at a fixed contact, and nobody's phone."
AGENT = "agent-2001"
OUTBOUND = f"[trunk.{TRUNK}]\noutbound = true\n"


def queues(mode: str = "agent-first", *, retry_after_s: int = 2, dial_s: int = 10) -> str:
    return (
        '[queue.orders]\nneed = "de"\nring_s = 10\nwrapup_s = 0\nmax_wait_s = 600\n[queue.orders.callback]\n'
        f'key = "5"\nmode = "{mode}"\nretry_after_s = {retry_after_s}\ndial_s = {dial_s}\n'
        "between = []\n"
    )


async def promised(centre: CallCentre, number: str) -> str:
    """A caller asks, confirms, hears it and is let go; the id of the contact."""
    calls = await centre.room.carrier.call(Caller(dnis=number, presses="51", key_after_ms=900))
    [fate] = await calls.end(within_s=30)
    assert fate[-1] == "released", fate
    [story] = await centre.stories(1)
    assert story.record is not None
    assert story.record.outcome is Outcome.OVERFLOWED
    assert story.record.ended_by == "system"
    return str(story.record.contact_id)


async def owed(centre: CallCentre, count: int, within_s: float = 8.0) -> None:
    async def so() -> bool:
        return len((await centre.get("/v1/callbacks"))[1]["items"]) == count

    await poll(f"{count} call-backs owed", so, within_s)


def invites_to_the_customer(centre: CallCentre, packets: Packets) -> list[SipMessage]:
    phone = centre.room.phone(TRUNK)
    there = f"{phone.address}:{phone.port}"
    return [m for m in packets.sip() if m.method == "INVITE" and not m.status and m.target == there]


async def test_agent_first_they_talk_and_the_record_covers_the_customers_leg(centre: CallCentre) -> None:
    number = centre.campaign(queues=queues())
    centre.settings(more=OUTBOUND)
    centre.agent(AGENT)
    await centre.start()
    await centre.room.phone(TRUNK).behave(Answers(rings_ms=700, talks_ms=900))
    await centre.room.phone(AGENT).behave(Answers())
    contact = await promised(centre, number)
    await owed(centre, 1)

    await centre.log_in(AGENT)
    stories = await centre.stories(2, within_s=20)

    [story] = [story for story in stories if story.record is not None and story.record.contact_id == f"{contact}_cb1"]
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED
    assert story.record.ani == "+4915155500001"
    assert kinds(story) == ["ringing", "waiting", "talk"]
    assert [offer.result for offer in story.offers] == [OfferResult.ANSWERED]
    await owed(centre, 0)


async def test_caller_first_the_customer_is_called_and_the_agent_rung_when_they_answer(centre: CallCentre) -> None:
    number = centre.campaign(queues=queues("caller-first"))
    centre.settings(more=OUTBOUND)
    centre.agent(AGENT)
    await centre.start()
    await centre.room.phone(TRUNK).behave(Answers(rings_ms=700, talks_ms=2500))
    await centre.room.phone(AGENT).behave(Answers())
    contact = await promised(centre, number)

    await centre.log_in(AGENT)
    groups: set[str] = set()

    async def counted() -> bool:
        groups.update(
            line.split()[-1] for line in centre.room.pbx.rx("group show channels").splitlines() if "acd-" in line
        )
        return {"acd-trunk", "acd-node", "acd-campaign"} <= groups

    await poll("their leg is counted in the limits", counted, 15)
    stories = await centre.stories(2, within_s=20)

    [story] = [story for story in stories if story.record is not None and story.record.contact_id == f"{contact}_cb1"]
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED
    assert kinds(story) == ["ringing", "waiting", "talk"]
    await owed(centre, 0)


@pytest.mark.parametrize("mode", ["agent-first", "caller-first"])
async def test_the_call_says_that_it_came_from_us_so_that_a_customer_who_diverts_it_to_us_makes_no_loop(
    centre: CallCentre, mode: str
) -> None:
    number = centre.campaign(queues=queues(mode))
    centre.settings(more=OUTBOUND)
    centre.agent(AGENT)
    await centre.start()
    await centre.room.phone(TRUNK).behave(Answers(talks_ms=900))
    await centre.room.phone(AGENT).behave(Answers())
    await promised(centre, number)
    packets = await centre.room.packets()

    await centre.log_in(AGENT)
    await centre.stories(2, within_s=20)
    await packets.stop()

    [invite] = invites_to_the_customer(centre, packets)
    assert [value for name, value in invite.headers if name == "X-Ringfair-Hops"] == ["1"]


async def test_a_busy_customer_is_called_again_and_the_agent_missed_nothing(centre: CallCentre) -> None:
    number = centre.campaign(queues=queues())
    centre.settings(more=OUTBOUND)
    centre.agent(AGENT)
    await centre.start()
    trunk = centre.room.phone(TRUNK)
    await trunk.behave(Rejects(486))
    await centre.room.phone(AGENT).behave(Answers())
    contact = await promised(centre, number)

    await centre.log_in(AGENT)
    await trunk.has("rejected", within_s=15)
    await centre.agent_is(AGENT, status="READY", work="idle")
    await trunk.behave(Answers(talks_ms=900))
    stories = await centre.stories(2, within_s=20)

    [story] = [story for story in stories if story.record is not None and story.record.contact_id == f"{contact}_cb2"]
    assert [offer.result for offer in story.offers] == [OfferResult.ANSWERED]
    first = await centre.story(f"{contact}_cb1")
    assert first is None or [offer.result for offer in first.offers] == [OfferResult.CALLER_LEFT]


async def test_a_promise_survives_the_death_of_its_router_and_the_successor_keeps_it(centre: CallCentre) -> None:
    number = centre.campaign(queues=queues())
    centre.settings(more=OUTBOUND)
    centre.agent(AGENT)
    await centre.start()
    trunk = centre.room.phone(TRUNK)
    await trunk.behave(Answers(talks_ms=900))
    await centre.room.phone(AGENT).behave(Answers())
    contact = await promised(centre, number)

    await centre.stop(signal.SIGKILL)
    await centre.start()
    await owed(centre, 1)
    await centre.log_in(AGENT)
    stories = await centre.stories(2, within_s=25)

    assert f"{contact}_cb1" in [story.record.contact_id for story in stories if story.record is not None]
    assert len(trunk.fates()) == 1


async def test_who_rings_when_the_router_dies_is_not_rung_twice_and_talks_to_the_successors_agent(
    centre: CallCentre,
) -> None:
    number = centre.campaign(queues=queues(dial_s=60, retry_after_s=600))
    centre.settings(more=OUTBOUND)
    centre.agent(AGENT)
    await centre.start()
    trunk = centre.room.phone(TRUNK)
    await trunk.behave(Answers(rings_ms=12_000, talks_ms=4000))
    await centre.room.phone(AGENT).behave(Answers())
    contact = await promised(centre, number)
    await centre.log_in(AGENT)
    await trunk.has("rings", within_s=15)

    await centre.stop(signal.SIGKILL)
    await centre.start()
    stories = await centre.stories(2, within_s=60)

    [story] = [story for story in stories if story.record is not None and story.record.contact_id == f"{contact}_cb1"]
    assert story.record is not None
    assert story.record.outcome is Outcome.ANSWERED
    assert len(trunk.fates()) == 1
