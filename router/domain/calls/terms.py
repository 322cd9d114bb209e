"""The terms by which call-backs are owed, when the rules are swapped under them (rule 6 of callback.py).

Rule 1: what was promised is kept by the terms of the rules in force, or by the last there were for its queue.
Its trunk is the one there is for numbers outside now; without any nobody can be called, and the promise is given up.
Rule 2: whose queue is gone stands where its callers stand then, the entry of its campaign. With the campaign it ends.
"""

from dataclasses import replace

from router.domain.calls.expiry import reckon
from router.domain.calls.owing import close, look_again
from router.domain.contacts.callback import Promise, PromiseEnd, Terms, terms_of
from router.domain.floor import Floor
from router.domain.ids import CampaignName, Micros, QueueName
from router.domain.rulebook.rules import CallbackRules, Rules


def rules_of(floor: Floor, queue: QueueName) -> CallbackRules | None:
    """How callers of this queue may ask to be called back; None: not at all, or no longer."""
    known = floor.queues.get(queue)
    return None if known is None else known.rules.callback


def without_rules(floor: Floor, rules: Rules) -> tuple[int, int]:
    """Under these rules: how many calls are owed on though nobody may ask for one there any more, how many given up."""
    kept = given_up = 0
    for promise in floor.promises.values():
        known = rules.queues.get(promise.queue)
        if promise.campaign in rules.campaigns and known is not None and known.callback is not None:
            continue
        lost = promise.campaign not in rules.campaigns or rules.outside is None
        kept, given_up = kept + (not lost), given_up + lost
    return kept, given_up


def terms_now(floor: Floor, queue: QueueName, had: Terms) -> Terms | None:
    """By what a promise in this queue is kept now: rule 1; None: by nothing."""
    rules, outside = rules_of(floor, queue), floor.rules.outside
    if rules is not None:
        return terms_of(rules)
    return None if outside is None else replace(had, trunk=outside.trunk)


def line_of(floor: Floor, campaign: CampaignName, queue: QueueName) -> QueueName | None:
    """Where somebody of this campaign stands who stood in `queue`; None when the rules know the campaign no more."""
    own = floor.rules.campaigns.get(campaign)
    if own is None or queue in floor.queues:
        return queue if own is not None else None
    return (floor.rules.campaigns.get(CampaignName(queue.partition("/")[0])) or own).entry


def reread(floor: Floor, now: Micros) -> None:
    """The rules were swapped: rule 6 of callback.py. Whom the old ones held back asks anew."""
    for _, _, promise_id in [held for heap in floor.held_back.values() for held in heap]:
        if promise_id in floor.promises:
            floor.timers.set(("promise", promise_id), now)
    floor.held_back.clear()
    for promise in list(floor.promises.values()):
        queue = line_of(floor, promise.campaign, promise.queue)
        terms = None if queue is None else terms_now(floor, queue, promise.terms)
        if queue is None or terms is None:
            close(floor, promise, PromiseEnd.GIVEN_UP, now)
            continue
        if queue != promise.queue:
            _stand_in(floor, promise, queue, now)
        promise.terms, ran_out_at = terms, promise.expires_at
        reckon(floor, [promise], now)
        if promise.expires_at != ran_out_at:
            look_again(floor, [promise], now)


def _stand_in(floor: Floor, promise: Promise, queue: QueueName, now: Micros) -> None:
    """From now on it is owed in this queue; its place is lined up there by who asked for this."""
    floor.owed[promise.queue] -= 1
    floor.owed[queue] = floor.owed.get(queue, 0) + 1
    promise.queue, promise.entered_at = queue, now
    floor.unwritten[promise] = None
    place = floor.contacts.get(promise.place_id)
    if place is not None and place.place:
        place.queue, place.entered_at, place.opened_us = queue, now, 0
