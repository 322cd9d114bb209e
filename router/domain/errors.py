"""The error tree. `error_id` is stable and part of the API; the message is for people; details are data.

RouterError
├── CommandRefused    the asker can mend it (HTTP 4xx, exit code 4)
├── RemoteError       Asterisk, Redis or the database misbehaved (HTTP 502/503)
├── Overloaded        a bounded queue is full (HTTP 503 with Retry-After)
├── ConfigError       every fault of the configuration at once
└── InvariantBroken   our own bug; counted, logged with its inputs, never hidden
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class RouterError(Exception):
    """Anything Ringfair says no with."""

    def __init__(self, error_id: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.error_id = error_id
        self.message = message
        self.details: Mapping[str, object] = details


class CommandRefused(RouterError):
    """A command that cannot be carried out as things stand; the state is unchanged."""


class RemoteError(RouterError):
    """A neighbour failed or did not answer. `retryable` says whether asking again can help."""

    def __init__(self, error_id: str, message: str, *, retryable: bool = False, **details: object) -> None:
        super().__init__(error_id, message, **details)
        self.retryable = retryable


class Overloaded(RouterError):
    """A bounded queue is full. Details carry `limit` and the queue's name."""


class InvariantBroken(RouterError):
    """The engine caught itself in a state it promises never to reach."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the configuration, said so that an admin can mend it."""

    file: str
    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key} = {self.value}: expected {self.expected}"


class ConfigError(RouterError):
    """Every fault found in the configuration, never only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__("config-invalid", f"{len(self.faults)} fault(s) in the configuration:\n{lines}")
