"""After the talk: how long an agent has for notes, what they say came of the contact, and by what it ends.

    none         there is none                              timed        ends by itself, or when the agent says so
    mandatory    ends when the agent said what came of it   extendable   as timed, and more may be asked for

Rule 1: whatever the mode, it has an end: `wrapup_us` after the talk, or `wrapup_max_us` where the agent is waited for
  or asked for more. The rules that were in force when the talk began are those it keeps.
Rule 2: what came of a contact (its disposition) may be said from the first word of the talk to the end of wrap-up.
  Where the campaign has a list it is one of those, by its code or by what it means; the code is written down.
Rule 3: said during the talk, a mandatory wrap-up is a timed one; said after it, it is over.
"""

from typing import Final

from router.domain.benches.agent import Agent
from router.domain.contacts.assignment import ASSIGNMENT, Assignment, AssignmentState, AssignmentStep
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, CampaignName, Micros
from router.domain.messages.commands import ExtendWrapUp, FinishWrapUp, GiveDisposition
from router.domain.messages.events import WrapUpBegan, WrapUpEnded, WrapUpExtended
from router.domain.record import WrapUpEnd, WrapUpFact
from router.domain.rulebook.conduct import WrapUp
from router.domain.staff.pauses import apply_next
from router.domain.tables import step

_WRAPUP: Final = AssignmentState.WRAPUP
_TO_FINISH: Final = AssignmentStep.FINISH
_WRAPUP_EXTENDABLE: Final = WrapUp.EXTENDABLE
_WRAPUP_MANDATORY: Final = WrapUp.MANDATORY
_WRAPUP_NONE: Final = WrapUp.NONE
"Named once: to read a member from its class costs 50 ns, and these are asked for with every contact."

MOST_SHOWN = 12
"Codes that a refusal lists."
_LONGEST_RING_US: Micros = 300 * SECOND
"Before the talk; an agent who was asked earlier was asked for something else."


def begin(floor: Floor, agent: Agent, assignment: Assignment, now: Micros) -> None:
    """The talk is over, and they have a while for it."""
    lasts_us = 0 if assignment.wrapup is _WRAPUP_NONE else assignment.wrapup_us
    if assignment.wrapup is _WRAPUP_MANDATORY and assignment.disposition is None:
        lasts_us = assignment.wrapup_max_us
    if not lasts_us:
        finish_wrapup(floor, agent, now)
        return
    until_at = now + lasts_us
    assignment.longest_until = max(until_at, now + assignment.wrapup_max_us)
    floor.timers.set(("wrapup", assignment.agent_id), until_at)
    floor.emit(WrapUpBegan(contact_id=assignment.contact_id, agent_id=assignment.agent_id, until_at=until_at))
    floor.restand(agent, now)


def finish(floor: Floor, asked: FinishWrapUp, now: Micros) -> None:
    """The agent is done."""
    agent, assignment = _in_wrapup(floor, asked.agent_id)
    disposition = _listed(floor, assignment, asked.disposition) or assignment.disposition
    if disposition is None and assignment.wrapup is _WRAPUP_MANDATORY:
        raise CommandRefused(
            "disposition-needed",
            f"This wrap-up ends when {asked.agent_id} has said what came of the contact{_list(floor, assignment)}.",
            agent_id=asked.agent_id,
            contact_id=assignment.contact_id,
        )
    assignment.disposition = disposition
    finish_wrapup(floor, agent, now, by=WrapUpEnd.AGENT)


def give_disposition(floor: Floor, asked: GiveDisposition, now: Micros) -> None:
    """What came of the contact in hand, while it lasts or after (rules 2 and 3)."""
    agent = _known(floor, asked.agent_id)
    assignment = agent.assignment
    if assignment is None:
        raise CommandRefused(
            "agent-not-on-contact", f"{asked.agent_id} has no contact in hand.", agent_id=asked.agent_id
        )
    assignment.disposition = _listed(floor, assignment, asked.disposition)
    floor.touched[agent] = None
    if assignment.state is _WRAPUP and assignment.wrapup is _WRAPUP_MANDATORY:
        finish_wrapup(floor, agent, now, by=WrapUpEnd.AGENT)


