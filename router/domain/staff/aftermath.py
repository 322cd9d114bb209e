"""What follows for an agent when an offer to them was in vain: nothing, a while without offers, a pause.

    missed rejected busy unregistered failed      each has a ladder: the first in a row, the second, … the last repeats

Rule 1: only these five are the agent's or their phone's doing. A withdrawn offer, a caller who left and one whom
  somebody else took leave everything as it was, the count too.
Rule 2: a pause given here has the result as its reason (a missed one has been called `rona` from the beginning), so
  that everybody sees why. No person can ask for these reasons.
Rule 3: a pause for what a *phone* did is taken back when the phone is there again; one for what a *person* did is
  theirs to end. Whoever chose anything themselves meanwhile has another reason, and is left alone. Asterisk does not
  always see a phone go and come (it may register again before anybody asked after it): so after RETRY_US the next
  offer shows whether it is there, and a pause of this kind never lasts for ever.
  That next offer is the whole of the trial: the count goes on, so the step after it is the one that was reached.
Rule 4: who is not paused is not asked again for the same contact for a while: it would be offered to them at once.
Rule 5: an order that never reached Asterisk says nothing of the phone. It would be so for every phone, and a site whose
  Asterisk was away for a minute must not find all its agents paused: they are held off, and nothing is counted.
"""

from router.domain.benches.agent import RONA, ROUTER, Agent, Status
from router.domain.contacts.contact import Contact
from router.domain.contacts.offer import Offer
from router.domain.floor import Floor
from router.domain.ids import AgentId, LegId, Micros
from router.domain.record import OfferResult
from router.domain.rulebook.conduct import BY_PHONE, REASONS, Consequence, Follows
from router.domain.staff.pauses import turn

BY_PERSON = (OfferResult.MISSED, OfferResult.REJECTED)


def in_vain(
    floor: Floor, agent: Agent, contact: Contact | None, result: OfferResult, now: Micros, *, known: bool = True
) -> None:
    """An offer to this agent ended like that. `contact`: who is not to be offered to them again at once.

    `known`: whether it says anything of the agent or their phone (rule 5).
    """
    ladder = floor.rules.after.get(result)
    if ladder is None:
        return
    before, times = agent.in_vain
    times = times + 1 if before == result else 1
    what = ladder[min(times, len(ladder)) - 1]
    if known:
        agent.in_vain = (result, times)
    elif what.follows is Follows.PAUSE:
        what = Consequence(follows=Follows.HOLD)
    if what.follows is Follows.PAUSE and agent.status is Status.READY:
        turn(floor, agent, Status.PAUSED, REASONS[result], now)
        agent.asked_by = ROUTER
    elif what.follows is Follows.HOLD:
        hold_us = floor.rules.fault_hold_us if what.hold_us is None else what.hold_us
        agent.held_until = now + hold_us
        floor.timers.set(("held", agent.agent_id), agent.held_until)
    if result in BY_PERSON and contact is not None and agent.status is Status.READY:
        _skip(floor, contact, agent, now)


def _skip(floor: Floor, contact: Contact, agent: Agent, now: Micros) -> None:
    until_at = now + floor.rules.reject_hold_us
    if not contact.skips:
        contact.skips = {}
    contact.skips[agent.agent_id] = until_at
    floor.timers.set(("skip", (contact.contact_id, agent.agent_id)), until_at)


def answered(floor: Floor, agent: Agent, offer: Offer, now: Micros) -> None:
    """They talk. When the answer crossed our hang-up, they have not let it ring."""
    agent.in_vain = ("", 0)
    if offer.result is OfferResult.MISSED:
        release(floor, agent)
        if agent.status is Status.PAUSED and agent.reason == RONA:
            turn(floor, agent, Status.READY, None, now)
            agent.asked_by = ROUTER


def phone_is_back(floor: Floor, agent: Agent, now: Micros, *, seen: bool = True) -> None:
    """Rule 3. Called when a phone that could not be reached can be again, and when a busy one is free.

    `seen`: somebody saw it; else it is only high time to try.
    """
    if agent.status is Status.PAUSED and agent.reason in BY_PHONE:
        turn(floor, agent, Status.READY, None, now)
        agent.asked_by = ROUTER
        agent.in_vain = ("", 0) if seen else agent.in_vain
        agent.idle_since = max(agent.idle_since, now)


def retry_deadline(floor: Floor, agent_id: AgentId, now: Micros) -> None:
    agent = floor.agents.get(agent_id)
    if agent is not None:
        phone_is_back(floor, agent, now, seen=False)
        floor.restand(agent, now)


def release(floor: Floor, agent: Agent) -> None:
    """They are held off no more."""
    agent.held_until = 0
    floor.timers.cancel(("held", agent.agent_id))


def private_leg_ended(floor: Floor, leg: LegId, now: Micros) -> None:
    """A leg that is not ours has ended: with the last of them a phone that was busy is so no more."""
    private = floor.private.get(leg)
    floor.vacate(leg, now)
    if private is not None and not private.agent.private_legs and private.agent.reason == REASONS[OfferResult.BUSY]:
        phone_is_back(floor, private.agent, now)
        floor.restand(private.agent, now)
