"""A promise read from a journal is either strange, or the floor it makes is a possible one and its deadlines end it."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.contacts.callback import NOWHERE, PromiseState, Terms
from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, ContactId, QueueName
from router.domain.messages.commands import AgentProfile, Enrol, LogIn
from router.domain.messages.observations import EndpointSeen, LegAnswered, LegSnapshot, Resynced
from router.domain.pictures.picture import Picture, PromiseStands, key_of, whole
from router.domain.pictures.recovery import restore, take_over
from router.domain.rulebook.rules import Outside, Rules
from router.domain.truth.invariants import broken
from tests.builders import NODE, ORDERS, SHOP, with_queue
from tests.domain.test_callback import CALLER_FIRST, called_back

NOW = 1_790_000_000 * SECOND
NO_MORE = replace(with_queue(called_back(), ORDERS, callback=None), outside=Outside(trunk="carrier"))
DAY = 86_400 * SECOND

_names = st.sampled_from([ContactId(f"{NODE}-{name}") for name in ("a", "b", "a_cb1", "b_cb2", "a_cbx", "a.1")])
_instants = st.one_of(
    st.integers(NOW - 600 * SECOND, NOW + 600 * SECOND), st.sampled_from([0, -1, NOW, 2**62, -(2**62), NOW + 500 * DAY])
)
_counts = st.sampled_from([0, 1, 2, 3, -1, 2**63])
_promises = st.builds(
    PromiseStands,
    promise_id=_names,
    campaign=st.sampled_from([SHOP, "bank", "gone", ""]),
    queue=st.sampled_from([QueueName(name) for name in ("shop/orders", "shop/general", "left/all", "")]),
    number=st.sampled_from(["+4930555999", "+4930555888", "", "x"]),
    dnis=st.just("+4930555100"),
    node=st.sampled_from([NODE, "node-b", ""]),
    arrived_at=_instants,
    entered_at=_instants,
    asked_at=_instants,
    expires_at=_instants,
    state=st.sampled_from([*PromiseState, "asleep"]),
    tries=_counts,
    next_at=_instants,
    priority=st.sampled_from([0, 5, -(2**70)]),
    place_id=_names,
    attempts=_counts,
    terms=st.one_of(
        st.none(),
        st.builds(
            Terms,
            trunk=st.sampled_from(["carrier", "", "a@b"]),
            caller_id=st.sampled_from(["+4930555100", ""]),
            agent_first=st.booleans(),
            tries=_counts,
            ring_us=st.sampled_from([30 * SECOND, 0, -1, 2**62]),
            retry_after_us=st.sampled_from([30 * SECOND, 0, 2**62]),
        ),
    ),
    here=st.one_of(st.just(NOWHERE), _names),
    meant_for=st.sampled_from([None, AgentId("agent-1001"), AgentId("nobody")]),
    rings_at=_instants,
    left_us=st.sampled_from([None, 0, 1, 300 * SECOND, -SECOND, 2**62]),
    counted_at=_instants,
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(_promises, min_size=1, max_size=4),
    st.sampled_from([called_back(), CALLER_FIRST, NO_MORE]),
    st.sampled_from(["", "rings", "up"]),
)
def test_promises_without_sense_are_strange_or_come_to_an_end(
    pictures: list[Picture], in_force: Rules, lives: str
) -> None:
    engine = Engine(in_force)
    agent = AgentId("agent-1001")
    engine.handle(Enrol(profile=AgentProfile(agent_id=agent, endpoint=agent, skills={"orders": 100})), NOW)

    strange = restore(engine.floor, pictures, NOW)

    assert set(strange) <= {key_of(picture) for picture in pictures}
    assert broken(engine.floor, NOW) == []
    take_over(engine.floor, NOW)
    engine.handle(EndpointSeen(endpoint=agent, reachable=True, at=NOW), NOW)
    engine.handle(LogIn(agent_id=agent), NOW)
    at = NOW + SECOND
    legs = tuple(_leg(name, lives) for name in ("a_cb1", "b_cb2")) if lives else ()
    for node in (NODE, "node-b", ""):
        seen = legs if node == NODE else ()
        engine.handle(Resynced(node=node, legs=seen, reachable={agent: True}, asked_at=at - 1, at=at, epoch=2), at)
    assert broken(engine.floor, at) == []
    for leg in legs:
        engine.handle(LegAnswered(leg=leg.leg, at=at), at)
    assert len(whole(engine.floor)) >= len(engine.floor.promises)
    _let_everything_pass(engine, at + 500 * DAY)
    for node in (NODE, "node-b", ""):
        asked_at = at + 500 * DAY
        engine.handle(Resynced(node=node, legs=(), asked_at=asked_at, at=asked_at, epoch=2), asked_at + 1)
    _let_everything_pass(engine, at + 501 * DAY)
    assert engine.floor.promises == {}
    assert [contact for contact in engine.floor.contacts.values() if contact.place] == []


def _leg(name: str, lives: str) -> LegSnapshot:
    changes: dict[str, Any] = {"up": lives == "up", "rings": lives == "rings"}
    return LegSnapshot(
        leg=f"{NODE}-{name}",  # type: ignore[arg-type]
        channel="PJSIP/carrier-1",
        endpoint="carrier",
        linkedid=name,
        contact_id=ContactId(f"{NODE}-{name}"),
        campaign=SHOP,
        state="waiting" if lives == "up" else "called",
        **changes,
    )


def _let_everything_pass(engine: Engine, until_at: int) -> None:
    """Every deadline up to then, and every step of a clock that would turn in a circle is a failure."""
    for _ in range(5000):
        due_at = engine.next_timer()
        if due_at is None or due_at > until_at:
            return
        if all(key[0] == "sweep" for key in engine.floor.timers._due):
            return
        engine.handle_timer(due_at)
        engine.drain()
    raise AssertionError("deadlines without an end")
