"""A day's event log against its records, from the first line to the last verdict. What `ringfair reconcile` prints.

Rule 1: the two are read beside each other, calls and records in order of their ends, so that what agrees is forgotten
        at once; a day needs the memory of its differences.
Rule 2: what has no partner among the day's is looked up by its id, because its partner may be of another day.
Rule 3: a completion has an id that follows from what it completes; to write it twice is to write it once.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace

from router.adapters.cel.files import EventLog
from router.config import Site
from router.config.numbers import caller_number, dialled_forms
from router.domain.ids import ContactId, Micros
from router.domain.record import BillingRecord
from router.domain.rulebook.rules import CampaignRules
from router.domain.truth.completion import (
    Agents,
    Dialled,
    correction_of,
    is_completed_by,
    record_of,
    was_refused,
)
from router.domain.truth.reconciliation import (
    WRONG,
    CallSeen,
    Comparison,
    Difference,
    Pair,
    Verdict,
    covers,
)
from router.ports import ContactStory, Ledger, RecordQuery

BATCH = 100
"Completions a commit."
_NO_LIMIT = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    verdict: Verdict
    contact_id: ContactId
    at: Micros
    "Of its end, as far as that is known."
    campaign: str = ""
    differences: tuple[Difference, ...] = ()
    completion: BillingRecord | None = None
    "The record that would make it good."
    left: str = ""
    "Why there is none."
    written: bool = False


@dataclass(slots=True, kw_only=True)
class Counts:
    same: int = 0
    refused: int = 0
    "Turned away by the dialplan: a number nobody served. No contacts."
    foreign: int = 0
    "To numbers that are not the site's."
    found: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))
    completed: int = 0

    @property
    def wrong(self) -> int:
        """What is still wrong."""
        return sum(self.found[verdict] for verdict in WRONG) - self.completed


class Numbers:
    """The site's numbers as carriers dial them."""

    def __init__(self, site: Site) -> None:
        self._country = site.settings.router.country
        self._served: Mapping[str, tuple[CampaignRules, str]] = {
            form: (campaign, number)
            for campaign in site.rules.campaigns.values()
            for number in campaign.dnis
            for form in dialled_forms(number, self._country)
        }

    def dialled(self, call: CallSeen) -> Dialled | None:
        """None: nobody here serves that number."""
        digits = "".join(c for c in call.dialled if c in "0123456789")
        served = self._served.get(digits)
        if served is None:
            return None
        ani = caller_number(call.caller, country=self._country)
        return Dialled(campaign=served[0], dnis=served[1], ani=ani)


class Reconciler:
    """One day: `findings` once, then `counts`."""

    def __init__(
        self, log: EventLog, ledger: Ledger, comparison: Comparison, numbers: Numbers, day: tuple[Micros, Micros]
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._comparison = comparison
        self._numbers = numbers
        self._day = day
        self.counts = Counts()

    async def findings(self, agents: Agents, *, settled_before: Micros) -> AsyncIterator[Finding]:
        """Everything that is not as it should be. What ended later than `settled_before` is not completed yet."""
        await self._pair_up()
        async for finding in self._lonely_calls(agents):
            yield self._noted(finding, settled_before)
        for finding in self._lonely_records():
            yield self._noted(finding, settled_before)
        for pair in self._comparison.take_pairs():
            yield self._noted(self._judged(pair, agents), settled_before)
        self.counts.same = self._comparison.same

    async def _pair_up(self) -> None:
        calls = self._log.calls()
        call = next(calls, None)
        query = RecordQuery(from_at=self._day[0], to_at=self._day[1], limit=_NO_LIMIT)
        async for story in self._ledger.stories(query):
            record = story.record
            if record is None or record.corrects is not None or record.medium != "voice":
                continue  # a correction is told with the record it corrects
            while call is not None and call.last_at <= record.ended_at:
                self._comparison.see(call)
                call = next(calls, None)
            self._comparison.read(story.contact_id, _in_force(story) or record)
        while call is not None:
            self._comparison.see(call)
            call = next(calls, None)

    async def _lonely_calls(self, agents: Agents) -> AsyncIterator[Finding]:
        for call in self._comparison.take_calls():
            story = await self._ledger.story(call.contact_id)
            record = _in_force(story) if story is not None else None
            if record is not None:
                self._comparison.pair(call, record)
                continue
            dialled = self._numbers.dialled(call)
            if was_refused(call):
                self.counts.refused += 1
            elif dialled is None:
                self.counts.foreign += 1
            elif not call.is_over:
                yield _finding(Verdict.OPEN, call, dialled.campaign.name)
            elif call.started_at is None:
                left = "its begin is not in the files: give the file of the time before, too"
                yield replace(_finding(Verdict.MISSING, call, dialled.campaign.name), left=left)
            else:
                made = record_of(call, dialled, agents)
                yield replace(_finding(Verdict.MISSING, call, dialled.campaign.name), completion=made)

    def _lonely_records(self) -> Iterator[Finding]:
        for contact, record in self._comparison.take_records():
            seen = covers(self._log.coverage, record)
            yield Finding(
                verdict=Verdict.SURPLUS if seen else Verdict.UNCOVERED,
                contact_id=contact,
                at=record.ended_at,
                campaign=record.campaign,
                left="" if seen else "the files do not reach so far: give the files before and after, too",
            )

    def _judged(self, pair: Pair, agents: Agents) -> Finding:
        uncovered = not pair.call.is_over and not covers(self._log.coverage, pair.record)
        found = Finding(
            verdict=Verdict.UNCOVERED if uncovered else Verdict.DIFFERING,
            contact_id=pair.call.contact_id,
            at=pair.record.ended_at if uncovered else pair.call.last_at,
            campaign=pair.record.campaign,
            differences=pair.differences,
        )
        if uncovered:
            return replace(found, left="the files end before the call does: give the file after, too")
        if is_completed_by(pair):
            return replace(found, completion=correction_of(pair, agents))
        return replace(found, left="the router saw it itself: a person has to say who is right")

    def _noted(self, finding: Finding, settled_before: Micros) -> Finding:
        self.counts.found[finding.verdict] += 1
        if finding.completion is not None and finding.at >= settled_before:
            left = "it ended only now: its record may still be on its way"
            return replace(finding, completion=None, left=left)
        return finding


def _in_force(story: ContactStory) -> BillingRecord | None:
    """The record as it was corrected last."""
    return story.corrections[-1] if story.corrections else story.record


def _finding(verdict: Verdict, call: CallSeen, campaign: str) -> Finding:
    return Finding(verdict=verdict, contact_id=call.contact_id, at=call.last_at, campaign=campaign)


async def completed(findings: AsyncIterator[Finding], ledger: Ledger, counts: Counts) -> AsyncIterator[Finding]:
    """The findings again, those that can be completed written into the ledger first."""
    waiting: list[Finding] = []

    async def write() -> Iterator[Finding]:
        await ledger.append([found.completion for found in waiting if found.completion is not None])
        counts.completed += len(waiting)
        done = [replace(found, written=True) for found in waiting]
        waiting.clear()
        return iter(done)

    async for finding in findings:
        if finding.completion is None:
            yield finding
            continue
        waiting.append(finding)
        if len(waiting) >= BATCH:
            for found in await write():
                yield found
    if waiting:
        for found in await write():
            yield found
