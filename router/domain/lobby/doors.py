"""Campaigns open and close, by their hours and by hand (door.py has the rules)."""

from router.domain.benches.door import LONGEST_SHUT_US
from router.domain.calls.expiry import reckon
from router.domain.calls.owing import look_again
from router.domain.contacts.callback import Promise
from router.domain.contacts.contact import Contact
from router.domain.errors import CommandRefused
from router.domain.floor import Floor
from router.domain.ids import CampaignName, Micros
from router.domain.lobby.reception import overflow
from router.domain.lobby.staffing import is_shut_out
from router.domain.messages.commands import Reopen, SetHours, Shut
from router.domain.messages.events import DoorMoved
from router.domain.rulebook.rules import AtClosing

_AT_CLOSING = {AtClosing.STAY: "", AtClosing.OVERFLOW: "closing", AtClosing.CLOSING: "closed"}


def set_hours(floor: Floor, asked: SetHours, now: Micros) -> None:
    _reckon(floor, asked.campaign, now)
    floor.door(asked.campaign).hours = asked.hours
    door_edge(floor, asked.campaign, now)


def shut(floor: Floor, asked: Shut, now: Micros) -> None:
    _must_exist(floor, asked.campaign)
    if not now < asked.until_at <= now + LONGEST_SHUT_US:
        sentence = "A campaign is shut until some instant to come, 400 days from now at most."
        raise CommandRefused("time-invalid", sentence, until_at=asked.until_at)
    _reckon(floor, asked.campaign, now)
    door = floor.door(asked.campaign)
    door.shut_until = asked.until_at
    floor.unwritten[door] = None
    door_edge(floor, asked.campaign, now)


def reopen(floor: Floor, asked: Reopen, now: Micros) -> None:
    _must_exist(floor, asked.campaign)
    door = floor.door(asked.campaign)
    if door.shut_until <= now:
        raise CommandRefused("campaign-not-shut", f"{asked.campaign} is not shut by hand.", campaign=asked.campaign)
    _reckon(floor, asked.campaign, now)
    door.shut_until = 0
    floor.unwritten[door] = None
    door_edge(floor, asked.campaign, now)


def _must_exist(floor: Floor, campaign: CampaignName) -> None:
    if campaign not in floor.rules.campaigns:
        raise CommandRefused("campaign-unknown", f"There is no campaign {campaign}.", campaign=campaign)


def _owed(floor: Floor, campaign: CampaignName) -> list[Promise]:
    return [promise for promise in floor.promises.values() if promise.campaign == campaign]


def _reckon(floor: Floor, campaign: CampaignName, now: Micros) -> None:
    """The door is about to stand otherwise: what is owed has run by its old hours until now (expiry.py)."""
    reckon(floor, _owed(floor, campaign), now)


def door_edge(floor: Floor, name: CampaignName, now: Micros) -> None:
    """It may have opened or closed: who waits there is treated as the rules say.

    Who is rung for, or out of sight, is looked at when that is over (meanwhile.py).
    """
    door = floor.door(name)
    look_again(floor, _owed(floor, name), now)
    edge = door.next_edge(now)
    if edge is None:
        floor.calendar.cancel(("door", name))
    else:
        floor.calendar.set(("door", name), edge)
    is_open = door.is_open(now)
    if is_open is door.stood_open:
        return
    door.stood_open = is_open
    floor.emit(DoorMoved(campaign=name, is_open=is_open, by_hand=now < door.shut_until))
    campaign = floor.rules.campaigns.get(name)
    if is_open or campaign is None or campaign.at_closing is AtClosing.STAY:
        return
    waiting = []
    for contact in floor.contacts.values():
        queue = floor.queues.get(contact.queue)
        if not contact.is_waiting or contact.live or contact.parked or queue is None or queue.rules.campaign != name:
            continue
        waiting.append(queue.place_of(contact))
    for *_, contact in sorted(waiting):  # where a target has little room, it is for who stood before the others
        if why := must_go(floor, contact, now):
            overflow(floor, contact, now, why)


def must_go(floor: Floor, contact: Contact, now: Micros) -> str:
    """Why who waits may not wait here any longer: `closed` (as who comes now) or `closing`; empty: they may."""
    queue = floor.queues.get(contact.queue)
    if queue is None or contact.urgent or contact.place or not is_shut_out(floor, queue.rules, now):
        return ""
    campaign = floor.rules.campaigns.get(queue.rules.campaign)
    return "" if campaign is None else _AT_CLOSING[campaign.at_closing]
