"""An assignment: one contact in one agent's hands, from the first word to the end of wrap-up.

CONNECTED ⇄ HELD → WRAPUP → CLOSED
"""

from dataclasses import dataclass
from enum import StrEnum

from router.domain.ids import AgentId, ContactId, LegId, Micros, QueueName
from router.domain.rulebook.conduct import WrapUp
from router.domain.tables import Table


class AssignmentState(StrEnum):
    CONNECTED = "connected"
    HELD = "held"
    WRAPUP = "wrapup"
    CLOSED = "closed"


class AssignmentStep(StrEnum):
    HOLD = "hold"
    UNHOLD = "unhold"
    LEG_END = "leg_end"
    FINISH = "finish"


_S, _T = AssignmentState, AssignmentStep
ASSIGNMENT: Table[AssignmentState, AssignmentStep] = {
    _S.CONNECTED: {_T.HOLD: _S.HELD, _T.LEG_END: _S.WRAPUP},
    _S.HELD: {_T.UNHOLD: _S.CONNECTED, _T.LEG_END: _S.WRAPUP},
    _S.WRAPUP: {_T.FINISH: _S.CLOSED},
    _S.CLOSED: {},
}
_WORK = {_S.CONNECTED: "talking", _S.HELD: "held", _S.WRAPUP: "wrapup", _S.CLOSED: "idle"}


@dataclass(slots=True, kw_only=True, eq=False)
class Assignment:
    contact_id: ContactId
    agent_id: AgentId
    queue: QueueName
    medium: str
    leg: LegId
    node: str
    talk_at: Micros
    seen_at: Micros
    "`now` when we learned of it."
    wrapup_us: Micros
    wrapup: WrapUp = WrapUp.TIMED
    wrapup_max_us: Micros = 0
    longest_until: Micros = 0
    "When wrap-up is over whatever is asked for, once it runs."
    bridge: str = ""
    "The bridge the agent's leg is in."
    state: AssignmentState = AssignmentState.CONNECTED
    held_at: Micros = 0
    "Asterisk's time of the last hold or its end; older news of the kind is told twice."
    leg_ended_at: Micros = 0
    disposition: str | None = None

    @property
    def talks(self) -> bool:
        return self.state in (AssignmentState.CONNECTED, AssignmentState.HELD)

    @property
    def work(self) -> str:
        return _WORK[self.state]
