"""When an agent may be offered contacts, and of which campaigns.

Shifts, time zones and holidays are compiled to UTC intervals before they come here; the engine only compares numbers.
"""

from dataclasses import dataclass

from router.domain.ids import CampaignName, Micros

ALWAYS: Micros = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Half open: entitled from `from_at`, no longer at `to_at`. No campaigns named means all of them."""

    from_at: Micros
    to_at: Micros
    campaigns: frozenset[CampaignName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    intervals: tuple[Interval, ...] = ()
    identity_valid_until: Micros = ALWAYS

    def in_force(self, now: Micros) -> tuple[Interval, ...]:
        """The intervals that hold at `now`: usually none or one, whatever is planned for the weeks ahead."""
        if now >= self.identity_valid_until:
            return ()
        return tuple(interval for interval in self.intervals if interval.from_at <= now < interval.to_at)

    def allows(self, campaign: CampaignName, now: Micros) -> bool:
        """Whether a contact of this campaign may be offered at `now`."""
        return covers(self.in_force(now), campaign)

    def next_change(self, now: Micros) -> Micros | None:
        """The first instant after `now` at which `allows` may answer differently, or None."""
        edges = [edge for interval in self.intervals for edge in (interval.from_at, interval.to_at)]
        edges.append(self.identity_valid_until)
        later = [edge for edge in edges if now < edge < ALWAYS]
        return min(later) if later else None


ENTITLED_ALWAYS = Entitlement(intervals=(Interval(from_at=0, to_at=ALWAYS),))
"For sites that keep no shifts."


def covers(intervals: tuple[Interval, ...], campaign: CampaignName) -> bool:
    """Whether one of these intervals entitles to the campaign."""
    return any(not interval.campaigns or campaign in interval.campaigns for interval in intervals)
