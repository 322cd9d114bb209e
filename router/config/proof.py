"""What is legal in the files of a site and still cannot be meant: proved before the night, not found out in it.

Rule 1: each doubt is a sentence that names the campaign or queue and says what to change. None is a fault: agents are
taken on, prompts recorded and holidays declared after a file was written.
Rule 2: what is asked of people is asked of those in the directory, by the engine's own way of choosing rows; where
there is no directory nothing is said about people.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from router.config.opening import hours_warnings
from router.config.site import Site
from router.domain.agent import Agent
from router.domain.census import Census
from router.domain.commands import AgentProfile
from router.domain.ids import SECOND, Micros
from router.domain.rules import CampaignRules, QueueRules, Rules, ToClosing

WHISPER = "acd/whisper-"
"Before a campaign's name: the prompt that is spoken for it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a site's files speak of and do not hold; None: nobody could tell."""

    agents: Collection[AgentProfile] | None = None
    prompts: Collection[str] | None = None
    "As files name them: `acd/closing`."
    music: Collection[str] | None = None
    "Classes of musiconhold.conf."


def doubts(site: Site, around: Surroundings, now: Micros) -> tuple[str, ...]:
    """Every doubt, in the order of the files."""
    rules = site.rules
    found = [
        f"campaign {name}, {warning}"
        for name, (table, zone) in site.hours.items()
        for warning in hours_warnings(table, zone, now)
    ]
    for campaign in rules.campaigns.values():
        found += _of_campaign(campaign, around)
    for queue in rules.queues.values():
        found += _of_queue(queue, emergency=rules.campaigns[queue.campaign].emergency)
    if around.agents:
        found += _of_people(rules, around.agents)
    return tuple(found)


def _of_campaign(campaign: CampaignRules, around: Surroundings) -> Iterator[str]:
    if campaign.last_agent and not campaign.keep_us:
        yield f"campaign {campaign.name}: last_agent does nothing without keep_s"
    if campaign.emergency and campaign.keep_us:
        yield f"campaign {campaign.name}: keep_s does nothing beside emergency = true; leave it out"
    if around.music is not None and campaign.music not in around.music:
        meant = _meant(campaign.music, around.music)
        yield f"campaign {campaign.name}: Asterisk has no music class {campaign.music!r}{meant}; callers hear silence"
    spoken = campaign.whisper == WHISPER + campaign.name
    if around.prompts is not None and campaign.whisper and not spoken and campaign.whisper not in around.prompts:
        meant = _meant(campaign.whisper, [*around.prompts, WHISPER + campaign.name])
        yield f"campaign {campaign.name}: there is no prompt {campaign.whisper!r}{meant}; the agent hears nothing"


def _of_queue(queue: QueueRules, *, emergency: bool) -> Iterator[str]:
    if emergency and queue.overflow[:1] == (ToClosing(),):
        yield (
            f"queue {queue.name}: an emergency caller whom nobody has taken after {_seconds(queue.max_wait_us)} hears "
            "the closing message and is let go; name somebody in overflow who takes them"
        )
    texts = [queue.need.text]
    for ring in queue.rings:
        if ring.need.text in texts:
            yield f"queue {queue.name}: the ring after {_seconds(ring.after_us)} asks for what counts already"
        texts.append(ring.need.text)


def _of_people(rules: Rules, agents: Collection[AgentProfile]) -> Iterator[str]:
    census = Census()
    for ordinal, profile in enumerate(agents):
        census.count(Agent(agent_id=profile.agent_id, profile=profile, ordinal=ordinal))
    held = {skill for profile in agents for skill in profile.skills}
    for queue in rules.queues.values():
        needs = [queue.need, *(ring.need for ring in queue.rings)]
        for skill in sorted({skill for need in needs for skill in need.skills} - held):
            yield f"queue {queue.name}: nobody in the directory has the skill {skill}{_meant(skill, held)}"
        yield from _of_rows(queue, census)
    for profile in agents:
        for name in profile.posts:
            if name not in rules.queues:
                yield f"agent {profile.agent_id} is posted to {name}, which is no queue{_meant(name, rules.queues)}"


def _of_rows(queue: QueueRules, census: Census) -> Iterator[str]:
    """Whom each step adds. What a need asks of the contact cannot be known here: such a row is looked at as a whole."""
    able = queue.need.among(census)
    if not able and not queue.need.data:
        yield f"queue {queue.name}: nobody in the directory meets {queue.need.text!r}{_later(queue)}"
    if queue.need.data and not any(need.among(census) for need in (queue.need, *(r.need for r in queue.rings))):
        yield (
            f"queue {queue.name}: a caller of whom nothing is known finds nobody: no agent meets "
            f"{queue.need.text!r} without them; add a ring that asks nothing of the caller"
        )
    for ring in () if queue.never_relax else queue.rings:
        meets = ring.need.among(census)
        if not ring.need.data and not queue.need.data and not meets & ~able:
            whom = "adds nobody who may not be asked before" if meets else f"is met by nobody: {ring.need.text!r}"
            yield f"queue {queue.name}: the ring after {_seconds(ring.after_us)} {whom}"
        able |= meets


def _later(queue: QueueRules) -> str:
    return "; its rings decide alone" if queue.rings and not queue.never_relax else ""


def _meant(wrong: str, known: Iterable[str] | Mapping[str, object]) -> str:
    near = difflib.get_close_matches(wrong, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _seconds(duration: Micros) -> str:
    return f"{duration / SECOND:g} s"
