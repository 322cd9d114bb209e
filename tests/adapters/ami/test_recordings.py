"""What Asterisk really said, story by story (tests/recordings/stories.py): how it is read, what is decided from it."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from router.adapters.ami import resync
from router.adapters.ami.wire import Block
from router.domain.benches.agent import Reach, Status
from router.domain.contacts.contact import ContactState
from router.domain.ids import AgentId, ContactId
from router.domain.messages.effects import AnswerPhone, EndLeg, RingAgent, SendCaller
from router.domain.messages.observations import (
    CallerReturned,
    ContactArrived,
    LegAppeared,
    LegEnded,
    LegRinging,
    LegSnapshot,
    OfferTurnedAway,
    OriginateFailed,
    Resynced,
    TalkBegins,
)
from router.domain.record import BillingRecord, EndedBy, OfferResult, Outcome
from tests.recordings import replay
from tests.recordings.replay import Replay

RECORDINGS = replay.recordings()
AGENT, SECOND = "agent-2001", "agent-2002"
by_name = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)


def expected(recording: Path) -> list[str]:
    return replay.expected_file(recording).read_text().splitlines()


@by_name
def test_each_story_is_read_as_it_was_reviewed(recording: Path) -> None:
    read = replay.read(replay.whole(recording.read_bytes()))
    assert [replay.line(seen) for seen in read] == expected(recording)


@by_name
def test_a_story_reads_the_same_byte_by_byte(recording: Path) -> None:
    assert list(map(replay.line, replay.read(replay.byte_by_byte(recording.read_bytes())))) == expected(recording)


@by_name
def test_a_story_reads_the_same_however_the_network_cuts_it(recording: Path) -> None:
    data = recording.read_bytes()
    whole = list(replay.blocks_of(replay.whole(data)))
    for seed in range(25):
        assert list(replay.blocks_of(replay.in_pieces(data, seed))) == whole, f"seed {seed}"


@by_name
def test_nothing_that_asterisk_says_lacks_a_time_or_a_header(recording: Path) -> None:
    for text in expected(recording):
        [(kind, seen)] = json.loads(text).items()
        assert kind != "Malformed"
        assert seen["at"] > 1_700_000_000_000_000


# ---- what an engine decides that hears it ----


@dataclass(frozen=True)
class Fate:
    """What must be decided: outcome, by whom it ended, the kinds of its segments, its offers as (agent, result)."""

    outcome: Outcome
    ended_by: EndedBy
    segments: str
    offers: tuple[tuple[str, OfferResult], ...] = ()


ANSWERED = ((AGENT, OfferResult.ANSWERED),)
# Where an agent hung up, nobody was there to let the caller go when it was recorded: they are alone for two seconds.
FATES = {
    "agent_hangs_up": Fate(Outcome.ANSWERED, EndedBy.AGENT, "waiting talk waiting", ANSWERED),
    "caller_hangs_up": Fate(Outcome.ANSWERED, EndedBy.CALLER, "waiting talk", ANSWERED),
    "early_media_answered_at_the_bridge": Fate(Outcome.ANSWERED, EndedBy.AGENT, "waiting talk waiting", ANSWERED),
    "hold_and_unhold": Fate(Outcome.ANSWERED, EndedBy.AGENT, "waiting talk hold talk waiting", ANSWERED),
    "same_channel_id_twice": Fate(Outcome.ANSWERED, EndedBy.AGENT, "waiting talk waiting", ANSWERED),
    "caller_abandons_in_early_media": Fate(
        Outcome.ABANDONED, EndedBy.CALLER, "waiting", ((AGENT, OfferResult.CALLER_LEFT),)
    ),
    "caller_left_as_the_agent_answered": Fate(
        Outcome.ABANDONED, EndedBy.CALLER, "waiting", ((AGENT, OfferResult.CALLER_LEFT),)
    ),
}
NOBODY_READY = {
    "caller_abandons_waiting": Fate(Outcome.ABANDONED, EndedBy.CALLER, "waiting"),
    "router_is_silent": Fate(Outcome.SYSTEM, EndedBy.SYSTEM, "waiting announcement"),
    "exit_key": Fate(Outcome.OVERFLOWED, EndedBy.CALLER, "waiting announcement"),
}


def story(name: str) -> Path:
    [recording] = [path for path in RECORDINGS if path.stem == name]
    return recording


def check_record(played: Replay, fate: Fate) -> BillingRecord:
    [record] = played.records
    assert (record.outcome, record.ended_by) == (fate.outcome, fate.ended_by)
    assert " ".join(segment.kind for segment in record.segments) == fate.segments
    assert [(offer.agent_id, offer.result) for offer in played.offers] == list(fate.offers)
    return record


def life_of_the_caller(played: Replay) -> tuple[int, int]:
    [arrived] = [seen for seen in played.seen if isinstance(seen, ContactArrived)]
    [ended] = [seen for seen in played.seen if isinstance(seen, LegEnded) and seen.leg == arrived.leg]
    return arrived.arrived_at, ended.at


@pytest.mark.parametrize("name", [*FATES, *NOBODY_READY])
def test_a_contact_has_one_record_that_covers_the_callers_leg_exactly(name: str) -> None:
    ready = () if name in NOBODY_READY else (AGENT,)
    played = Replay(story(name), ready).play()
    record = check_record(played, (FATES | NOBODY_READY)[name])
    assert (record.arrived_at, record.ended_at) == life_of_the_caller(played)
    assert (record.segments[0].from_at, record.segments[-1].to_at) == life_of_the_caller(played)
    for before, after in pairwise(record.segments):
        assert before.to_at == after.from_at
    assert not record.end_estimated
    assert (record.answered_at is not None) == (record.outcome is Outcome.ANSWERED)
    assert played.engine.floor.contacts == {}
    assert played.engine.floor.offers == {}
    assert played.engine.floor.assignments == {}


@pytest.mark.parametrize("name", FATES)
def test_after_a_call_the_agent_is_free_again_and_blamed_for_nothing(name: str) -> None:
    agent = Replay(story(name), (AGENT,)).play().engine.floor.agents[AgentId(AGENT)]
    assert (agent.status, agent.work, agent.reach) == (Status.READY, "idle", Reach.REACHABLE)


def test_an_answered_caller_is_let_go_when_the_agent_has_hung_up() -> None:
    played = Replay(story("agent_hangs_up"), (AGENT,)).play()
    [record] = played.records
    assert [type(effect) for effect in played.effects] == [RingAgent, EndLeg]
    assert played.effects[1] == EndLeg(leg=record.legs[0].uniqueid, node=replay.NODE)
    assert [leg.agent_id for leg in record.legs] == [None, AGENT]


def test_a_talk_begins_at_the_bridge_and_not_at_the_answer() -> None:
    played = Replay(story("early_media_answered_at_the_bridge"), (AGENT,)).play()
    [record] = played.records
    [begins] = [seen for seen in played.seen if isinstance(seen, TalkBegins)]
    assert record.answered_at is not None
    assert record.answered_at > begins.at
    assert record.segments[1].from_at == record.answered_at


def test_a_twin_refused_by_asterisk_does_not_cost_the_offer_that_rings() -> None:
    played = Replay(story("same_channel_id_twice"), (AGENT,)).play()
    assert [seen.reason for seen in played.seen if isinstance(seen, OriginateFailed)] == ["0"]
    assert len([effect for effect in played.effects if isinstance(effect, RingAgent)]) == 1


@pytest.mark.parametrize(
    ("name", "agent", "result"),
    [
        ("agent_rejects_with_404", AGENT, OfferResult.UNREGISTERED),
        ("agent_rejects_with_408", AGENT, OfferResult.UNREGISTERED),
        ("agent_rejects_with_480", AGENT, OfferResult.MISSED),
        ("agent_rejects_with_486", AGENT, OfferResult.BUSY),
        ("agent_rejects_with_487", AGENT, OfferResult.MISSED),
        ("agent_rejects_with_488", AGENT, OfferResult.FAILED),
        ("agent_rejects_with_503", AGENT, OfferResult.FAILED),
        ("agent_rejects_with_600", AGENT, OfferResult.BUSY),
        ("agent_rejects_with_603", AGENT, OfferResult.REJECTED),
        ("phone_is_set_to_do_not_disturb", AGENT, OfferResult.BUSY),
        ("originate_timeout", AGENT, OfferResult.MISSED),
        ("agent_does_not_press_one", AGENT, OfferResult.REJECTED),
        ("stale_epoch", AGENT, OfferResult.RESCINDED),
        ("agent_not_registered", "agent-1003", OfferResult.UNREGISTERED),
        ("agent_without_endpoint", "agent-9999", OfferResult.UNREGISTERED),
        ("encryption_does_not_match", "agent-1002", OfferResult.FAILED),
    ],
)
def test_an_offer_that_came_to_nothing_says_why_and_the_caller_waits_on(
    name: str, agent: str, result: OfferResult
) -> None:
    played = Replay(story(name), (agent,)).play()
    assert [(offer.agent_id, offer.result) for offer in played.offers[:1]] == [(agent, result)]
    [contact] = played.engine.floor.contacts.values()
    assert contact.is_waiting
    assert played.records == []
    paused = played.engine.floor.agents[AgentId(agent)].status is Status.PAUSED
    assert paused == (result is OfferResult.MISSED)


def test_a_phone_that_rings_past_the_deadline_is_hung_up_and_its_agent_paused() -> None:
    recording = story("agent_never_answers_and_we_hang_up")
    seen = Replay(recording).seen
    [arrived] = [s for s in seen if isinstance(s, ContactArrived)]
    [ringing] = [s for s in seen if isinstance(s, LegRinging)]
    played = Replay(recording, (AGENT,), ring_us=ringing.at - arrived.at + 1).play()
    assert [(offer.result, offer.cause) for offer in played.offers] == [(OfferResult.MISSED, 16)]
    assert played.engine.floor.agents[AgentId(AGENT)].reason == "rona"
    assert EndLeg(leg=ringing.leg, node=replay.NODE) in played.effects


def test_a_leg_that_appears_after_its_offer_was_taken_back_is_hung_up_again() -> None:
    played = Replay(story("hangup_right_after_originate"), (AGENT,), ring_us=1).play()
    [leg] = [seen.leg for seen in played.seen if isinstance(seen, LegAppeared) and seen.endpoint == AGENT]
    assert played.effects[1:] == [EndLeg(leg=leg, node=replay.NODE)] * 2
    assert [offer.result for offer in played.offers] == [OfferResult.UNREGISTERED]


def test_a_dead_phone_is_no_persons_miss() -> None:
    played = Replay(story("agents_phone_is_dead"), ("agent-2008",), ring_us=1_000_000).play()
    assert [offer.result for offer in played.offers] == [OfferResult.UNREGISTERED]
    assert played.engine.floor.agents[AgentId("agent-2008")].status is Status.READY


def test_of_two_agents_who_answer_one_talks_and_the_other_is_told_taken() -> None:
    played = Replay(story("two_agents_answer_one_caller"))
    turned = [seen for seen in played.seen if isinstance(seen, OfferTurnedAway)]
    talking = [seen.offer_id for seen in played.seen if isinstance(seen, TalkBegins)]
    assert [seen.why for seen in turned] == ["taken"]
    assert len(talking) == 1
    assert turned[0].offer_id != talking[0]


def test_a_blind_transfer_to_nobody_of_ours_ends_in_the_closing_message() -> None:
    played = Replay(story("blind_transfer"), ("agent-1001",)).play()
    [contact] = played.engine.floor.contacts.values()
    assert contact.state is ContactState.LEAVING
    assert [effect.context for effect in played.effects if isinstance(effect, SendCaller)] == ["acd-closing"]
    assert played.engine.floor.agents[AgentId("agent-1001")].work == "idle"


def test_who_waited_longest_allowed_hears_the_closing_message_as_overflowed() -> None:
    played = Replay(story("waiting_caller_is_redirected"), max_wait_us=1).play()
    check_record(played, Fate(Outcome.OVERFLOWED, EndedBy.SYSTEM, "waiting announcement"))
    assert [effect.context for effect in played.effects if isinstance(effect, SendCaller)] == ["acd-closing"]


def test_an_exit_key_overflows_the_caller() -> None:
    played = Replay(story("exit_key")).play()
    assert [effect.context for effect in played.effects if isinstance(effect, SendCaller)] == ["acd-closing"]


def test_a_feature_code_with_a_digit_pauses_for_that_reason_and_is_answered() -> None:
    played = Replay(story("feature_code"), ("agent-1001",)).play()
    agent = played.engine.floor.agents[AgentId("agent-1001")]
    assert (agent.status, agent.reason) == (Status.PAUSED, "training")
    [answer] = played.effects
    assert isinstance(answer, AnswerPhone)
    assert answer.result == "paused"
    assert agent.private_legs == {}


def test_a_private_call_makes_the_phone_busy_elsewhere_for_as_long_as_it_lasts() -> None:
    played = Replay(story("private_call"), ("agent-1001",)).play()
    changes = [event.reach for event in played.events if hasattr(event, "reach")]
    assert changes[-3:] == [Reach.BUSY_ELSEWHERE, Reach.REACHABLE, Reach.UNREACHABLE]


def test_a_call_for_an_unknown_number_is_nobodys_contact() -> None:
    played = Replay(story("unknown_number"), (AGENT,)).play()
    assert (played.records, played.effects) == ([], [])


# ---- the lists after a login ----


def status_of(recording: Path) -> list[Block]:
    return [block for block in replay.blocks_of(replay.whole(recording.read_bytes())) if block.event == "Status"]


def snapshot() -> tuple[tuple[LegSnapshot, ...], dict[str, bool]]:
    recording = story("resync")
    blocks = replay.blocks_of(replay.whole(recording.read_bytes()))
    phones = resync.phones(b for b in blocks if b.event == "DeviceStateChange" and b.get("actionid"))
    return resync.leg_snapshots(status_of(recording), replay.READING), phones


def test_a_status_list_tells_callers_from_agents_by_our_variables() -> None:
    legs, _ = snapshot()
    [agents_leg] = [leg for leg in legs if leg.offer_id is not None]
    talking, waiting = sorted((leg for leg in legs if leg.offer_id is None), key=lambda leg: leg.leg)
    assert (agents_leg.endpoint, agents_leg.agent_id, agents_leg.state) == (AGENT, AGENT, "talking")
    assert agents_leg.contact_id == talking.contact_id == talking.leg
    assert talking.bridge == agents_leg.bridge != ""
    assert talking.talk_at is not None
    assert (waiting.state, waiting.bridge, waiting.talk_at) == ("waiting", "", None)
    assert all(leg.up and leg.campaign == "shop" for leg in legs)


def test_a_device_state_list_tells_which_phones_could_be_rung() -> None:
    _, phones = snapshot()
    assert phones[AGENT] is True
    assert phones["agent-1001"] is False


def test_a_router_that_restarts_finds_the_talk_and_the_waiting_caller_at_their_age() -> None:
    played = Replay(story("resync"), (AGENT, SECOND))
    legs, phones = snapshot()
    now = played.now
    played.engine.handle(Resynced(node=replay.NODE, legs=legs, reachable=phones, asked_at=now, at=now), now)
    floor = played.engine.floor
    arrivals = [seen for seen in played.seen if isinstance(seen, ContactArrived)]
    talking, waiting = (floor.contacts[ContactId(seen.contact_id)] for seen in arrivals)
    assert talking.state is ContactState.CONNECTED
    assert talking.agent_id == AGENT
    assert waiting.state is ContactState.OFFERED  # the second agent is free
    assert [talking.arrived_at, waiting.arrived_at] == [seen.arrived_at for seen in arrivals]
    assert not any(isinstance(seen, CallerReturned) for seen in played.seen)
