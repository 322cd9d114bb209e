"""Which phones can be rung: what Asterisk lists, what it answers about the others, and what it tells meanwhile.

`DeviceStateList` has the phones whose state has changed since Asterisk started. About the others it must be asked one
by one, 0.3 ms each, and for ten thousand agents that is longer than callers may wait for a new owner. But what is not
listed has not changed, so that an answer given on this connection still holds.

Rule 1: who was asked on this connection is asked again only once the snapshot is out, and news of them are told like
events: a configuration that was read again may have changed a phone without a word.
Rule 2: who stands by asks, too, at leisure. So at a takeover there is nobody left to ask first.
Rule 3: what an event told since is newer than an answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from router.adapters.ami import actions, resync
from router.adapters.ami.asking import Asking
from router.adapters.ami.parse import is_reachable
from router.domain.messages.observations import EndpointSeen

_LIST_DEADLINE_S = 15.0
_AT_ONCE, _BREATH_S = 50, 0.05
"Ten thousand take ten seconds, a tenth of which Asterisk and we are busy with it."


class Phones:
    """Of one node; `endpoints` are our agents'. Every method that awaits raises `RemoteError`."""

    def __init__(self, asking: Asking, endpoints: Callable[[], Iterable[str]]) -> None:
        self._asking = asking
        self._endpoints = endpoints
        self._listed: dict[str, bool] = {}
        self._answered: dict[str, bool] = {}
        self._heard: dict[str, bool] = {}
        self._remembered: list[str] = []
        self._ours: frozenset[str] = frozenset()
        self.new: frozenset[str] = frozenset()
        "Our agents' phones that were not ours when Asterisk was asked the time before."

    @property
    def reachable(self) -> dict[str, bool]:
        """endpoint → reachable, for every phone Asterisk lists and every one of our agents'."""
        return self._answered | self._listed | self._heard

    def forget(self) -> None:
        """There is a new connection, perhaps to an Asterisk that was started again."""
        self._answered.clear()

    def hear(self, seen: EndpointSeen) -> None:
        self._heard[seen.endpoint] = seen.reachable

    async def ask(self, *, hurry: bool = True) -> None:
        """The list, and whoever is not in it and was not asked before."""
        self._heard = {}
        listed = await self._asking.ask(actions.device_states(), _LIST_DEADLINE_S)
        self._listed = resync.phones(listed.items)
        ours = list(self._endpoints())
        self.new = frozenset(ours) - self._ours
        self._ours = frozenset(ours)
        others = [phone for phone in ours if phone not in self._listed]
        self._remembered = [phone for phone in others if phone in self._answered]
        self._answered = {phone: self._answered[phone] for phone in self._remembered}
        unknown = [phone for phone in others if phone not in self._answered]
        if hurry:
            self._answered |= await self._ask(unknown)
            return
        async for states in self._at_leisure(unknown):
            self._answered |= states

    async def news(self) -> AsyncIterator[tuple[str, bool]]:
        """Rule 1: those of whom another answer comes than the one that is remembered."""
        async for states in self._at_leisure(self._remembered):
            for phone, reachable in states.items():
                if reachable != self._answered[phone] and phone not in self._heard:
                    self._answered[phone] = reachable
                    yield phone, reachable

    async def _at_leisure(self, phones: Sequence[str]) -> AsyncIterator[dict[str, bool]]:
        """Some at a time, with a breath between: whoever is on the line must not notice."""
        for first in range(0, len(phones), _AT_ONCE):
            if first:
                await asyncio.sleep(_BREATH_S)
            yield await self._ask(phones[first : first + _AT_ONCE])

    async def _ask(self, phones: Sequence[str]) -> dict[str, bool]:
        variables = {actions.device_state(phone): phone for phone in phones}
        states = await self._asking.get_all(list(variables))
        return {variables[name]: is_reachable(state) for name, state in states.items()}
