"""What is billed of a call-back, beside what the real Asterisk's own event log says of the customer's leg."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from router.adapters.pbx.instance import Instance
from router.adapters.pbx.root import Root
from router.domain.contacts.callback import TryResult
from router.domain.record import Outcome
from router.domain.truth.reconciliation import ALWAYS
from tests.integration.call_centre import CallCentre
from tests.integration.kept_log import calls_over, make_pbx_with_log
from tests.integration.test_callback import AGENT, OUTBOUND, TRUNK, owed, queues
from tests.integration.test_calls import kinds
from tests.integration.test_reconcile import figures, off_by, reconcile
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers, Rejects

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def pbx(root: Root) -> Iterator[Instance]:
    instance = make_pbx_with_log(f"owed-{os.getpid()}", root)
    try:
        instance.start()
        yield instance
    finally:
        instance.remove()


async def test_who_is_called_back_is_billed_for_their_own_leg_as_asterisk_has_it_and_a_try_in_vain_is_no_call(
    centre: CallCentre,
) -> None:
    """Agent first, in vain at first, and caller first; each asks in a call of their own."""
    numbers = [
        centre.campaign("shop", queues=queues("agent-first")),
        centre.campaign("care", queues=queues("caller-first")),
    ]
    centre.settings(more=OUTBOUND)
    centre.agent(AGENT)
    await centre.start()
    trunk = centre.room.phone(TRUNK)
    await trunk.behave(Rejects(486))
    await centre.room.phone(AGENT).behave(Answers())
    for number in numbers:
        calls = await centre.room.carrier.call(Caller(dnis=number, presses="51", key_after_ms=900))
        [fate] = await calls.end(within_s=30)
        assert fate[-1] == "released", fate
    await owed(centre, 2)

    await centre.log_in(AGENT)
    await trunk.has("rejected", within_s=15)
    await trunk.behave(Answers(rings_ms=700, talks_ms=1500))
    stories = await centre.stories(4, within_s=60)
    await owed(centre, 0)
    seen = await calls_over(centre.room.pbx.event_log, 4)

    records = [story.record for story in stories if story.record is not None]
    called = [story for story in stories if story.record is not None and story.record.is_our_call]
    assert {story.record.campaign for story in called if story.record is not None} == {"shop", "care"}
    for story in called:
        assert story.record is not None
        assert story.record.outcome is Outcome.ANSWERED
        assert kinds(story) == ["ringing", "waiting", "talk"]
    in_vain = {fact.call_id for story in stories for fact in story.callbacks if fact.what == TryResult.BUSY}
    assert in_vain
    assert not in_vain & {call.contact_id for call in seen}

    assert {call.contact_id for call in seen} == {record.contact_id for record in records}
    measured = off_by(seen, records)
    assert len(measured) == 4 * 2 + 2 * 2, "begin and end of four legs, and of two talks"
    assert max(measured) <= ALWAYS
    print(f"off by, in ms: {figures(measured)}")
    code, told = await reconcile(centre)
    assert (code, told["same"], told["findings"]) == (0, 4, []), told