def extend(floor: Floor, asked: ExtendWrapUp, now: Micros) -> None:
    """As much again, up to the longest time."""
    agent, assignment = _in_wrapup(floor, asked.agent_id)
    if assignment.wrapup is not _WRAPUP_EXTENDABLE:
        raise CommandRefused(
            "wrapup-not-extendable",
            f'{assignment.queue} gives no more time for notes; wrapup = "extendable" in its queue would.',
            agent_id=asked.agent_id,
            queue=assignment.queue,
        )
    was_until = floor.timers.at(("wrapup", asked.agent_id)) or now
    until_at = min(was_until + assignment.wrapup_us, assignment.longest_until)
    if until_at <= was_until:
        raise CommandRefused(
            "wrapup-longest", f"{asked.agent_id} has all the time there is for this contact.", agent_id=asked.agent_id
        )
    floor.timers.set(("wrapup", asked.agent_id), until_at)
    floor.touched[agent] = None
    floor.emit(WrapUpExtended(contact_id=assignment.contact_id, agent_id=asked.agent_id, until_at=until_at))


def deadline(floor: Floor, agent_id: AgentId, now: Micros) -> None:
    """The time is over (rule 1)."""
    agent = floor.agents[agent_id]
    assignment = agent.assignment
    missing = assignment is not None and assignment.disposition is None and assignment.wrapup is _WRAPUP_MANDATORY
    finish_wrapup(floor, agent, now, by=WrapUpEnd.FORCED if missing else WrapUpEnd.TIME)


def finish_wrapup(floor: Floor, agent: Agent, now: Micros, *, by: WrapUpEnd = WrapUpEnd.TIME) -> None:
    """The agent is done with the contact."""
    assignment = agent.assignment
    state = None if assignment is None else step(ASSIGNMENT, assignment.state, _TO_FINISH)
    if assignment is None or state is None:
        return
    assignment.state = state
    floor.timers.cancel(("wrapup", agent.agent_id))
    agent.assignment = None
    agent.idle_since = now
    apply_next(floor, agent, now)
    floor.restand(agent, now)
    began_at = agent.asked_at if 0 <= assignment.talk_at - agent.asked_at <= _LONGEST_RING_US else assignment.talk_at
    for pace in floor.paces.served(assignment.queue, now - began_at):
        floor.unwritten[pace] = None
    to_at = max(now, assignment.leg_ended_at)
    floor.emit(
        WrapUpEnded(
            fact=WrapUpFact(
                contact_id=assignment.contact_id,
                agent_id=assignment.agent_id,
                from_at=assignment.leg_ended_at,
                to_at=to_at,
                disposition=assignment.disposition,
                ended=by,
            ),
            queue=assignment.queue,
            medium=assignment.medium,
            handle_us=to_at - assignment.talk_at,
        )
    )


def _known(floor: Floor, agent_id: AgentId) -> Agent:
    agent = floor.agents.get(agent_id)
    if agent is None:
        raise CommandRefused("agent-unknown", f"There is no agent {agent_id}.", agent_id=agent_id)
    return agent


def _in_wrapup(floor: Floor, agent_id: AgentId) -> tuple[Agent, Assignment]:
    agent = _known(floor, agent_id)
    if agent.assignment is None or agent.work != "wrapup":
        raise CommandRefused("agent-not-in-wrapup", f"{agent_id} is not in wrap-up.", agent_id=agent_id)
    return agent, agent.assignment


def dispositions(floor: Floor, assignment: Assignment) -> dict[str, str]:
    """Of the campaign whose contact it is: code → what it means; empty where any word will do."""
    campaign = floor.rules.campaigns.get(CampaignName(assignment.queue.partition("/")[0]))
    return {} if campaign is None else campaign.dispositions


def _listed(floor: Floor, assignment: Assignment, said: str | None) -> str | None:
    """Rule 2."""
    known = dispositions(floor, assignment)
    if said is None or not known or said in known:
        return said
    for code, meaning in known.items():
        if meaning == said:
            return code
    raise CommandRefused(
        "disposition-invalid",
        f"There is no disposition {said[:40]!r} here{_list(floor, assignment)}.",
        disposition=said[:40],
        dispositions=known,
    )


def _list(floor: Floor, assignment: Assignment) -> str:
    known = dispositions(floor, assignment)
    shown = [f"{code} ({meaning})" for code, meaning in list(known.items())[:MOST_SHOWN]]
    more = ", …" if len(known) > MOST_SHOWN else ""
    return f"; there are: {', '.join(shown)}{more}" if shown else ""
