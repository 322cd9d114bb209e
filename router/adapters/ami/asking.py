"""Questions to Asterisk whose answers are awaited: one, or many at once but never so many that a ring finds no room."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TypeVar

from router.adapters.ami import actions
from router.adapters.ami.gate import Gate
from router.adapters.ami.wire import Reply
from router.domain.errors import RemoteError

DEADLINE_S = 5.0
_AT_ONCE = 100
"Questions asked before their answers are awaited: far below the session's limit, so that rings always find room."
_Item = TypeVar("_Item")


class Asking:
    """Every method raises `RemoteError`: refused, lost, withheld, or no answer in time."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def ask(self, action: actions.Action, deadline_s: float = DEADLINE_S) -> Reply:
        reply = await self._gate.send(action, deadline_s)
        if not reply.ok:
            raise RemoteError("ami-refused", f"Asterisk refused {action['Action']}: {reply.message}", retryable=True)
        return reply

    async def get(self, variable: str) -> str:
        """A global or a function of no channel; empty when it is not set."""
        value = (await self.ask(actions.get_global(variable))).block.get("value")
        return "" if value == "(null)" else value

    async def get_all(self, variables: Sequence[str]) -> dict[str, str]:
        """Variable → value."""
        found: dict[str, str] = {}
        for batch in _batches(variables):
            found.update(zip(batch, await asyncio.gather(*map(self.get, batch)), strict=True))
        return found

    async def set_all(self, values: Iterable[tuple[str, str]]) -> None:
        """Globals, carried out in this order: Asterisk takes one action of a session after the other."""
        for batch in _batches(list(values)):
            await asyncio.gather(*(self.ask(actions.set_global(name, value)) for name, value in batch))


def _batches(items: Sequence[_Item]) -> Iterable[Sequence[_Item]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
