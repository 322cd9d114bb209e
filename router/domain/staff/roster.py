"""The agents' side: who is known, what they ask for, what their phones do besides our contacts."""

from bisect import bisect_right
from dataclasses import replace
from sys import intern

from router.domain.benches.agent import STATUS, Agent, Status, Today
from router.domain.benches.crew import enlist
from router.domain.benches.seating import look_again, open_row_at
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import AgentId, Micros, QueueName
from router.domain.messages.commands import (
    Dismiss,
    Enrol,
    Entitle,
    ExtendWrapUp,
    GiveDisposition,
    LogIn,
    LogOut,
    Pause,
    Remember,
    SetDays,
    Unpause,
)
from router.domain.messages.effects import AnswerPhone
from router.domain.messages.events import AgentDismissed
from router.domain.messages.observations import EndpointSeen, PhoneAsked
from router.domain.messages.standing import Standing
from router.domain.rulebook.choice import OF_TODAY
from router.domain.staff import engagement
from router.domain.staff.aftermath import phone_is_back, release
from router.domain.staff.pauses import may_pause, note, put_off, turn
from router.domain.staff.wrapup import extend, give_disposition
from router.domain.tables import step

SPOKEN = frozenset({"pause-used-up", "too-many-paused", "disposition-invalid", "wrapup-longest"})
"Refusals a phone is told of in words of their own."
LONGEST_CODE = 64
"Letters of a disposition; a phone that dials more is told that there is none like it, or it is cut."
_REFUSALS: dict[type, tuple[str, str]] = {
    LogIn: ("agent-already-logged-in", "is logged in already"),
    LogOut: ("agent-not-logged-in", "is not logged in"),
    Pause: ("agent-not-logged-in", "is not logged in"),
    Unpause: ("agent-not-paused", "is not paused"),
}


def known(floor: Floor, agent_id: AgentId) -> Agent:
    """The agent, or `CommandRefused`."""
    agent = floor.agents.get(agent_id)
    if agent is None:
        raise CommandRefused(
            "agent-unknown",
            f"There is no agent {agent_id}; `ringfair agent list` shows who there is.",
            agent_id=agent_id,
        )
    return agent


def enrol(floor: Floor, asked: Enrol, now: Micros) -> None:
    profile = asked.profile
    holder = floor.by_endpoint.get(profile.endpoint)
    if holder is not None and holder.agent_id != profile.agent_id:
        raise CommandRefused(
            "endpoint-taken",
            f"Endpoint {profile.endpoint} belongs to {holder.agent_id} already.",
            agent_id=profile.agent_id,
        )
    agent = floor.agents.get(profile.agent_id)
    if agent is None:
        agent = Agent(agent_id=profile.agent_id, profile=profile, ordinal=floor.serial(), since_at=now, idle_since=now)
        floor.agents[profile.agent_id] = agent
        floor.people += not profile.dial
    elif agent.profile.endpoint != profile.endpoint:
        del floor.by_endpoint[agent.profile.endpoint]
        agent.reachable = False
    # Names of skills come with every row of the directory anew; once is enough, and what is the same compares faster.
    skills = {intern(skill): level for skill, level in profile.skills.items()}
    agent.profile = replace(profile, skills=skills)
    floor.by_endpoint[profile.endpoint] = agent
    floor.thin(agent.skilled)  # rows may be replaced under them, and who is off shift may know less than before
    for name, post in profile.posts.items():
        if post.delay_us and name in floor.queues:
            open_row_at(floor, QueueName(name), post.delay_us, now)
    new_skills = floor.census.count(agent)
    engagement.weigh(floor, agent, now)  # who has done with calls before they sit down leaves nobody
    floor.assign_queues(agent, now)
    if new_skills:
        look_again(floor, now)


