"""Every state machine is complete: each state has a row, each trigger is used, and only the end leads nowhere."""

from enum import StrEnum

import pytest

from router.domain.benches.agent import STATUS, Status
from router.domain.contacts.assignment import ASSIGNMENT, AssignmentState, AssignmentStep
from router.domain.contacts.callback import PROMISE, PromiseState, PromiseStep
from router.domain.contacts.contact import CONTACT, ContactState, ContactStep
from router.domain.contacts.offer import OFFER, OfferState, OfferStep
from router.domain.engine import _DEADLINES, _HANDLERS
from router.domain.messages.commands import Command, LogIn, LogOut, Pause, Unpause
from router.domain.messages.observations import Observation
from router.domain.tables import Table, step

TABLES: list[tuple[Table[StrEnum, StrEnum], type[StrEnum], set[object], str]] = [
    (OFFER, OfferState, set(OfferStep), OfferState.RESERVED),  # type: ignore[list-item]
    (CONTACT, ContactState, set(ContactStep), ContactState.ARRIVED),  # type: ignore[list-item]
    (ASSIGNMENT, AssignmentState, set(AssignmentStep), AssignmentState.CONNECTED),  # type: ignore[list-item]
    (STATUS, Status, {LogIn, LogOut, Pause, Unpause}, Status.LOGGED_OUT),  # type: ignore[list-item]
]
TABLES.append((PROMISE, PromiseState, set(PromiseStep), PromiseState.ASKED))  # type: ignore[arg-type]
NAMES = ["offer", "contact", "assignment", "status", "promise"]


@pytest.mark.parametrize(("table", "states", "triggers", "first"), TABLES, ids=NAMES)
def test_every_state_has_a_row_and_every_trigger_a_use(table, states, triggers, first) -> None:  # type: ignore[no-untyped-def]
    assert list(table) == list(states)
    assert {trigger for row in table.values() for trigger in row} == triggers


@pytest.mark.parametrize(("table", "states", "triggers", "first"), TABLES, ids=NAMES)
def test_every_state_can_be_reached(table, states, triggers, first) -> None:  # type: ignore[no-untyped-def]
    reached, todo = {first}, [first]
    while todo:
        for state in table[todo.pop()].values():
            if state not in reached:
                reached.add(state)
                todo.append(state)
    assert reached == set(states)


def test_only_the_end_leads_nowhere() -> None:
    ends = [state for table, *_ in TABLES for state, row in table.items() if not row]
    assert ends == [OfferState.CLOSED, ContactState.ENDED, AssignmentState.CLOSED, PromiseState.CLOSED]


def test_a_contact_can_end_from_every_state_and_an_offers_leg_too() -> None:
    assert all(step(CONTACT, s, ContactStep.END) for s in ContactState if s is not ContactState.ENDED)
    assert all(step(OFFER, s, OfferStep.LEG_END) for s in OfferState if s is not OfferState.CLOSED)


def test_a_trigger_without_a_row_changes_nothing() -> None:
    assert step(OFFER, OfferState.RESCINDING, OfferStep.RING) is None


def test_every_message_and_every_deadline_has_somebody_who_handles_it() -> None:
    assert set(_HANDLERS) == {*Command.__args__, *Observation.__args__}
    assert set(_DEADLINES) == {
        "ring",
        "talk",
        "rescind",
        "leg",
        "wait",
        "return",
        "wrapup",
        "skip",
        "held",
        "entitlement",
        "call",
        "sweep",
        "node",
        "row",
        "alarm",
        "day",
        "door",
        "kept",
        "pause",
        "retry",
        "engaged",
        "early",
        "treat",
        "promise",
    }
