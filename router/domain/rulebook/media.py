"""Media side by side: how many contacts of each an agent has in hand at most, and what may come on top of what.

Two tables and one question. An agent may be offered a contact of a medium when
1. they have fewer of that medium in hand than their capacity for it, and
2. every *other* medium they have something of in hand may be interrupted by it (all of them, not one).

Voice is never more than one: nobody talks to two callers. The engine itself brings voice contacts only; what agents
have in hand besides is told to it (`Engage`), and this table says whether a call may come on top.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

VOICE = "voice"
MEDIA = (VOICE, "chat", "email")
MOST_IN_HAND = 100
"Of one medium, whatever the files say."


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    capacity: Mapping[str, int] = field(default_factory=lambda: {VOICE: 1, "chat": 3, "email": 5})
    "Medium → how many at a time."
    interrupt: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {VOICE: (), "chat": (), "email": (VOICE, "chat")}
    )
    "Medium in hand → media that may come on top of it."

    def room_for(self, medium: str) -> int:
        """How many contacts of a medium an agent may have in hand."""
        most = self.capacity.get(medium, 0)
        return min(most, 1) if medium == VOICE else most

    def may_be_offered(self, medium: str, in_hand: Mapping[str, int]) -> bool:
        """Rules 1 and 2. `in_hand`: medium → how many."""
        if in_hand.get(medium, 0) >= self.room_for(medium):
            return False
        return all(
            medium in self.interrupt.get(other, ()) for other, count in in_hand.items() if count and other != medium
        )


ONLY_VOICE = Media()
