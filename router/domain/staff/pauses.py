"""What agents chose to be: the one place that changes it, and what each reason for a pause allows.

Rule 1: `turn` alone gives an agent another status: so what a pause took of the day is booked when it ends, however.
Rule 2: limits are for who asks. A pause that the router gives (aftermath.py), one from before our time and one that
  was granted for after a contact are never refused afterwards; `forced` is somebody's word that they do not count.
Rule 3: nobody is torn out of a pause. One that is too long is told of once (`PauseTooLong`), whatever comes of that.
Rule 4: `floor.paused` has whoever pauses or will after the contact in hand. It is looked through only when somebody
  asks for a reason of which only so many may be paused at a time.
"""

from router.domain.benches.agent import Agent, Status
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.commands import Pause
from router.domain.messages.events import PauseTooLong
from router.domain.rulebook.conduct import BY_PHONE, NO_LIMITS, RETRY_US

MOST_REASONS = 32
"Of an agent and a day that are remembered besides those with rules: a desk may give any text for one."
_SOON_US: Micros = 5 * SECOND
"After a restart nothing of old falls due before Asterisk has told what lives (recovery.py)."


def turn(floor: Floor, agent: Agent, status: Status, reason: str | None, now: Micros) -> None:
    """From now on they are that. The caller says who asked (`asked_by`), and calls `restand`."""
    if agent.status is Status.PAUSED and agent.reason is not None:
        used_us = used_today(agent, agent.reason, now)
        paused = agent.today.paused = agent.today.paused or {}
        if agent.reason in floor.rules.pauses or agent.reason in paused or len(paused) < MOST_REASONS:
            paused[agent.reason] = used_us
    agent.status, agent.reason = status, reason
    agent.since_at = agent.chosen_at = now
    note(floor, agent, now)


def put_off(floor: Floor, agent: Agent, status: Status | None, reason: str | None, by: str | None, now: Micros) -> None:
    """They will be that after the contact in hand, as somebody asked; None: they thought better of it."""
    agent.next_status, agent.next_reason = status, reason
    agent.next_by = by if status is not None else None
    agent.chosen_at, agent.asked_by = now, by
    note(floor, agent, now)
    floor.restand(agent, now)


def apply_next(floor: Floor, agent: Agent, now: Micros) -> None:
    """The status asked for during a contact takes effect once nothing is in hand."""
    if agent.next_status is not None and agent.assignment is None and agent.offer is None:
        status, reason = agent.next_status, agent.next_reason
        agent.asked_by = agent.next_by or agent.asked_by
        agent.next_status = agent.next_reason = agent.next_by = None
        turn(floor, agent, status, reason, now)


def note(floor: Floor, agent: Agent, now: Micros) -> None:
    """Call after status, what was put off, the rules or the day changed: who is paused, and until when at most."""
    paused = agent.status is Status.PAUSED
    if paused or agent.next_status is Status.PAUSED:
        floor.paused[agent] = None
    else:
        floor.paused.pop(agent, None)
    rules = floor.rules.pauses.get(agent.reason or "", NO_LIMITS)
    agent.paid = paused and rules.paid
    if paused and agent.reason in BY_PHONE:
        if ("retry", agent.agent_id) not in floor.timers:
            floor.timers.set(("retry", agent.agent_id), max(agent.since_at + RETRY_US, now + _SOON_US))
    else:
        floor.timers.cancel(("retry", agent.agent_id))
    due = too_long_at(floor, agent, now) if paused else None
    if due is None:
        floor.timers.cancel(("pause", agent.agent_id))
    else:
        floor.timers.set(("pause", agent.agent_id), due[0])


def used_today(agent: Agent, reason: str, now: Micros) -> Micros:
    """Time paused for this reason since midnight, the running pause included."""
    used = agent.today.paused.get(reason, 0)
    if agent.status is Status.PAUSED and agent.reason == reason:
        used += max(0, now - max(agent.since_at, agent.today.began_at))
    return used


def too_long_at(floor: Floor, agent: Agent, now: Micros) -> tuple[Micros, str] | None:
    """When the running pause is too long, if that is to come, and by which limit."""
    reason = agent.reason or ""
    rules = floor.rules.pauses.get(reason)
    if rules is None:
        return None
    ends: list[tuple[Micros, str]] = []
    if rules.max_us:
        ends.append((agent.since_at + rules.max_us, "max_s"))
    if rules.per_day_us:
        ends.append((now + rules.per_day_us - used_today(agent, reason, now), "per_day_s"))
    return min((end for end in ends if end[0] > now), default=None)


def deadline(floor: Floor, agent_id: AgentId, now: Micros) -> None:
    """It has become too long: somebody should know. Nothing else follows, but the other limit may be still to come."""
    agent = floor.agents[agent_id]
    reason = agent.reason or ""
    rules = floor.rules.pauses.get(reason, NO_LIMITS)
    by_itself = bool(rules.max_us) and now - agent.since_at >= rules.max_us
    floor.emit(
        PauseTooLong(
            agent_id=agent_id,
            reason=reason,
            limit="max_s" if by_itself else "per_day_s",
            paused_us=now - agent.since_at,
            today_us=used_today(agent, reason, now),
        )
    )
    note(floor, agent, now)


def tell_anew(floor: Floor, agent: Agent, at: Micros, now: Micros) -> None:
    """A successor does not know whether a pause that is too long was told of: better twice than never."""
    rules = floor.rules.pauses.get(agent.reason or "", NO_LIMITS)
    if agent.status is Status.PAUSED and 0 < rules.max_us <= now - agent.since_at:
        floor.timers.set(("pause", agent.agent_id), at)


def may_pause(floor: Floor, agent: Agent, asked: Pause, now: Micros) -> None:
    """Raise `CommandRefused` when the reason's limits do not allow it now (rule 2)."""
    rules = floor.rules.pauses.get(asked.reason)
    if rules is None or asked.forced:
        return
    used = used_today(agent, asked.reason, now)
    if 0 < rules.per_day_us <= used:
        raise CommandRefused(
            "pause-used-up",
            f"{agent.agent_id} has had {used / SECOND / 60:.0f} of {rules.per_day_us / SECOND / 60:g} minutes of "
            f"{asked.reason} today; a team leader may force it.",
            agent_id=agent.agent_id,
            reason=asked.reason,
            used_s=used / SECOND,
            per_day_s=rules.per_day_us / SECOND,
        )
    if rules.at_most:
        there = sum(other is not agent and asked.reason in _meant(other) for other in floor.paused)
        if there >= rules.at_most:
            raise CommandRefused(
                "too-many-paused",
                f"{there} of at most {rules.at_most} agents have {asked.reason} already: ask again when one is back.",
                agent_id=agent.agent_id,
                reason=asked.reason,
                paused=there,
                at_most=rules.at_most,
            )


def _meant(agent: Agent) -> tuple[str | None, ...]:
    """The reasons an agent has, or was granted for after the contact."""
    return (agent.reason, agent.next_reason)
