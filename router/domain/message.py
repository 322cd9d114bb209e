"""What is told and never changed: observations, commands, events, effects, facts of the record.

A message is frozen to the type checker, which looks at every line of ours, and an ordinary object at run time: a frozen
dataclass sets each of its fields through a call of `object.__setattr__`, and a decision makes some sixty fields while a
caller waits (a tenth of its time, measured).
"""

from dataclasses import dataclass, field
from typing import TypeVar, cast, dataclass_transform

_Class = TypeVar("_Class", bound=type)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def message(cls: _Class) -> _Class:
    """A dataclass with slots whose fields are given by name; equal and hashed by its values."""
    return cast(_Class, dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls))