def dismiss(floor: Floor, asked: Dismiss, now: Micros) -> None:
    agent = known(floor, asked.agent_id)
    if agent.offer is not None or agent.assignment is not None:
        raise CommandRefused("agent-on-contact", f"{asked.agent_id} is on a contact.", agent_id=asked.agent_id)
    for leg in list(agent.private_legs):
        floor.vacate(leg, now)
    turn(floor, agent, Status.LOGGED_OUT, agent.reason, now)
    floor.restand(agent, now)
    engagement.forget(floor, agent)
    floor.thin(agent.skilled)  # who was logged out, or off shift, counts where to be skilled is enough
    for row in agent.serves:
        row.standings[Standing.LOGGED_OUT] -= 1
    for row in agent.skilled:
        row.skilled -= 1
    agent.serves = ()
    enlist(floor.crews, agent)
    del floor.agents[asked.agent_id]
    floor.census.forget(agent)
    floor.people -= not agent.profile.dial
    del floor.by_endpoint[agent.profile.endpoint]
    floor.touched.pop(agent, None)
    floor.timers.cancel(("held", asked.agent_id))
    floor.calendar.cancel(("entitlement", asked.agent_id))
    floor.emit(AgentDismissed(agent_id=asked.agent_id))


def entitle(floor: Floor, asked: Entitle, now: Micros) -> None:
    agent = known(floor, asked.agent_id)
    agent.entitlement = asked.entitlement
    floor.assign_queues(agent, now)


def entitlement_edge(floor: Floor, agent_id: AgentId, now: Micros) -> None:
    """A shift began or ended. What is in hand (ringing, talk, wrap-up) goes on; only new offers depend on it."""
    agent = floor.agents[agent_id]
    before = agent.serves
    floor.assign_queues(agent, now)
    if not before:
        agent.idle_since = max(agent.idle_since, now)
        floor.reseat(agent)


def remember(floor: Floor, asked: Remember, now: Micros) -> None:
    """What was chosen before our time, unless we know of something newer. An unknown word is as good as logged out."""
    agent = floor.agents.get(asked.agent_id)
    if agent is None or asked.since_at <= agent.chosen_at:
        return
    status = Status(asked.status) if asked.status in set(Status) else Status.LOGGED_OUT
    chosen_at = min(asked.since_at, now)
    agent.asked_by = None
    if (agent.status, agent.reason, agent.next_status) == (status, asked.reason, None):
        agent.since_at = agent.chosen_at = chosen_at
        note(floor, agent, now)
        return  # who is free keeps their place on the bench
    if status is not Status.READY and (agent.offer is not None or agent.assignment is not None):
        put_off(floor, agent, status, asked.reason, None, now)
        agent.since_at = agent.chosen_at = chosen_at
        floor.touched[agent] = None
        return
    agent.next_status = agent.next_reason = agent.next_by = None
    turn(floor, agent, status, asked.reason, now)
    agent.since_at = agent.chosen_at = agent.idle_since = chosen_at
    note(floor, agent, now)
    floor.restand(agent, now)


def change_status(floor: Floor, asked: LogIn | LogOut | Pause | Unpause, now: Micros) -> None:
    """One row of the status table, now or, with a contact in hand, after it."""
    agent = known(floor, asked.agent_id)
    reason = asked.reason if isinstance(asked, Pause) else None
    in_hand = agent.offer is not None or agent.assignment is not None
    if in_hand and isinstance(asked, LogIn | Unpause) and agent.next_status is not None:
        put_off(floor, agent, None, None, asked.asked_by, now)  # thought better of it
        return
    state = step(STATUS, agent.status, type(asked))
    if state is None:
        error_id, sentence = _REFUSALS[type(asked)]
        raise CommandRefused(error_id, f"{asked.agent_id} {sentence}.", agent_id=asked.agent_id)
    if isinstance(asked, Pause):
        may_pause(floor, agent, asked, now)
    agent.in_vain = ("", 0)
    if in_hand and state is not Status.READY:
        put_off(floor, agent, state, reason, asked.asked_by, now)
        return
    if state is Status.READY:
        agent.idle_since = now
    turn(floor, agent, state, reason, now)
    agent.asked_by = asked.asked_by
    floor.restand(agent, now)


def set_days(floor: Floor, asked: SetDays, now: Micros) -> None:
    floor.midnights = asked.midnights
    day_edge(floor, "", now)


