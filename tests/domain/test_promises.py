"""Promises that are kept whatever comes between: takeovers, new rules, callers who call again, agents who are shared."""

from router.domain.commands import LogIn
from router.domain.events import OfferMade
from router.domain.ids import ContactId
from router.domain.observations import CallbackConfirmed, Resynced
from tests.builders import NODE
from tests.domain.test_callback import CallbackRoom, owing, place

# ---- a takeover ----


def looked_at(room: CallbackRoom, *callers: ContactId) -> None:
    """The first look of the router after the first."""
    seen = tuple(room.waiting(caller) for caller in callers)
    reachable = dict.fromkeys(room.agents, True)
    room.see(Resynced(node=NODE, legs=seen, reachable=reachable, asked_at=room.now, at=room.now, epoch=2))


def test_no_two_phones_are_rung_by_one_name_though_the_caller_who_asked_is_being_offered_too() -> None:
    room = CallbackRoom()
    first, second = room.agent_joins(logged_in=False), room.agent_joins(logged_in=False)
    ada = room.calls("ada")
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    successor = room.succeed()
    looked_at(successor, ada)

    successor.ask(LogIn(agent_id=first))
    successor.rings(successor.offer(ada))
    successor.ask(LogIn(agent_id=second))
    successor.let_pass(3)

    names = [made.offer_id for made in successor.of(OfferMade)]
    assert len(names) == len(set(names)) == 2
    assert {made.contact_id for made in successor.of(OfferMade)} == {ada, place(ada)}


def test_no_agents_leg_of_a_call_back_begins_with_the_name_of_a_customers() -> None:
    room, ada = owing("orders")

    name = room.offer(place(ada))

    assert not any(name.startswith(place(ada, number)) for number in range(1, 100))
    assert name.rpartition(".")[0] not in (ada, place(ada))
