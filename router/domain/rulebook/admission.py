"""Admission: how many callers may be here at a time, and who is refused before the answer because there is no room.

A caller who is let in has been promised to be served, so the place to say no is before the answer, at no charge. The
decision is Asterisk's: the dialplan counts legs that live (dialplans/extensions.d/15-full.conf), so a router that is
slow, dead or has just taken over neither lets too many in nor counts anybody twice. What it obeys is worked out here:

Rule 1: a caller is let in when, with them, there are no more than each limit that holds for them: callers of the
campaign, of the trunk, on the node. The limit named is the closest one: campaign before trunk before node.
Rule 2: of the node's places some are reserved for emergency campaigns; everybody else finds the node full that much
earlier.
Rule 3: an emergency campaign knows no limit of a trunk: one client's flood must not keep it out.
Rule 4: 0 is no limit. A limit that is lowered puts nobody out who is in.
"""

from dataclasses import dataclass, field

NODE_FULL, CAMPAIGN_FULL, TRUNK_FULL = "node-full", "campaign-full", "trunk-full"
FULL = (NODE_FULL, CAMPAIGN_FULL, TRUNK_FULL)
"Why a caller was refused for lack of room, as the dialplan says it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What one Asterisk node takes, of callers who wait or talk."""

    max_calls: int = 0
    reserved_calls: int = 0
    "Of them, those that only emergency campaigns may use."
    trunks: dict[str, int] = field(default_factory=dict)
    "Endpoint of the trunk → its most callers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The limits that hold for the callers of one campaign; each counts the caller who asks."""

    on_node: int = 0
    of_campaign: int = 0
    trunks: bool = True
    "Whether the limit of the trunk they come by holds too."

    def why_refused(self, *, on_node: int, of_campaign: int, by_trunk: int, trunk_limit: int) -> str | None:
        """Rule 1, with so many callers there, this one among them: what is full, or None. What the dialplan does."""
        if 0 < self.of_campaign < of_campaign:
            return CAMPAIGN_FULL
        if self.trunks and 0 < trunk_limit < by_trunk:
            return TRUNK_FULL
        return NODE_FULL if 0 < self.on_node < on_node else None


def room_for(capacity: Capacity, *, max_calls: int, emergency: bool) -> Room:
    """The limits of a campaign that has at most `max_calls` callers of its own."""
    reserved = 0 if emergency else capacity.reserved_calls
    on_node = max(1, capacity.max_calls - reserved) if capacity.max_calls else 0
    return Room(on_node=on_node, of_campaign=max_calls, trunks=not emergency)
