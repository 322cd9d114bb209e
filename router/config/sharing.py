"""Which campaigns can only live in one pool, because they share agents or hand callers to each other.

An agent belongs to one pool, so campaigns that ask for the same skill draw on the same people and cannot be owned by
two routers. The files do not know who holds a skill; sharing a name of a skill is taken for sharing people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from router.domain.ids import CampaignName
from router.domain.rulebook.rules import Rules, ToQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Campaigns that one pool must own together, and why."""

    campaigns: tuple[CampaignName, ...]
    because: tuple[str, ...]


def groups(rules: Rules) -> tuple[Group, ...]:
    """Every campaign is in exactly one group; a group of one shares with nobody."""
    together = {name: name for name in rules.campaigns}

    def root(name: CampaignName) -> CampaignName:
        while together[name] != name:
            together[name] = together[together[name]]
            name = together[name]
        return name

    reasons: list[tuple[CampaignName, str]] = []
    for one, other, why in _ties(rules):
        reasons.append((one, why))
        together[root(other)] = root(one)
    members: dict[CampaignName, list[CampaignName]] = {}
    for name in rules.campaigns:
        members.setdefault(root(name), []).append(name)
    return tuple(
        Group(
            campaigns=tuple(names),
            because=tuple(dict.fromkeys(why for name, why in reasons if root(name) == top)),
        )
        for top, names in members.items()
    )


def _ties(rules: Rules) -> Iterator[tuple[CampaignName, CampaignName, str]]:
    for campaign in rules.campaigns.values():
        for target in campaign.closed:
            if isinstance(target, ToQueue) and rules.queues[target.queue].campaign != campaign.name:
                yield (
                    campaign.name,
                    rules.queues[target.queue].campaign,
                    f"{campaign.name} when closed leads to {target.queue}",
                )
    for queue in rules.queues.values():
        by_key = ((f"leads by key {key} to", target) for key, target in queue.keys)
        for how, target in (*(("overflows to", target) for target in queue.overflow), *by_key):
            if isinstance(target, ToQueue) and rules.queues[target.queue].campaign != queue.campaign:
                yield queue.campaign, rules.queues[target.queue].campaign, f"{queue.name} {how} {target.queue}"
        needs = (queue.need, *(ring.need for ring in queue.rings))
        if not all(need.skills for need in needs):
            for name in rules.campaigns:
                if name != queue.campaign:
                    yield queue.campaign, name, f"{queue.name} asks for no skill, so it takes everybody"
    holders: dict[str, dict[CampaignName, None]] = {}
    for queue in rules.queues.values():
        for skill in sorted({*queue.need.skills, *(name for ring in queue.rings for name in ring.need.skills)}):
            holders.setdefault(skill, {})[queue.campaign] = None
    for skill in sorted(holders):
        for one, other in pairwise(holders[skill]):
            yield one, other, f"skill {skill} is asked for by {', '.join(holders[skill])}"
