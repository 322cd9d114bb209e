"""What a successor must not forget: every deadline of the floor it inherits, the order in line, the numbers it may use.

Only the router died here: the floor of the one is put together again in another, a few seconds later.
"""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import Enrol, Pause
from router.domain.messages.effects import EndLeg, LookAgain, RingAgent, SendCaller
from router.domain.messages.events import AgentChanged
from router.domain.messages.observations import EndpointSeen, Resynced
from router.domain.pictures.picture import AgentStands, ContactGone, ContactStands, Picture, whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.rulebook.rules import Rules
from tests.builders import NODE, Room, rules

DEAD_FOR_S = 3


def inherited(
    dead: Room, pictures: Iterable[Picture] | None = None, *, agents: Iterable[AgentId] | None = None
) -> Room:
    """The room of who takes over, before Asterisk has told it anything. `agents`: who is still in the directory."""
    heir = Room()
    heir.engine = Engine(dead.floor.rules)
    heir.effects.clear()
    heir.now = dead.now + DEAD_FOR_S * SECOND
    for agent_id in dead.agents if agents is None else agents:
        heir.engine.handle(Enrol(profile=dead.floor.agents[agent_id].profile), heir.now)
        heir.agents.append(agent_id)
    restore(heir.floor, whole(dead.floor) if pictures is None else pictures, heir.now)
    take_over(heir.floor, heir.now)
    heir.engine.drain()
    return heir


def in_sight(heir: Room, *legs: object, epoch: int = 2) -> None:
    """Asterisk has told what lives."""
    reachable = dict.fromkeys(heir.agents, True)
    heir.let_pass(0.1)
    asked_at = heir.now
    heir.let_pass(0.1)
    heir.see(
        Resynced(node=NODE, legs=legs, reachable=reachable, epoch=epoch, asked_at=asked_at, at=heir.now)  # type: ignore[arg-type]
    )


def pictures_with(room: Room, kind: type, **changes: object) -> list[Picture]:
    """As it was written down, but for one thing about everybody of that kind."""
    return [replace(one, **changes) if isinstance(one, kind) else one for one in whole(room.floor)]  # type: ignore[arg-type]


def test_nobody_is_rung_before_asterisk_has_told_what_lives() -> None:
    dead = Room("orders")
    dead.private_call(dead.agents[0])
    caller = dead.calls("c1")
    heir = inherited(dead)
    heir.see(EndpointSeen(endpoint=dead.agents[0], reachable=True, at=heir.now))
    heir.let_pass(1)
    assert heir.of(RingAgent) == []
    in_sight(heir, heir.waiting(caller))
    assert heir.offered_to(caller) == dead.agents[0]


def test_the_longest_talk_ends_under_a_successor_too() -> None:
    dead = Room("orders", rules_in_force=_short_talks(600))
    caller = dead.calls("c1")
    offer = dead.talks(caller)
    dead.let_pass(100)
    heir = inherited(dead)
    in_sight(
        heir,
        heir.waiting(caller, state="talking", bridge="b", talk_at=dead.now),
        heir.agent_leg(caller, 1, dead.agents[0], state="talking", bridge="b"),
    )
    heir.let_pass(601)
    assert [end.leg for end in heir.of(EndLeg)] == [caller]
    heir.let_pass(10)
    assert [end.leg for end in heir.of(EndLeg)] == [caller, offer]


def _short_talks(longest_s: int) -> Rules:
    found = rules()
    campaigns = {name: replace(one, max_call_us=longest_s * SECOND) for name, one in found.campaigns.items()}
    return replace(found, campaigns=campaigns)


def test_an_agent_whose_phone_was_at_fault_is_asked_again_when_that_time_is_over() -> None:
    dead = Room("orders")
    caller = dead.calls("c1")
    until_at = dead.now + 20 * SECOND
    dead.caller_hangs_up(caller)
    heir = inherited(dead, pictures_with(dead, AgentStands, held_until=until_at))
    in_sight(heir)
    caller = heir.calls("c2")
    assert heir.offered_to(caller) is None
    heir.let_pass(20)
    assert heir.offered_to(caller) == dead.agents[0]


