"""Callers reach agents: the whole path with a real router, Asterisk, SIP phones."""

from router.domain.record import EndedBy, OfferResult, Outcome, SegmentKind
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers


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
    assert story.record.outcome is Outcome.ANSWERED
    assert story.record.ended_by is EndedBy.AGENT
    assert [segment.kind for segment in story.record.segments] == [SegmentKind.WAITING, SegmentKind.TALK]
    assert [offer.result for offer in story.offers] == [OfferResult.ANSWERED]
    assert [leg.agent_id for leg in story.record.legs] == [None, agent]
