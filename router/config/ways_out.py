"""Ways out of a line, as far as no single file can check them: trunks, numbers outside, keys before the answer.

A number outside costs money with every call, so there is one trunk for all of them, an admin has said which, and a
number that is our own (which would come back as a new call) is a fault. A key that no caller can press is a promise
broken at the phone: before the answer most carriers carry no keys, so keys need a campaign that answers, or a trunk
that was tried.
"""

from collections.abc import Iterator, Mapping

from router.config.campaign import CampaignFile
from router.config.faults import Faults
from router.config.settings import Settings
from router.config.unanswered import check_unanswered
from router.domain.ids import SECOND, CampaignName, QueueName
from router.domain.rulebook.rules import CampaignRules, Outside, OverflowTarget, QueueRules, ToNumber

LONGEST_TRUNK = 50
"Characters of its name: number, seconds and trunk are one extension of Asterisk's, 79 at most."


def outside(settings: Settings) -> Outside | None:
    """The way to numbers outside, if there is one."""
    for name, trunk in settings.trunk.items():
        if trunk.outbound:
            return Outside(trunk=name, ring_us=round(trunk.ring_s * SECOND))
    return None


def early_keys(settings: Settings) -> tuple[str, ...]:
    """Trunks whose callers are heard before the answer."""
    return tuple(name for name, trunk in settings.trunk.items() if trunk.keys_before_answer)


def check_outside(
    settings: Settings,
    campaigns: Mapping[CampaignName, CampaignRules],
    queues: Mapping[QueueName, QueueRules],
    faults: Faults,
) -> None:
    outbound = [name for name, trunk in settings.trunk.items() if trunk.outbound]
    for name in outbound[1:]:
        faults.add("ringfair.toml", f"trunk.{name}.outbound", "true", f"one outbound trunk; {outbound[0]} is one")
    for name in outbound:
        if len(name) > LONGEST_TRUNK:
            faults.add(
                "ringfair.toml", f"trunk.{name}", name, f"{LONGEST_TRUNK} characters at most for an outbound trunk"
            )
    ours = {number: campaign.name for campaign in campaigns.values() for number in campaign.dnis}
    theirs = {number: campaign.name for campaign in campaigns.values() for number in campaign.diversion}
    for file, key, target in _all_targets(campaigns, queues):
        if not isinstance(target, ToNumber):
            continue
        if not outbound:
            expected = "outbound = true in a [trunk.NAME] of ringfair.toml: nobody knows by which trunk to dial"
            faults.add(file, key, f"dial:{target.number}", expected)
        elif target.number in ours:
            expected = f'"campaign:{ours[target.number]}": this number is ours, the call would come back as a new one'
            faults.add(file, key, f"dial:{target.number}", expected)
        elif target.number in theirs:
            expected = (
                f"a number that does not lead back: {target.number} diverts to us (diversion of campaign "
                f"{theirs[target.number]}), and carriers drop what would end the circle"
            )
            faults.add(file, key, f"dial:{target.number}", expected)


def _all_targets(
    campaigns: Mapping[CampaignName, CampaignRules], queues: Mapping[QueueName, QueueRules]
) -> Iterator[tuple[str, str, OverflowTarget]]:
    for campaign in campaigns.values():
        for target in campaign.closed:
            yield f"campaigns/{campaign.name}.toml", "campaign.closed", target
    for queue in queues.values():
        file, key = f"campaigns/{queue.campaign}.toml", f"queue.{queue.name.partition('/')[2]}"
        for target in queue.overflow:
            yield file, f"{key}.overflow", target
        for digit, target in queue.keys:
            yield file, f"{key}.keys.{digit}", target


def keys_are_heard(settings: Settings, file: CampaignFile) -> bool:
    """Whether whoever waits for this campaign can press keys at all."""
    return file.campaign.greeting == "answered" or bool(early_keys(settings))


def check_keys(
    settings: Settings,
    files: Mapping[str, CampaignFile],
    campaigns: Mapping[CampaignName, CampaignRules],
    queues: Mapping[QueueName, QueueRules],
    faults: Faults,
) -> None:
    """Keys before the answer, on trunks that do not carry them; `files` by the names faults call them by."""
    for name, file in files.items():
        if not keys_are_heard(settings, file):
            _check_own_keys(name, file, faults)
    check_unanswered(settings, campaigns, queues, faults)


def _check_own_keys(file_name: str, file: CampaignFile, faults: Faults) -> None:
    for short, table in file.queue.items():
        for key, value in (("exit_keys", table.exit_keys), ("keys", ", ".join(table.keys))):
            if value:
                expected = (
                    'no keys beside greeting = "early-media" (most carriers carry none before the answer), or '
                    "keys_before_answer = true in the [trunk.NAME] of ringfair.toml that was tried with them"
                )
                faults.add(file_name, f"queue.{short}.{key}", value, expected)
