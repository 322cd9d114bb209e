"""The promises of the `Ledger` port, kept by the fake, by SQLite and by PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router.adapters.sql.chain import GENESIS
from router.domain.errors import RemoteError
from router.domain.ids import SECOND, AgentId, CampaignName, ContactId, LegId, OfferId, QueueName
from router.domain.record import (
    AgentChangeFact,
    BillingRecord,
    CallbackFact,
    DecisionFact,
    EndedBy,
    Leg,
    OfferFact,
    OfferResult,
    Outcome,
    OverflowFact,
    Segment,
    SegmentKind,
    WrapUpEnd,
    WrapUpFact,
)
from router.ports import ContactStory, RecordQuery

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from router.adapters.sql.ledger import SqlLedger
    from tests.contracts.databases import LedgerStore
    from tests.fakes.ledger import FakeLedger

pytest_plugins = ["tests.contracts.databases"]

NOON = 1_790_000_000 * SECOND
ORDERS = QueueName("shop/orders")
AGENT = AgentId("agent-1001")


@pytest.fixture
async def ledger(ledger_store: LedgerStore) -> AsyncIterator[SqlLedger | FakeLedger]:
    async with ledger_store.open() as opened:
        yield opened


def a_record(number: int = 1, **changes: object) -> BillingRecord:
    contact = ContactId(f"node-a-{NOON // SECOND}.{number}")
    record = BillingRecord(
        contact_id=contact,
        medium="voice",
        campaign=CampaignName("shop"),
        queue=ORDERS,
        ani="+493023125001",
        dnis="+493023125100",
        arrived_at=NOON,
        answered_at=NOON + 8 * SECOND,
        ended_at=NOON + 60 * SECOND,
        outcome=Outcome.ANSWERED,
        ended_by=EndedBy.CALLER,
        config_hash="c0ffee",
        end_estimated=False,
        segments=(
            Segment(kind=SegmentKind.WAITING, from_at=NOON, to_at=NOON + 8 * SECOND),
            Segment(kind=SegmentKind.TALK, from_at=NOON + 8 * SECOND, to_at=NOON + 60 * SECOND, agent_id=AGENT),
        ),
        legs=(
            Leg(uniqueid=LegId(contact), linkedid=contact, node="node-a"),
            Leg(uniqueid=LegId(f"{contact}.1"), linkedid=contact, node="node-a", agent_id=AGENT),
        ),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def an_offer(number: int = 1, attempt: int = 1, **changes: object) -> OfferFact:
    contact = a_record(number).contact_id
    offer = OfferFact(
        offer_id=OfferId(f"{contact}.{attempt}"),
        contact_id=contact,
        agent_id=AGENT,
        queue=ORDERS,
        from_at=NOON + attempt * SECOND,
        to_at=NOON + attempt * SECOND + 5,
        result=OfferResult.ANSWERED,
        cause=16,
        tech_cause="SIP 200",
    )
    return replace(offer, **changes)  # type: ignore[arg-type]


def a_decision(number: int = 1, attempt: int = 1) -> DecisionFact:
    offer = an_offer(number, attempt)
    return DecisionFact(
        offer_id=offer.offer_id,
        contact_id=offer.contact_id,
        queue=ORDERS,
        at=offer.from_at,
        need="de >= 60 and orders",
        waited_us=attempt * SECOND,
        chosen=AGENT,
        chosen_idle_us=90 * SECOND,
        next_best=((AgentId("agent-1002"), 80 * SECOND), (AgentId("agent-1003"), 0)),
        others=(("paused", 3), ("no-skill", 0)),
    )


def a_wrapup(number: int = 1, **changes: object) -> WrapUpFact:
    wrapup = WrapUpFact(
        contact_id=a_record(number).contact_id,
        agent_id=AGENT,
        from_at=NOON + 60 * SECOND,
        to_at=NOON + 80 * SECOND,
        disposition="sold",
    )
    return replace(wrapup, **changes)  # type: ignore[arg-type]


def a_callback(number: int = 1, **changes: object) -> CallbackFact:
    callback = CallbackFact(
        contact_id=a_record(number).contact_id, at=NOON, what="promised", queue=a_record(number).queue, call_id=None
    )
    return replace(callback, **changes)  # type: ignore[arg-type]


def an_overflow(number: int = 1, **changes: object) -> OverflowFact:
    overflow = OverflowFact(
        contact_id=a_record(number).contact_id,
        at=NOON,
        queue=a_record(number).queue,
        target="closing",
        why="wait",
        passed=(("shop/general", "full"), ("dial:+493023125900", "no-trunk")),
    )
    return replace(overflow, **changes)  # type: ignore[arg-type]


def a_change(at: int = NOON, status: str = "READY", reason: str | None = None) -> AgentChangeFact:
    return AgentChangeFact(agent_id=AGENT, at=at, status=status, reason=reason, asked_by="phone")


async def told(ledger: SqlLedger | FakeLedger, **query: object) -> list[ContactStory]:
    return [story async for story in ledger.stories(RecordQuery(**query))]  # type: ignore[arg-type]


async def test_a_contact_comes_back_as_it_was_told(ledger: SqlLedger) -> None:
    await ledger.append([a_decision(), an_offer(), a_record(), a_wrapup()])
    assert await ledger.story(a_record().contact_id) == ContactStory(
        contact_id=a_record().contact_id,
        record=a_record(),
        prev_hash=GENESIS,
        offers=(an_offer(),),
        wrapups=(a_wrapup(),),
        decisions=(a_decision(),),
    )


async def test_what_may_be_absent_comes_back_absent(ledger: SqlLedger) -> None:
    record = a_record(
        answered_at=None, segments=(), legs=(), ani="", end_estimated=True, corrects=ContactId("node-a-1.1"), schema=7
    )
    offer = an_offer(cause=None, tech_cause=None, result=OfferResult.CALLER_LEFT)
    await ledger.append([record, offer, a_wrapup(disposition=None)])
    story = await ledger.story(record.contact_id)
    assert story is not None
    assert (story.record, story.offers, story.wrapups) == (record, (offer,), (a_wrapup(disposition=None),))


async def test_a_contact_nobody_heard_of_is_none(ledger: SqlLedger) -> None:
    await ledger.append([])
    await ledger.append([a_record()])
    for unknown in ("node-a-1.999", "", "a\x00b", "\ud800", "x" * 10_000, "'; DROP TABLE records; --"):
        assert await ledger.story(ContactId(unknown)) is None


async def test_the_steps_of_a_call_that_was_owed_are_told_with_the_contact_that_asked(ledger: SqlLedger) -> None:
    steps = (
        a_callback(until_at=NOON + 9 * SECOND),
        a_callback(at=NOON + SECOND, what="busy", call_id=ContactId("a_cb1"), number=1),
    )

    assert await ledger.append([*steps, steps[0]]) == 2

    story = await ledger.story(steps[0].contact_id)
    assert story is not None
    assert story.callbacks == steps


async def test_where_a_contact_went_on_to_and_past_whom_is_told_in_the_order_of_time(ledger: SqlLedger) -> None:
    last = an_overflow()
    first = an_overflow(at=NOON - SECOND, target="shop/general", why="full", passed=())

    assert await ledger.append([last, first, last]) == 2

    story = await ledger.story(last.contact_id)
    assert story is not None
    assert story.overflows == (first, last)


@pytest.mark.parametrize("fact", [an_offer(), a_decision(), a_wrapup(), a_callback(), an_overflow()])
async def test_a_contact_that_still_goes_on_has_a_story_without_a_record(
    ledger: SqlLedger, fact: OfferFact | DecisionFact | WrapUpFact | CallbackFact | OverflowFact
) -> None:
    await ledger.append([fact])
    story = await ledger.story(fact.contact_id)
    assert story is not None
    assert story.record is None
    assert (*story.offers, *story.decisions, *story.wrapups, *story.callbacks, *story.overflows) == (fact,)
    assert await told(ledger) == []


async def test_facts_told_twice_are_kept_once(ledger: SqlLedger) -> None:
    facts = [a_decision(), an_offer(), a_record(), a_wrapup(), a_change()]
    await ledger.append(facts)
    await ledger.append([*facts, *facts])
    [story] = await told(ledger)
    assert (story.record, story.offers, story.wrapups) == (a_record(), (an_offer(),), (a_wrapup(),))
    assert story.decisions == (a_decision(),)
    assert await ledger.agent_history(AGENT, 0, NOON + 1) == (a_change(),)


async def test_a_second_version_of_a_fact_changes_nothing(ledger: SqlLedger) -> None:
    talk = Segment(kind=SegmentKind.TALK, from_at=NOON, to_at=NOON + 1)
    second = a_record(ani="+493023125009", segments=(talk,) * 5, legs=a_record().legs * 3)
    await ledger.append([a_record(), second, an_offer()])
    await ledger.append([second, an_offer(result=OfferResult.MISSED), a_record(2)])
    first, other = await told(ledger)
    assert (first.record, first.offers) == (a_record(), (an_offer(),))
    assert other.record == a_record(2)


async def test_a_batch_with_one_impossible_fact_is_refused_whole(ledger: SqlLedger) -> None:
    impossible = [
        a_record(2, contact_id=ContactId("")),
        a_record(2, contact_id=ContactId("node\x00a")),
        a_record(2, contact_id=ContactId("x" * 201)),
        a_record(2, ended_at=2**63),
        an_offer(2, offer_id=OfferId("line\nbreak")),
        an_offer(2, cause=2**40),
        a_wrapup(2, agent_id=AgentId("\ud800")),
        "not a fact",
    ]
    for fact in impossible:
        with pytest.raises(RemoteError) as refusal:
            await ledger.append([a_record(1), fact, a_record(3)])  # type: ignore[list-item]
        assert (refusal.value.error_id, refusal.value.retryable) == ("ledger-fact-refused", False)
    assert await told(ledger) == []


async def test_a_number_of_ten_thousand_characters_is_cut_and_marked(ledger: SqlLedger) -> None:
    await ledger.append([a_record(ani="1" * 10_000, dnis="2" * 256)])
    [story] = await told(ledger)
    assert story.record is not None
    assert (story.record.ani, story.record.dnis) == ("1" * 255 + "…", "2" * 256)


async def test_control_characters_and_half_characters_become_visible(ledger: SqlLedger) -> None:
    await ledger.append([a_record(ani="Zoë\r\nAction: Hangup\x00\x1b[2J\u202e\ud800")])
    [story] = await told(ledger)
    assert story.record is not None
    assert story.record.ani == "Zoë  Action: Hangup\ufffd\ufffd[2J\ufffd\ufffd"


async def test_every_script_comes_back_unharmed(ledger: SqlLedger) -> None:
    ani, said = "Ζωή Öztürk 北京 🙂 é", "verkauft – „ja“ 100 % '); --"
    await ledger.append([a_record(ani=ani), a_wrapup(disposition=said)])
    [story] = await told(ledger)
    assert story.record is not None
    assert (story.record.ani, story.wrapups[0].disposition) == (ani, said)


async def test_stories_come_by_end_and_then_by_contact(ledger: SqlLedger) -> None:
    ends = [30, 10, 20, 10, 10]
    facts = [a_record(number, ended_at=NOON + end) for number, end in enumerate(ends)]
    # Capitals before small letters, letters before umlauts: by code point, whatever the server's locale says.
    facts += [a_record(contact_id=ContactId(name), ended_at=NOON + 10) for name in ("ä", "b", "B", "a", "node-A")]
    await ledger.append(facts)
    expected = sorted((fact.ended_at, fact.contact_id) for fact in facts)
    assert [(s.record.ended_at, s.contact_id) for s in await told(ledger) if s.record] == expected


async def test_pages_follow_each_other_without_gap_or_double(ledger: SqlLedger) -> None:
    await ledger.append([fact for n in range(1203) for fact in (a_record(n, ended_at=NOON + n // 7), an_offer(n))])
    whole = await told(ledger, limit=10_000)
    assert len({story.contact_id for story in whole}) == len(whole) == 1203
    assert all(story.record and len(story.record.segments) == 2 and len(story.offers) == 1 for story in whole)
    assert await told(ledger) == whole[:1000]
    pages, after = [], None
    while page := await told(ledger, after=after, limit=501):
        pages += page
        assert page[-1].record is not None
        after = (page[-1].record.ended_at, page[-1].contact_id)
    assert pages == whole
    assert await told(ledger, limit=0) == []


async def test_a_reader_may_stop_in_the_middle(ledger: SqlLedger) -> None:
    await ledger.append([a_record(n) for n in range(700)])
    seen = 0
    async for _ in ledger.stories(RecordQuery(limit=700)):
        seen += 1
        if seen == 3:
            break
    await ledger.append([a_record(701)])
    assert len(await told(ledger)) == 701


async def test_a_query_chooses_by_time_and_campaign(ledger: SqlLedger) -> None:
    hotline = CampaignName("hotline")
    await ledger.append([a_record(n, ended_at=NOON + n) for n in range(5)])
    await ledger.append([a_record(n, ended_at=NOON + n, campaign=hotline) for n in range(5, 8)])

    async def chosen(**query: object) -> list[int]:
        return [s.record.ended_at - NOON for s in await told(ledger, **query) if s.record]

    assert await chosen(from_at=NOON + 2, to_at=NOON + 6) == [2, 3, 4, 5]
    assert await chosen(campaign="hotline") == [5, 6, 7]
    assert await chosen(campaign="hotline", from_at=NOON + 6, limit=1) == [6]
    assert await chosen(campaign="nobody's\x00") == []
    assert len(await chosen(from_at=-(2**70), to_at=2**70)) == 8
    assert await chosen(after=(2**70, "x\x00")) == []


@pytest.mark.parametrize("ended", [None, *WrapUpEnd])
async def test_by_what_a_wrap_up_ended_comes_back(ledger: SqlLedger, ended: WrapUpEnd | None) -> None:
    await ledger.append([a_record(), a_wrapup(ended=ended)])
    story = await ledger.story(a_record().contact_id)
    assert story is not None
    assert story.wrapups == (a_wrapup(ended=ended),)


@pytest.mark.parametrize("paid", [None, True, False])
async def test_whether_a_pause_is_working_time_comes_back(ledger: SqlLedger, paid: bool | None) -> None:
    change = replace(a_change(NOON, "PAUSED", "training"), paid=paid)
    await ledger.append([change])
    assert (await ledger.agent_history(change.agent_id, 0, NOON + 1))[-1].paid is paid


async def test_offers_and_wrapups_of_a_contact_come_in_order_of_time(ledger: SqlLedger) -> None:
    offers = [an_offer(attempt=n) for n in (3, 1, 11, 2)]
    wrapups = [a_wrapup(from_at=NOON + n) for n in (5, 3, 4)]
    await ledger.append([*offers, *wrapups])
    story = await ledger.story(a_record().contact_id)
    assert story is not None
    assert [offer.offer_id.rsplit(".", 1)[1] for offer in story.offers] == ["1", "2", "3", "11"]
    assert [wrapup.from_at - NOON for wrapup in story.wrapups] == [3, 4, 5]


async def test_an_agents_changes_come_in_order_and_within_the_time_asked_for(ledger: SqlLedger) -> None:
    changes = [a_change(NOON + 3, "PAUSED", "rona"), a_change(NOON + 1), a_change(NOON + 2, "PAUSED", "")]
    await ledger.append(changes)
    assert await ledger.agent_history(AGENT, NOON + 1, NOON + 3) == (
        a_change(NOON + 1),
        a_change(NOON + 2, "PAUSED", None),
    )
    assert len(await ledger.agent_history(AGENT, 0, 2**62)) == 3
    assert await ledger.agent_history(AgentId("agent-1002"), 0, 2**62) == ()


async def test_of_each_agent_the_newest_change_is_known_however_many_there_were(ledger: SqlLedger) -> None:
    assert await ledger.standings() == ()
    zoe, last = AgentId("agent-Zoë"), a_change(NOON + 9, "READY", None)
    put_off = replace(last, next_status="PAUSED", next_reason="lunch", asked_by="control:uid=0")
    other = replace(a_change(NOON + 5, "PAUSED", "lunch"), agent_id=zoe)
    await ledger.append([put_off, *(a_change(NOON + n, "PAUSED", f"pause {n}") for n in range(9)), other])
    await ledger.append([replace(other, at=NOON + 1, status="LOGGED_OUT", next_status="READY")])
    assert await ledger.standings() == (put_off, other)


async def test_a_change_put_off_comes_back_as_it_was_told_and_may_have_no_reason(ledger: SqlLedger) -> None:
    changes = [
        replace(a_change(NOON + 1), next_status="PAUSED", next_reason="Kaffee\x00"),
        replace(a_change(NOON + 2), next_status="LOGGED_OUT", next_reason=""),
        a_change(NOON + 3),
    ]
    await ledger.append(changes)
    told_back = await ledger.agent_history(AGENT, 0, 2**62)
    assert [(change.next_status, change.next_reason) for change in told_back] == [
        ("PAUSED", "Kaffee\ufffd"),
        ("LOGGED_OUT", None),
        (None, None),
    ]


async def test_facts_are_there_for_whoever_opens_the_ledger_next(ledger_store: LedgerStore) -> None:
    async with ledger_store.open() as first:
        await first.append([a_record()])
    async with ledger_store.open() as second, ledger_store.open() as third:
        await second.append([a_record(), an_offer()])
        assert await told(third) == await told(second)
        assert len(await told(third)) == 1


# ---- how many were new ----


async def test_the_ledger_says_how_many_facts_it_did_not_have(ledger: SqlLedger) -> None:
    facts = [a_decision(), an_offer(), a_record(), a_wrapup(), a_change()]
    assert await ledger.append([]) == 0
    assert await ledger.append(facts[:3]) == 3
    assert await ledger.append([*facts, *facts]) == 2
    assert await ledger.append([*facts, a_record(2), an_offer(3)]) == 2
    assert await ledger.append(facts) == 0
