"""State machines as data: {state: {trigger: next state}}, every state listed even when nothing leads out of it.

A trigger without a row changes nothing: `step` answers None. For an observation that means *too late or twice*, which
is normal; for a command it means *refused*. Nothing else in the domain assigns a state.
"""

from collections.abc import Mapping
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

Table = Mapping[S, Mapping[T, S]]


def step(table: Table[S, T], state: S, trigger: T) -> S | None:
    """The state after `trigger`, or None when the table has no row for it."""
    return table[state].get(trigger)
