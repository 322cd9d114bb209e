"""A telephone room whose events are told to a queue log the moment they are decided, as the pump tells them."""

from __future__ import annotations

from router.adapters.queue_log import FloorEnquiry, Translation
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import LogIn, LogOut, Pause, Unpause
from router.domain.messages.events import AgentChanged
from tests.builders import START_AT, Room


class LoggedRoom(Room):
    """`lines()` gives what was written since it was asked last, with instants as seconds since the beginning."""

    def __init__(
        self, *skills: str, own: frozenset[str] = frozenset(), agent_prefix: str = "", **rules: object
    ) -> None:
        self._written: list[str] = []
        self._told = 0
        self.log = Translation(FloorEnquiry(lambda: self.engine.floor), own=own, agent_prefix=agent_prefix)
        super().__init__(*skills, **rules)  # type: ignore[arg-type]

    def _drain(self) -> None:
        super()._drain()
        self._hear()

    def _hear(self) -> None:
        for event in self.events[self._told :]:
            self._written += self.log.lines(event, self.now)
        self._told = len(self.events)

    def lines(self) -> list[str]:
        written, self._written = self._written, []
        return [since_start(line) for line in written]

    def another_router(self) -> None:
        """The log begins anew, with whoever is there."""
        self.log = Translation(FloorEnquiry(lambda: self.engine.floor))
        for agent in self.engine.floor.agents.values():
            picture = agent.picture(status_changed=False)
            assert isinstance(picture, AgentChanged)
            self._written += self.log.found(picture, self.now)

    def pauses(self, agent_id: AgentId, reason: str = "lunch") -> None:
        self.ask(Pause(agent_id=agent_id, reason=reason))

    def returns(self, agent_id: AgentId) -> None:
        self.ask(Unpause(agent_id=agent_id))

    def logs_in(self, agent_id: AgentId) -> None:
        self.ask(LogIn(agent_id=agent_id))

    def logs_out(self, agent_id: AgentId) -> None:
        self.ask(LogOut(agent_id=agent_id))


def since_start(line: str) -> str:
    at, _, rest = line.partition("|")
    return f"{int(at) - START_AT // SECOND}|{rest}"
