"""What stands on the door of a closed campaign: why, and when it is open next.

Rule 1: whether it is open, and when it will be, is what the floor goes by (door.py), never what the files say now.
Rule 2: why is for people, and days have names in the files alone: a closed door is explained by the hours in force. Who
shut it by hand is told before any of them.
Rule 3: an emergency's callers find it open, and so does who comes to its night line.
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from router.config.hours import HoursTable
from router.config.opening import Source, closed_by
from router.domain.benches.door import Door
from router.domain.floor import Floor
from router.domain.ids import CampaignName, Micros
from router.domain.lobby.staffing import is_shut_out
from router.domain.rulebook.rules import QueueRules
from router.ports import DoorView

Hours = Mapping[CampaignName, tuple[HoursTable, ZoneInfo]]
"Of the campaigns that are not always open, as the files in force say."

HAND, HOURS = "hand", "hours"
_WHY = {Source.WEEKLY: HOURS, Source.HOLIDAY: "holiday", Source.EXCEPTION: "exception"}


def view_door(floor: Floor, hours: Hours, name: CampaignName, now: Micros) -> DoorView:
    campaign, door = floor.rules.campaigns.get(name), floor.doors.get(name)
    zone = "UTC" if campaign is None else campaign.time_zone
    if door is None or door.is_open(now):
        return DoorView(campaign=name, time_zone=zone)
    why, note = _why(door, hours.get(name), now)
    return DoorView(campaign=name, time_zone=zone, closed_by=why, note=note, opens_at=door.opens_at(now))


def is_open(floor: Floor, queue: QueueRules, now: Micros) -> bool:
    """Rule 3: whether callers of its campaign may wait in this queue."""
    campaign = floor.rules.campaigns.get(queue.campaign)
    return not is_shut_out(floor, queue, now) or (campaign is not None and campaign.emergency)


def _why(door: Door, told: tuple[HoursTable, ZoneInfo] | None, now: Micros) -> tuple[str, str]:
    if now < door.shut_until:
        return HAND, ""
    if told is None:  # the floor has hours of which the files say nothing yet, or no longer
        return HOURS, ""
    plan = closed_by(*told, now)
    return _WHY[plan.source], plan.note
