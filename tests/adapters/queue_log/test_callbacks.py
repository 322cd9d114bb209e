"""Call-backs in the queue log: a place is no call; who is called has one stay, from when they pick up."""

from __future__ import annotations

from router.domain.messages.effects import WriteDown
from router.domain.messages.observations import CallbackConfirmed, PromiseWritten
from tests.adapters.queue_log.logged_room import LoggedRoom
from tests.domain.test_callback import CallbackRoom, place


class Logged(LoggedRoom, CallbackRoom):
    """Call-backs, told to a log."""


def events(room: Logged) -> list[str]:
    return [line.split("|", 4)[4] for line in room.lines() if "MEMBER" not in line]


def test_who_is_rung_for_a_place_has_no_line_and_the_call_begins_when_they_pick_up() -> None:
    room = Logged()
    ada = room.is_promised("ada")
    room.agent_joins("orders")
    events(room)
    missed = room.offer(place(ada))
    room.rings(missed)
    room.let_pass(15)
    room.ends(missed)
    assert [each for each in events(room) if not each.startswith(("PAUSE", "UNPAUSE"))] == []

    room.agent_joins("orders")
    offer_id = room.accepts(place(ada))
    room.customer_rings(place(ada))
    room.let_pass(7)
    room.customer_answers(place(ada))
    room.bridges(offer_id)
    room.let_pass(30)
    room.caller_hangs_up(place(ada))
    room.ends(offer_id)

    told = [each for each in events(room) if not each.startswith(("PAUSE", "UNPAUSE"))]
    assert [each.partition("|")[0] for each in told] == ["DID", "ENTERQUEUE", "CONNECT", "COMPLETECALLER"]
    assert told[2].startswith("CONNECT|0|")
    assert told[3] == "COMPLETECALLER|0|30|1"
    assert room.log.kept == 0


def test_who_confirms_and_hangs_up_before_it_is_written_down_has_left_by_a_key() -> None:
    room = Logged()
    ada = room.calls("ada")
    room.let_pass(5)
    room.asks(ada)
    room.see(CallbackConfirmed(contact_id=ada, at=room.now))
    room.caller_hangs_up(ada)
    assert room.of(WriteDown)
    room.see(PromiseWritten(promise_id=ada, safe=True))

    told = events(room)
    assert [each.partition("|")[0] for each in told] == ["DID", "ENTERQUEUE", "EXITWITHKEY"]
    assert told[-1] == "EXITWITHKEY||1|1|5"
