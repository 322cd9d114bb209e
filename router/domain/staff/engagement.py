"""What agents have in hand besides our contacts, as other systems tell it: chats, e-mails.

Rule 1: it is looked up in the table of media (media.py) when it changes, never while somebody is chosen: an agent
  carries the answer for a call (`takes_voice`). Where the table has no room for calls at all, nobody is offered any.
Rule 2: what is said holds for a time and must be said again: a chat system that dies keeps nobody from calls for ever.
"""

from router.domain.benches.agent import Agent, Engagement
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import SECOND, AgentId, Micros
from router.domain.messages.commands import Engage
from router.domain.rulebook.media import MEDIA, VOICE

LONGEST_US: Micros = 24 * 3600 * SECOND


def engage(floor: Floor, asked: Engage, now: Micros) -> None:
    agent = floor.agents.get(asked.agent_id)
    if agent is None:
        raise CommandRefused("agent-unknown", f"There is no agent {asked.agent_id}.", agent_id=asked.agent_id)
    if asked.medium not in MEDIA or asked.medium == VOICE:
        others = ", ".join(medium for medium in MEDIA if medium != VOICE)
        raise CommandRefused("medium-invalid", f"A medium is one of {others}; of calls Asterisk tells.")
    most = floor.rules.media.room_for(asked.medium)
    if not 0 <= asked.count <= most:
        raise CommandRefused(
            "over-capacity",
            f"{asked.agent_id} can have {most} of {asked.medium} in hand at most.",
            agent_id=asked.agent_id,
            medium=asked.medium,
            at_most=most,
        )
    if not 0 < asked.for_us <= LONGEST_US:
        raise CommandRefused("time-invalid", "It holds for some time, 24 hours at most, and is then said again.")
    if asked.count:
        take(floor, agent, asked.medium, Engagement(count=asked.count, until_at=now + asked.for_us))
    else:
        agent.other_work.pop(asked.medium, None)
        floor.timers.cancel(("engaged", (agent.agent_id, asked.medium)))
    weigh(floor, agent, now)


def take(floor: Floor, agent: Agent, medium: str, engagement: Engagement) -> None:
    if not agent.other_work:
        agent.other_work = {}
    agent.other_work[medium] = engagement
    floor.timers.set(("engaged", (agent.agent_id, medium)), engagement.until_at)


def may_be_offered(floor: Floor, agent: Agent, medium: str) -> bool:
    """Whether one more of that medium may come on top of all they have in hand."""
    return floor.rules.media.may_be_offered(medium, agent.in_hand)


def may_take_voice(floor: Floor, agent: Agent) -> bool:
    """Whether a call may come on top of what they have in hand besides calls."""
    besides = {medium: engaged.count for medium, engaged in agent.other_work.items()}
    return floor.rules.media.may_be_offered(VOICE, besides)


def weigh(floor: Floor, agent: Agent, now: Micros) -> None:
    """Call after other work, the profile or the table changed (rule 1). Calls in hand are no matter of it."""
    takes_voice = may_take_voice(floor, agent)
    if takes_voice and not agent.takes_voice:
        agent.idle_since = max(agent.idle_since, now)
    agent.takes_voice = takes_voice
    floor.restand(agent, now)


def deadline(floor: Floor, key: tuple[AgentId, str], now: Micros) -> None:
    """Nobody said it again (rule 2)."""
    agent = floor.agents[key[0]]
    agent.other_work.pop(key[1], None)
    weigh(floor, agent, now)


def forget(floor: Floor, agent: Agent) -> None:
    """They leave."""
    for medium in agent.other_work:
        floor.timers.cancel(("engaged", (agent.agent_id, medium)))
