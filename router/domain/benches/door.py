"""The door of a campaign: its opening hours, and whether somebody has shut it by hand.

Rule 1: hours are told by whoever knows days and zones (`SetHours`); a campaign nobody told of is open.
Rule 2: shut by hand goes before any hours, until its time is over or somebody opens again. That is a promise, so a
successor finds it in the journal.
Rule 3: a closed campaign sends who comes to its `closed` targets. Who waits already is treated as `at_closing` says;
who talks is not touched. An emergency caller finds every door open.
Rule 4: a queue of its own among those targets is its night line: the door is none for who comes or waits there.
"""

from dataclasses import dataclass

from router.domain.ids import SECOND, CampaignName, Micros
from router.domain.rulebook.hours import OPEN_ALWAYS, OpeningHours

LONGEST_SHUT_US: Micros = 400 * 86_400 * SECOND
"A campaign that is to be closed for longer leaves the files."


@dataclass(slots=True, kw_only=True, eq=False)
class Door:
    campaign: CampaignName
    hours: OpeningHours = OPEN_ALWAYS
    shut_until: Micros = 0
    "By hand; long past when it is not."
    stood_open: bool = True
    "As the last edge left it."

    def is_open(self, now: Micros) -> bool:
        return now >= self.shut_until and self.hours.is_open(now)

    def next_edge(self, now: Micros) -> Micros | None:
        """When it may be the other way, by itself."""
        return self.shut_until if now < self.shut_until else self.hours.next_edge(now)

    def opens_at(self, now: Micros) -> Micros | None:
        """The first instant from `now` on at which it is open; None: none within the hours that were told."""
        at = max(now, self.shut_until)
        return at if self.hours.is_open(at) else self.hours.next_edge(at)