def day_edge(floor: Floor, _: str, now: Micros) -> None:
    """Note which day it is, and when the next begins. A new one: what is counted by the day begins anew."""
    midnights = floor.midnights
    at = bisect_right(midnights, now)
    day_at = midnights[at - 1] if at else 0
    if at < len(midnights):
        floor.calendar.set(("day", ""), midnights[at])
    else:
        floor.calendar.cancel(("day", ""))
    if day_at == floor.day_at:
        return
    was_known, floor.day_at = bool(floor.day_at), day_at
    for agent in floor.agents.values():
        if was_known and (agent.today.contacts or agent.today.talk_us or agent.today.paused):
            agent.today = Today()
            floor.restand(agent, now)
            if any(row.queue.rules.choose in OF_TODAY for row in agent.serves):
                floor.reseat(agent)
    for agent in floor.paused:
        agent.today.began_at = day_at
        note(floor, agent, now)


def held_deadline(floor: Floor, agent_id: AgentId, now: Micros) -> None:
    floor.restand(floor.agents[agent_id], now)


# ---- the phone ----


def phone_asked(floor: Floor, seen: PhoneAsked, now: Micros) -> None:
    """A feature code: 45 toggles logged in, 46 pause (with digits: pauses for that reason), 47 tells the line (with

    digits: what came of the contact), 48 asks for more wrap-up.
    """
    agent = floor.by_endpoint.get(seen.endpoint)
    if agent is not None:
        if seen.leg not in floor.private and seen.leg not in floor.past:
            floor.occupy(agent, seen.leg, seen.node, now, now)
        private = floor.private.get(seen.leg)
        if private is None or private.answered:
            floor.ignore(seen, "ended or answered already")
            return
        private.answered = True
    result = "refused" if agent is None else _feature(floor, agent, seen, now)
    a_fact = result not in ("disposition-noted", "wrapup-extended")
    floor.effects.append(AnswerPhone(leg=seen.leg, node=seen.node, result=result, a_fact=a_fact))


def _feature(floor: Floor, agent: Agent, seen: PhoneAsked, now: Micros) -> str:
    agent_id = agent.agent_id
    status = agent.next_status or agent.status
    try:
        if seen.code == "45":
            if status is Status.LOGGED_OUT:
                change_status(floor, LogIn(agent_id=agent_id), now)
                return "logged-in" if agent.entitlement.in_force(now) else "not-on-shift"
            change_status(floor, LogOut(agent_id=agent_id), now)
            return "logged-out"
        if seen.code == "46":
            if status is Status.PAUSED and not seen.arg:
                change_status(floor, Unpause(agent_id=agent_id), now)
                return "unpaused"
            reason = floor.rules.pause_reasons.get(seen.arg)
            if reason is None:
                return "refused"
            change_status(floor, Pause(agent_id=agent_id, reason=reason), now)
            return "paused" if agent.next_status is None else "paused-after-call"
        if seen.code == "48":
            extend(floor, ExtendWrapUp(agent_id=agent_id), now)
            return "wrapup-extended"
        if seen.code == "47" and seen.arg:
            give_disposition(floor, GiveDisposition(agent_id=agent_id, disposition=seen.arg[:LONGEST_CODE]), now)
            return "disposition-noted"
        if seen.code == "47":
            return f"waiting-{sum(row.queue.waiting for row in agent.serves)}"
    except CommandRefused as refused:
        return refused.error_id if refused.error_id in SPOKEN else "refused"
    return "refused"


def endpoint_seen(floor: Floor, seen: EndpointSeen, now: Micros) -> None:
    agent = floor.by_endpoint.get(seen.endpoint)
    if agent is None:
        return
    agent.reach_seen_at = now
    if agent.reachable == seen.reachable:
        return
    agent.reachable = seen.reachable
    if seen.reachable:
        agent.idle_since = max(agent.idle_since, now)
        release(floor, agent)
        phone_is_back(floor, agent, now)
    floor.restand(agent, now)
