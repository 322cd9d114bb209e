"""Agents as members of queues: ADDMEMBER and REMOVEMEMBER, PAUSE and UNPAUSE.

Rule 1: a session is a membership. app_queue writes one for each queue, and reports are made by queue; AGENTLOGIN
  belongs to app_agent_pool, whose agents are called on a line they keep open, which ours do not.
Rule 2: our pause is for all queues, so it is told as app_queue tells `PauseQueueMember(,…)`: PAUSEALL with queue NONE,
  then PAUSE for each queue. Another reason is another pause. A pause ends before its session does, so that no reader
  counts it over night.
Rule 3: who was logged in before our time is told of once, under the call id REALTIME, as app_queue tells of members
  that come out of a store: a file that is switched on at noon knows who sits there.
Rule 4: skills and rules may change within a session; the memberships are put right at the next change of status.
"""

from dataclasses import dataclass

from router.adapters.queue_log.enquiry import Enquiry
from router.adapters.queue_log.lines import NOBODY, line_of
from router.domain.benches.agent import Status
from router.domain.ids import AgentId, Micros, QueueName
from router.domain.messages.events import AgentChanged

ASKED, BEFORE = "MANAGER", "REALTIME"
"Call ids of a membership: somebody asked for it; it was there before us."


@dataclass(frozen=True, slots=True)
class _Member:
    status: str
    reason: str
    queues: tuple[QueueName, ...]


_AWAY = _Member(Status.LOGGED_OUT, "", ())


class Members:
    """Holds who is logged in, and nobody else."""

    def __init__(self, enquiry: Enquiry, prefix: str) -> None:
        self._enquiry = enquiry
        self._prefix = prefix
        self._members: dict[AgentId, _Member] = {}

    def changed(self, event: AgentChanged, now: Micros, *, call: str = ASKED) -> list[str]:
        before = self._members.get(event.agent_id, _AWAY)
        status, reason = event.status, event.reason or ""
        if (status, reason) == (before.status, before.reason) or status == before.status == Status.LOGGED_OUT:
            return []
        if status == Status.LOGGED_OUT:
            return self.left(event.agent_id, now)
        after = _Member(status, reason, self._enquiry.queues(event.agent_id))
        self._members[event.agent_id] = after
        found_paused = "PAUSED" if call == BEFORE and status == Status.PAUSED else ""
        agent = self._prefix + event.agent_id
        return [
            *_pause(now, agent, before, over=True),
            *(line_of(now, call, queue, agent, "REMOVEMEMBER") for queue in before.queues if queue not in after.queues),
            *(
                line_of(now, call, queue, agent, "ADDMEMBER", found_paused)
                for queue in after.queues
                if queue not in before.queues
            ),
            *_pause(now, agent, after),
        ]

    def left(self, agent_id: AgentId, now: Micros) -> list[str]:
        """Logged out, or gone from the directory."""
        before = self._members.pop(agent_id, _AWAY)
        agent = self._prefix + agent_id
        return [
            *_pause(now, agent, before, over=True),
            *(line_of(now, ASKED, queue, agent, "REMOVEMEMBER") for queue in before.queues),
        ]


def _pause(now: Micros, agent: str, member: _Member, *, over: bool = False) -> list[str]:
    if member.status != Status.PAUSED:
        return []
    event, reason = ("UNPAUSE", "") if over else ("PAUSE", member.reason)
    return [
        line_of(now, NOBODY, NOBODY, agent, f"{event}ALL", reason),
        *(line_of(now, NOBODY, queue, agent, event, reason) for queue in member.queues),
    ]
