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
from router.config.spoken_keys import wrong_keys
from router.config.unanswered import doubts_before_answer
from router.domain.benches.agent import Agent
from router.domain.ids import SECOND, Micros
from router.domain.messages.commands import AgentProfile
from router.domain.rulebook.census import Census
from router.domain.rulebook.rules import CampaignRules, QueueRules, Rules, ToClosing

WHISPER = "acd/whisper-"
"Before a campaign's name: the prompt that is spoken for it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a site's files speak of and do not hold; None: nobody could tell."""

    agents: Collection[AgentProfile] | None = None
    prompts: Mapping[str, Collection[str]] | None = None
    "Prompt, as files name it (`acd/closing`) → the languages it is there in; none named: nobody could tell which."
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
        found += _heard(queue, rules.campaigns[queue.campaign], around)
        found += wrong_keys(queue)
    found += doubts_before_answer(site.settings, rules.campaigns, rules.queues)
    if around.agents:
        found += _of_people(rules, around.agents)
    return tuple(found)


def _of_campaign(campaign: CampaignRules, around: Surroundings) -> Iterator[str]:
    if campaign.last_agent and not campaign.keep_us:
        yield f"campaign {campaign.name}: last_agent does nothing without keep_s"
    if campaign.emergency and campaign.keep_us:
        yield f"campaign {campaign.name}: keep_s does nothing beside emergency = true; leave it out"
    yield from _music(f"campaign {campaign.name}", campaign.music, around)
    if around.prompts is None:
        return
    if not any(_speaks(languages, campaign.language) for languages in around.prompts.values()):
        yield (
            f"campaign {campaign.name}: no prompt is spoken in {campaign.language!r}; callers hear English or "
            "nothing: add texts in it to asterisk/prompts.toml, or take a language that is there"
        )
    spoken = WHISPER + campaign.name
    if campaign.whisper not in ("", spoken, *around.prompts):
        meant = _meant(campaign.whisper, [*around.prompts, spoken])
        yield f"campaign {campaign.name}: there is no prompt {campaign.whisper!r}{meant}; the agent hears nothing"


def _heard(queue: QueueRules, campaign: CampaignRules, around: Surroundings) -> Iterator[str]:
    """What its callers are to hear while they wait."""
    treatment, where = queue.treatment, f"queue {queue.name}"
    if treatment.music:
        yield from _music(where, treatment.music, around)
    named = [("welcome", treatment.welcome), ("keys", treatment.keys)]
    named += [("comfort", prompt) for prompt in treatment.comfort]
    for key, prompt in named if around.prompts is not None else ():
        languages = (around.prompts or {}).get(prompt)
        if prompt and languages is None:
            meant = _meant(prompt, around.prompts or ())
            yield f"{where}: there is no prompt {prompt!r} ({key}){meant}; callers hear nothing"
        elif prompt and languages and not _speaks(languages, campaign.language):
            elsewhere = ", ".join(sorted(languages))
            yield f"{where}: {prompt!r} ({key}) is not there in {campaign.language!r}, only in {elsewhere}"


def _music(where: str, music: str, around: Surroundings) -> Iterator[str]:
    if around.music is not None and music not in around.music:
        yield f"{where}: Asterisk has no music class {music!r}{_meant(music, around.music)}; callers hear silence"


def _speaks(languages: Collection[str], language: str) -> bool:
    """As Asterisk looks for a file (main/file.c, fileexists_core): `en_GB`, then `en`. None named: in every one."""
    return not languages or language in languages or language.partition("_")[0] in languages


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
