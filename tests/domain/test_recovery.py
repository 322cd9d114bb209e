"""A floor is put together again from its pictures: the same people in the same places, and nobody is rung twice."""

from dataclasses import replace
from random import Random

import pytest

from router.domain.contacts.callback import NOWHERE, PromiseState
from router.domain.engine import Engine
from router.domain.ids import SECOND, ContactId, LegId, Micros
from router.domain.messages.commands import Enrol, Entitle, LogOut, Pause, SetDays
from router.domain.messages.effects import EndLeg, RingAgent, SendCaller
from router.domain.messages.events import ContactOverflowed
from router.domain.pictures.picture import AgentStands, ContactStands, DoorStands, Picture, PromiseStands, key_of, whole
from router.domain.pictures.recovery import GRACE_US, restore, take_over
from router.domain.truth.invariants import broken
from router.simulation.centre import Centre
from router.simulation.people import Crowd, Habits
from router.simulation.site import agents, rules
from router.simulation.wire import Weather
from tests.builders import START_AT, Room
from tests.builders import rules as room_rules


def a_busy_floor(seed: int, after_s: int) -> Centre:
    dice = Random(seed)
    crowd = Crowd(dice, Habits(loses_node_us=10**15, arrival_us=SECOND // 3), 10_000)
    centre = Centre(rules(), agents(30, dice), dice, Weather(), crowd, look_every=1000)
    crowd.come_in(centre)
    centre.run(centre.now + after_s * SECOND)
    # not only for who is to be called back: their places, and the offers of these, are made anew (picture.py)
    while all("_cb" in offer.contact_id for offer in centre.engine.floor.offers.values()):
        centre.run(centre.now + SECOND // 4)
    return centre


def restored(centre: Centre, now: Micros) -> Engine:
    engine = Engine(rules())
    for agent in centre.engine.floor.agents.values():
        engine.handle(Enrol(profile=agent.profile), now)
        engine.handle(Entitle(agent_id=agent.agent_id, entitlement=agent.entitlement), now)
    restore(engine.floor, whole(centre.engine.floor), now)
    return engine


def as_read_back(picture: Picture, now: Micros) -> Picture:
    """What is changed on purpose: places in line are numbered anew, and no deadline fires before a resync."""
    not_before = now + GRACE_US
    match picture:
        case ContactStands():
            skips = tuple((agent, until) for agent, until in picture.skips if until > now)
            wait_at = None if picture.wait_at is None else max(picture.wait_at, not_before)
            early_at = None if picture.early_at is None else max(picture.early_at, not_before)
            entered_at = picture.entered_at or picture.arrived_at
            return replace(picture, ordinal=0, entered_at=entered_at, wait_at=wait_at, early_at=early_at, skips=skips)
        case AgentStands(assignment=assignment) if assignment is not None and assignment.wrapup_at is not None:
            wrapup_at = max(assignment.wrapup_at, not_before)
            return replace(picture, assignment=replace(assignment, wrapup_at=wrapup_at))
        case PromiseStands(state=PromiseState.PROMISED):  # rests until Asterisk has told what lives (owed.py)
            return replace(picture, state=PromiseState.RESTING, place_id=NOWHERE)
        case PromiseStands(state=PromiseState.REACHED):  # it has rung
            return replace(picture, rings_at=0)
    return picture


@pytest.mark.parametrize("seed", range(8))
def test_a_restored_floor_is_the_one_that_was_written(seed: int) -> None:
    centre = a_busy_floor(seed, 40 + 25 * seed)
    now = centre.now

    engine = restored(centre, now)

    before, after = whole(centre.engine.floor), whole(engine.floor)
    before = [each for each in before if not isinstance(each, DoorStands) or each.shut_until > now]  # nobody's word now
    assert [as_read_back(picture, now) for picture in after] == [as_read_back(picture, now) for picture in before]
    assert broken(engine.floor, now) == []


@pytest.mark.parametrize("seed", range(4))
def test_no_deadline_of_a_dead_router_fires_before_somebody_has_looked_what_lives(seed: int) -> None:
    centre = a_busy_floor(seed, 60)
    now = centre.now + 3600 * SECOND
    engine = restored(centre, now)
    assert any(offer.deadline_at < now for offer in engine.floor.offers.values())
    assert engine.next_timer() is not None
    engine.handle_timer(now + GRACE_US - 1)
    assert {key_of(picture) for picture in whole(engine.floor)} >= {
        key_of(picture) for picture in whole(centre.engine.floor) if isinstance(picture, ContactStands)
    }
    assert not any(isinstance(effect, EndLeg | SendCaller) for effect in engine.drain()[1])


@pytest.mark.parametrize("seed", range(4))
def test_who_takes_over_hangs_up_what_the_dead_router_rang(seed: int) -> None:
    centre = a_busy_floor(seed, 60)
    engine = restored(centre, centre.now)
    engine.drain()
    # those for who is to be called back are found by their legs (picture.py), and a place can end before its offer
    ringing = [offer.leg for offer in centre.engine.floor.offers.values() if "_cb" not in offer.contact_id]

    take_over(engine.floor, centre.now)

    _, effects = engine.drain()
    ended = {effect.leg for effect in effects if isinstance(effect, EndLeg)}
    assert {leg for leg in ended if "_cb" not in leg} == set(ringing)  # who was reached has an offer that is known
    assert not any(isinstance(effect, RingAgent) for effect in effects)
    assert broken(engine.floor, centre.now) == []


def test_what_a_person_chose_is_still_chosen() -> None:
    centre = a_busy_floor(3, 30)
    first, second, *_ = centre.engine.floor.agents
    for command in (Pause(agent_id=first, reason="lunch"), LogOut(agent_id=second)):
        centre.ask(command)
    floor = centre.engine.floor

    engine = restored(centre, centre.now)

    for agent_id in (first, second):
        was, is_now = floor.agents[agent_id], engine.floor.agents[agent_id]
        assert (was.status, was.reason, was.next_status, was.next_reason, was.next_by) == (
            is_now.status,
            is_now.reason,
            is_now.next_status,
            is_now.next_reason,
            is_now.next_by,
        )


def test_who_left_the_directory_is_left_out_and_whose_campaign_is_gone_is_offered_to_nobody() -> None:
    centre = a_busy_floor(1, 80)
    now = centre.now
    few = list(centre.engine.floor.agents.values())[::2]
    kept = rules()
    gone = next(iter(kept.campaigns))
    fewer = replace(
        kept,
        campaigns={name: campaign for name, campaign in kept.campaigns.items() if name != gone},
        queues={name: queue for name, queue in kept.queues.items() if queue.campaign != gone},
    )
    engine = Engine(fewer)
    for agent in few:
        engine.handle(Enrol(profile=agent.profile), now)

    restore(engine.floor, whole(centre.engine.floor), now)
    take_over(engine.floor, now)

    assert set(engine.floor.agents) == {agent.agent_id for agent in few}
    on_the_phone = {contact.contact_id for contact in centre.engine.floor.contacts.values() if not contact.place}
    assert {contact.contact_id for contact in engine.floor.contacts.values() if not contact.place} == on_the_phone
    there = [contact for contact in engine.floor.contacts.values() if not contact.place]
    of_it = [contact for contact in there if contact.queue.startswith(f"{gone}/")]
    assert of_it
    assert {str(contact.state) for contact in of_it} <= {"connected", "leaving"}
    assert broken(engine.floor, now) == []


def test_a_stand_by_that_was_told_of_the_days_long_ago_knows_what_agents_have_done_today() -> None:
    day = 86_400 * SECOND
    room = Room("orders")
    room.ask(SetDays(midnights=(midnights := tuple(START_AT - START_AT % day + each * day for each in range(9)))))
    engine = Engine(room_rules())
    engine.handle(SetDays(midnights=midnights), room.now)
    engine.handle(Enrol(profile=room.floor.agents[room.agents[0]].profile), room.now)
    room.let_pass(2 * 86_400)
    caller = room.calls("c1")
    room.agent_hangs_up(room.talks(caller))
    restore(engine.floor, whole(room.floor), room.now)
    take_over(engine.floor, room.now)
    engine.handle_timer(room.now)
    assert engine.floor.agents[room.agents[0]].today.contacts == 1


def test_a_picture_that_cannot_be_ours_is_left_out_and_named() -> None:
    centre = a_busy_floor(1, 60)
    pictures = whole(centre.engine.floor)
    contact = next(picture for picture in pictures if isinstance(picture, ContactStands) and picture.offers)
    asleep = replace(contact, contact_id=ContactId("x"), leg=LegId("x"), state="asleep")
    odd = replace(contact, contact_id=ContactId("y"), leg=LegId("y"), offers=(replace(contact.offers[0], state="?"),))
    engine = Engine(rules())
    assert restore(engine.floor, [asleep, odd], centre.now) == ["contact x", "contact y"]
    assert whole(engine.floor) == []


def test_who_waits_too_long_already_is_not_sent_on_before_asterisk_was_asked() -> None:
    """They were being rung when the router died: they may talk by now."""
    room = Room("orders")
    caller = room.calls("c1")
    room.let_pass(59)
    room.rings(room.offer(caller))
    room.let_pass(2)
    assert room.floor.contacts[caller].overdue
    engine = Engine(room_rules())
    engine.handle(Enrol(profile=room.floor.agents[room.agents[0]].profile), room.now)
    restore(engine.floor, whole(room.floor), room.now)
    take_over(engine.floor, room.now)
    engine.handle_timer(room.now + GRACE_US - 1)
    assert not [event for event in engine.drain()[0] if isinstance(event, ContactOverflowed)]
    engine.handle_timer(room.now + GRACE_US)
    assert [event.why for event in engine.drain()[0] if isinstance(event, ContactOverflowed)] == ["wait"]
