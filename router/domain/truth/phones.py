"""What Asterisk knows of all our agents' phones at once, against what we believe of them.

Rule 1: what an event told after Asterisk was asked is newer than its answer.
Rule 2: a phone that was nobody's before may be in use: its agent is busy elsewhere until that leg ends, as if we had
seen it begin.
Rule 3: nobody's call is ended or begun by this: that is for a look at all legs (resync.py), and new rules, for which
the phones are asked, are no reason for one.
"""

from collections.abc import Mapping

from router.domain.floor import Floor
from router.domain.ids import Micros
from router.domain.messages.observations import PhonesSeen
from router.domain.staff.aftermath import phone_is_back
from router.domain.truth.differences import differs


def phones_seen(floor: Floor, seen: PhonesSeen, now: Micros) -> None:
    reached(floor, seen.reachable, seen.asked_at, now, surprising=False)
    for leg in seen.legs:
        agent = floor.by_endpoint.get(leg.endpoint)
        if agent is not None and leg.contact_id is None and leg.leg not in floor.past and leg.leg not in floor.private:
            floor.occupy(agent, leg.leg, seen.node, seen.asked_at, now)


def reached(
    floor: Floor, reachable: Mapping[str, bool], asked_at: Micros, now: Micros, *, surprising: bool = True
) -> None:
    """Believe what is said of each phone; one that is not named cannot be reached. Not `surprising`: asked as new."""
    for endpoint, agent in floor.by_endpoint.items():
        there = reachable.get(endpoint, False)
        if agent.reachable != there and agent.reach_seen_at < asked_at:
            if surprising:
                differs(floor, "phone", endpoint)
            agent.reachable = there
            if there:
                phone_is_back(floor, agent, now)
            floor.restand(agent, now)
