"""Who meets keys before anybody has answered them: ways out of campaigns that let callers wait in early media.

A file can say of its own queues that their callers are answered, and not who else comes there: callers of a campaign
with greeting "early-media" are unanswered also in the queue of an answered one that they overflow into.

Rule 1: they go where the time they may wait, a full queue, nobody there or closing time takes them, at the earliest
moment it can. Their keys lead nowhere, since none is heard.
Rule 2: with early_media_then = "answer" they are answered after early_media_max_s; what they reach later does no harm.
Rule 3: where they are told of keys, or offered a call-back, a promise is broken at the phone: a fault. Keys that nobody
tells them of are a note, and so are trunks of which only some are marked: no file says who comes by which.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from router.config.faults import Faults
from router.config.settings import Settings
from router.config.spoken_keys import keys_told_of
from router.domain.ids import CampaignName, Micros, QueueName
from router.domain.rulebook.rules import AtClosing, CampaignRules, EarlyMedia, OverflowTarget, QueueRules, ToQueue

Campaigns = Mapping[CampaignName, CampaignRules]
Queues = Mapping[QueueName, QueueRules]
EARLY = "early-media"


@dataclass(frozen=True, slots=True)
class Way:
    """Where the files say that callers may go there."""

    file: str
    key: str


def check_unanswered(settings: Settings, campaigns: Campaigns, queues: Queues, faults: Faults) -> None:
    if any(trunk.keys_before_answer for trunk in settings.trunk.values()):
        return
    for campaign, queue, way in _met(campaigns, queues):
        if not _promises(queue):
            continue
        expected = (
            f"a queue that tells of no keys ({_keys(queue)}): callers of campaign {campaign.name} come there "
            'unanswered (greeting = "early-media"), and most carriers carry no keys before the answer; greeting = '
            f'"answered" in {campaign.name}, or keys_before_answer = true in the [trunk.NAME] of ringfair.toml that '
            "was tried with them"
        )
        faults.add(way.file, way.key, f"queue:{queue.name}", expected)


def doubts_before_answer(settings: Settings, campaigns: Campaigns, queues: Queues) -> Iterator[str]:
    """Notes on keys that some callers cannot press."""
    marked = [name for name, trunk in settings.trunk.items() if trunk.keys_before_answer]
    if not marked:
        for campaign, queue, way in _met(campaigns, queues):
            yield (
                f"queue {queue.name}: callers of campaign {campaign.name} come there unanswered ({way.file}, "
                f"{way.key}), and none of its keys ({_keys(queue)}) does anything for them before the answer; take "
                f'greeting = "answered" in {campaign.name} if they are to have them'
            )
        return
    others = ", ".join(name for name in settings.trunk if name not in marked)
    if not others:
        return
    relying = {queue.campaign for queue in queues.values() if _keys(queue)}
    relying |= {campaign.name for campaign, _, _ in _met(campaigns, queues)}
    for campaign in campaigns.values():
        if campaign.greeting == EARLY and campaign.name in relying:
            yield (
                f"campaign {campaign.name}: before the answer keys are heard of who comes by trunk {', '.join(marked)} "
                f"alone, of who comes by {others} none is; try these trunks and mark them (keys_before_answer), or "
                'take greeting = "answered"'
            )


def _met(campaigns: Campaigns, queues: Queues) -> Iterator[tuple[CampaignRules, QueueRules, Way]]:
    """Queues with keys whose own callers are answered, and whose callers from elsewhere are not."""
    if not any(_keys(queue) and campaigns[queue.campaign].greeting != EARLY for queue in queues.values()):
        return
    for campaign in campaigns.values():
        if campaign.greeting != EARLY or not (campaign.dnis or campaign.diversion):  # nobody's own campaign
            continue
        for name, way in _reached(campaign, campaigns, queues).items():
            queue = queues[name]
            if _keys(queue) and campaigns[queue.campaign].greeting != EARLY:  # its own file's fault else (ways_out.py)
                yield campaign, queue, way


def _keys(queue: QueueRules) -> str:
    """Those that do something there."""
    return "".join([queue.exit_keys, *(key for key, _ in queue.keys), queue.callback.key if queue.callback else ""])


def _promises(queue: QueueRules) -> bool:
    return queue.callback is not None or queue.treatment.keys != "" or any(keys_told_of(queue))


def _reached(campaign: CampaignRules, campaigns: Campaigns, queues: Queues) -> dict[QueueName, Way]:
    """Rules 1 and 2: where its callers may come to wait unanswered, the earliest first."""
    until = _answered_after(campaign)
    found: dict[QueueName, Way] = {}
    ahead: list[tuple[Micros, int, QueueName, Way]] = []
    ordinals = count()

    def go(at: Micros, targets: tuple[OverflowTarget, ...], way: Way) -> None:
        for target in targets:
            if isinstance(target, ToQueue):
                heapq.heappush(ahead, (at, next(ordinals), target.queue, way))

    go(0, (ToQueue(queue=campaign.entry),), Way(_file(campaign.name), "campaign.entry"))
    if not campaign.emergency:
        go(0, campaign.closed, Way(_file(campaign.name), "campaign.closed"))
    while ahead:
        at, _, name, way = heapq.heappop(ahead)
        if name in found or name not in queues or (until is not None and at >= until):
            continue
        found[name] = way
        queue = queues[name]
        host = campaigns[queue.campaign]
        leaves_at = at if _sends_on_at_once(queue, host) and not campaign.emergency else at + queue.max_wait_us
        go(leaves_at, queue.overflow, Way(_file(host.name), f"queue.{name.partition('/')[2]}.overflow"))
        if host.at_closing is AtClosing.CLOSING and not campaign.emergency:
            go(at, host.closed, Way(_file(host.name), "campaign.closed"))
    return found


def _answered_after(campaign: CampaignRules) -> Micros | None:
    """None: only an agent answers them."""
    then = campaign.early_media_then
    answers = then is EarlyMedia.ANSWER or (campaign.emergency and then is not EarlyMedia.STAY)
    return campaign.early_media_max_us if answers else None


def _sends_on_at_once(queue: QueueRules, host: CampaignRules) -> bool:
    """Whether somebody may go on from there without having waited."""
    limits = queue.max_waiting or queue.join_if or queue.stay_if or queue.dissuade_us
    return bool(limits) or host.at_closing is AtClosing.OVERFLOW


def _file(name: CampaignName) -> str:
    return f"campaigns/{name}.toml"