def test_an_agent_who_rejected_a_caller_is_asked_again_when_that_time_is_over() -> None:
    dead = Room("orders")
    caller = dead.calls("c1")
    dead.rings(dead.offer(caller))
    dead.ends(dead.offer(caller), cause=21, tech_cause="603")
    assert dead.offered_to(caller) is None
    heir = inherited(dead)
    in_sight(heir, heir.waiting(caller))
    assert heir.offered_to(caller) is None
    heir.let_pass(30)
    assert heir.offered_to(caller) == dead.agents[0]


def test_a_caller_whose_agent_has_left_the_directory_is_fetched_back() -> None:
    dead = Room("orders")
    caller = dead.calls("c1")
    dead.talks(caller)
    heir = inherited(dead, agents=())
    in_sight(heir, heir.waiting(caller, state="talking", bridge="b", talk_at=dead.now))
    heir.let_pass(10)
    assert heir.of(SendCaller) == [
        SendCaller(contact_id=caller, leg=dead.floor.contacts[caller].leg, node=NODE, context="acd-wait")
    ]
    assert heir.state(caller) == "queued"


@pytest.mark.parametrize(("written", "told"), [("page", "page"), (None, None)])
def test_what_a_person_put_off_is_still_their_word_under_a_successor(written: str | None, told: str | None) -> None:
    """An older release did not write down who it was."""
    dead = Room("orders")
    caller = dead.calls("c1")
    dead.talks(caller)
    dead.ask(Pause(agent_id=dead.agents[0], reason="lunch", asked_by="page"))
    heir = inherited(dead, pictures_with(dead, AgentStands, next_by=written))
    in_sight(heir)
    heir.let_pass(30)
    took_effect = next(each for each in heir.of(AgentChanged) if each.status == "PAUSED")
    assert (took_effect.reason, took_effect.next_status, took_effect.asked_by) == ("lunch", None, told)


def test_a_talk_whose_caller_is_gone_is_ended() -> None:
    dead = Room("orders")
    caller = dead.calls("c1")
    offer = dead.talks(caller)
    heir = inherited(dead, [one for one in whole(dead.floor) if isinstance(one, AgentStands)])
    heir.let_pass(10)
    assert [end.leg for end in heir.of(EndLeg)] == [offer]
    assert heir.agent(dead.agents[0]).work == "wrapup"


def test_a_leg_that_was_given_up_and_never_ended_keeps_nobody_for_ever() -> None:
    dead = Room("orders", "orders")
    caller = dead.calls("c1")
    missed = dead.offer(caller)
    dead.rings(missed)
    dead.let_pass(15)
    assert missed in dead.floor.offers
    heir = inherited(dead)
    assert missed in heir.floor.offers
    heir.let_pass(heir.floor.rules.rescind_grace_us / SECOND)
    assert missed not in heir.floor.offers


def test_callers_of_one_instant_stand_in_line_as_they_came_however_the_journal_is_read() -> None:
    dead = Room()
    first, second, third = (dead.calls(name) for name in ("c1", "c2", "c3"))
    heir = inherited(dead, reversed(whole(dead.floor)))
    in_sight(heir, *(heir.waiting(caller) for caller in (third, first, second)))
    heir.agent_joins("orders")
    assert heir.offered_to(first) is not None


def test_a_restored_caller_is_looked_after_also_when_nobody_else_ever_calls() -> None:
    dead = Room()
    dead.calls("c1")
    heir = inherited(dead)
    heir.let_pass(60)
    assert heir.of(LookAgain) == [LookAgain(node=NODE)]


def test_who_has_ended_does_not_come_back() -> None:
    dead = Room()
    caller = dead.calls("c1")
    heir = inherited(dead, [*whole(dead.floor), ContactGone(contact_id=caller)])
    assert heir.floor.contacts == {}


def test_offers_for_a_caller_known_from_the_journal_are_numbered_from_the_new_epoch() -> None:
    dead = Room("orders")
    dead.private_call(dead.agents[0])
    caller = dead.calls("c1")
    heir = inherited(dead)
    in_sight(heir, heir.waiting(caller), epoch=3)
    assert heir.offer(caller) == f"{caller}.3001"
    [stands] = [one for one in whole(heir.floor) if isinstance(one, ContactStands)]
    assert stands.attempts == 3001, "and the one after it goes on from there"
