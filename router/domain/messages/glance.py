"""What the desk saw in the moment of a decision, taken as it lies there. A caller is waiting: it is put in words later.

Nothing in it changes any more, and nothing in it is an agent or a caller: only names, instants and counts.
"""

from router.domain.ids import AgentId, ContactId, Micros, OfferId, QueueName
from router.domain.message import message
from router.domain.messages.standing import Standing
from router.domain.record import DecisionFact, How

WHY_NOT = tuple(standing.name.lower() for standing in Standing)
"By standing."
NEXT_BEST = 10


@message
class Glance:
    offer_id: OfferId
    contact_id: ContactId
    queue: QueueName
    at: Micros
    need: str
    arrived_at: Micros
    chosen: AgentId
    idle_since: Micros
    "Of the one chosen."
    seats: tuple[tuple[AgentId, Micros], ...]
    "Who sat first on the benches, the one chosen among them or not, and since when each is idle."
    counts: tuple[int, ...]
    "Of who may be asked there, how many stood how; the one chosen among them."
    chosen_as: Standing
    skilled: int
    "Who could be asked there, by skills."
    people: int
    how: How

    def in_words(self) -> DecisionFact:
        others = [
            (why, count)
            for standing, (why, each) in enumerate(zip(WHY_NOT, self.counts, strict=True))
            if (count := each - (standing == self.chosen_as))
        ]
        if not_entitled := self.skilled - sum(self.counts):
            others.append(("not_entitled", not_entitled))
        if lacking := self.people - self.skilled:
            others.append(("lacks_skill", lacking))
        next_best = [(agent_id, self.at - since) for agent_id, since in self.seats if agent_id != self.chosen]
        return DecisionFact(
            offer_id=self.offer_id,
            contact_id=self.contact_id,
            queue=self.queue,
            at=self.at,
            need=self.need,
            waited_us=self.at - self.arrived_at,
            chosen=self.chosen,
            chosen_idle_us=self.at - self.idle_since,
            next_best=tuple(next_best[:NEXT_BEST]),
            others=tuple(others),
            how=self.how,
        )
