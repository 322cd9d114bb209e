"""`ringfair explain CONTACT`: why a contact went where it went, told from the ledger alone."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.instants import length, local
from router.cli.site import AsJson, ConfigDir, opened_ledger, read_site
from router.cli.story import talkers
from router.cli.timeline import SIGNS, bar
from router.domain.errors import CommandRefused
from router.domain.ids import ContactId
from router.domain.record import (
    BillingRecord,
    CallbackFact,
    DecisionFact,
    EndedBy,
    How,
    OfferFact,
    OfferResult,
    Outcome,
    OverflowFact,
    WrapUpEnd,
)
from router.ports import ContactStory

if TYPE_CHECKING:
    from router.config import Site

REASONS = {
    "free": ("is free as well, but was not the first", "are free as well, but were not the first"),
    "on_contact": ("is on another contact", "are on other contacts"),
    "last_contact": ("is on another contact, the last for now", "are on other contacts, their last for now"),
    "logged_out": ("is logged out", "are logged out"),
    "paused": ("is paused", "are paused"),
    "unreachable": ("has a phone that cannot be reached", "have phones that cannot be reached"),
    "busy_elsewhere": ("is on a private call", "are on private calls"),
    "link_lost": ("has lost the line", "have lost their lines"),
    "held_off": ("is held off for a moment after an offer in vain", "are held off for a moment after offers in vain"),
    "engaged": ("has a chat or e-mail in hand", "have chats or e-mails in hand"),
    "done_for_today": ("has reached the daily cap", "have reached their daily caps"),
    "not_entitled": ("is not on a shift for it", "are not on a shift for it"),
    "lacks_skill": ("lacks the skills", "lack the skills"),
}
"Why an agent could not be offered it, for one and for many; the keys are the ledger's."

WAYS = {
    "longest-idle": "longest idle",
    "best-skilled": "best skilled in what it asks for",
    "fewest-contacts": "one with the fewest contacts today",
    "least-talk": "one who has talked least today",
    "round-robin": "one who was asked the longest ago",
    "fixed-order": "first by position in the queue's fixed order",
}
"How the first on a bench is called; the keys are the ledger's."

RESULTS = {
    OfferResult.ANSWERED: "answered",
    OfferResult.MISSED: "missed: the phone rang and nobody took it",
    OfferResult.REJECTED: "rejected by the agent",
    OfferResult.BUSY: "the phone was busy",
    OfferResult.UNREGISTERED: "the phone was not registered",
    OfferResult.FAILED: "failed: the phone could not be called",
    OfferResult.RESCINDED: "withdrawn by the router",
    OfferResult.TAKEN: "somebody else had taken the caller",
    OfferResult.CALLER_LEFT: "the caller hung up first",
}

STEPS = {
    "promised": "promised to be called back; the place in line was kept",
    "answered": "called, and answered",
    "busy": "called: busy",
    "no_answer": "called: nobody answered",
    "failed": "called: the call could not be made",
    "kept": "the promise was kept: they talked to an agent",
    "left": "reached, but they hung up before an agent talked to them",
    "given_up": "given up",
    "expired": "expired: nobody could be called in time",
    "withdrawn": "withdrawn: they talked to somebody before, or it was cancelled",
    "unwritten": "could not be written down, so it was not promised",
}
"What became of a call that was owed; the keys are the ledger's."

WENT_ON = {
    "wait": "they had waited for as long as they may",
    "key": "they pressed a key",
    "full": "it was full",
    "nobody": "nobody was there",
    "closed": "it was closed",
    "closing": "it closed",
    "long": "the wait would have been too long",
    "early-media": "they had waited unanswered for too long",
}
"Why a caller went on to another target; the keys are the ledger's."

REFUSALS = {
    "full": "full",
    "nobody": "nobody there",
    "closed": "closed",
    "long": "too long a wait",
    "been-there": "not tried twice",
    "gone": "no longer there",
    "no-trunk": "no trunk leads outside",
}
"Why a target was passed over; the keys are the ledger's."

OUTCOMES = {
    Outcome.ANSWERED: "answered",
    Outcome.ABANDONED: "abandoned: the caller gave up waiting",
    Outcome.OVERFLOWED: "overflowed: sent on to a message or outside before an agent talked to the caller",
    Outcome.SYSTEM: "ended by the system",
}
ENDS: dict[WrapUpEnd | None, str] = {
    WrapUpEnd.AGENT: ", ended by the agent",
    WrapUpEnd.FORCED: ", ended by the longest time: no disposition was given",
    WrapUpEnd.OVERTAKEN: ", ended by the next contact",
}
ENDERS = {EndedBy.CALLER: "the caller", EndedBy.AGENT: "the agent", EndedBy.SYSTEM: "the system"}


def explain(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="A contact's id, as in `ringfair records`.")],
    config: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Tell why a contact went where it went: each offer, who was chosen, who was next, why not the others.

    Everything comes from the ledger, so yesterday's contact is explained as well, with or without a running router.

    Example: ringfair explain acd1-1790000000.42
    """
    site = read_site(config)

    async def load() -> ContactStory:
        async with opened_ledger(site) as ledger:
            found = await ledger.story(ContactId(contact))
        if found is None:
            message = f"The ledger has no contact {contact[:150]!r}; `ringfair records` shows which there are."
            raise CommandRefused("contact-unknown", message)
        return found

    story = asyncio.run(load())
    if as_json:
        from router.adapters.http.answers import encode, explained

        typer.echo(encode(explained(story.contact_id, None, story)))
        return
    for line in told(story, _meanings(site, story)):
        typer.echo(line)


def _meanings(site: "Site", story: ContactStory) -> dict[str, str]:
    """What the codes of its campaign mean today."""
    campaign = None if story.record is None else site.rules.campaigns.get(story.record.campaign)
    return {} if campaign is None else campaign.dispositions


def told(story: ContactStory, meanings: Mapping[str, str] | None = None) -> list[str]:
    """The explanation, line by line. `meanings`: disposition → what it means."""
    lines = _head(story) + _expected(story)
    decisions = {decision.offer_id: decision for decision in story.decisions}
    offers = {offer.offer_id: offer for offer in story.offers}
    at_of = {name: offer.from_at for name, offer in offers.items()} | {name: one.at for name, one in decisions.items()}
    order = sorted({**decisions, **offers}, key=at_of.__getitem__)
    if story.callbacks:
        lines += ["", *(_step(fact) for fact in story.callbacks)]
    for _, _, each in sorted(
        [(fact.at, 0, [_overflow(fact, story.record)]) for fact in story.overflows]
        + [
            (at_of[name], number, _offer(number, decisions.get(name), offers.get(name), story.record))
            for number, name in enumerate(order, 1)
        ]
    ):
        lines += ["", *each]
    if not order:
        lines += [
            "",
            "It was never offered to an agent: it did not wait (closed, full, sent on), or nobody was free for it.",
        ]
    for wrapup in story.wrapups:
        said = f", {wrapup.disposition!r}" if wrapup.disposition else ""
        if wrapup.disposition and (meaning := (meanings or {}).get(wrapup.disposition)):
            said += f" ({meaning})"
        said += ENDS.get(wrapup.ended, "")
        lines += ["", f"Wrap-up of {wrapup.agent_id}: {length(wrapup.to_at - wrapup.from_at)}{said}"]
    return lines


def _head(story: ContactStory) -> list[str]:
    record = story.record
    if record is None:
        return [f"Contact {story.contact_id}: no record yet, so it is still there, or the router left before its end."]
    promised = any(fact.what == "promised" for fact in story.callbacks) and record.outcome is Outcome.OVERFLOWED
    who, came = f"{record.ani or '(number withheld)'} called {record.dnis}", "arrived"
    if record.is_our_call:
        who, came = f"we called {record.ani} back, who had called {record.dnis}", "their phone rang from"
    lines = [
        f"Contact {record.contact_id}: {'to be called back' if promised else OUTCOMES[record.outcome]}",
        f"  {who}: campaign {record.campaign}, queue {record.queue}",
        f"  {came} {local(record.arrived_at)}, ended {local(record.ended_at, '%H:%M:%S')} by {ENDERS[record.ended_by]}"
        + (" (estimated: the end itself was not seen)" if record.end_estimated else ""),
    ]
    if record.answered_at is not None:
        who = ", ".join(talkers(record)) or "the dialplan"
        lines.append(f"  answered after {length(record.answered_at - record.here_at)} by {who}")
    if picture := bar(record.segments):
        ends = (local(record.arrived_at, "%H:%M:%S"), local(record.ended_at, "%H:%M:%S"))
        lines += ["", f"  {ends[0]} {picture} {ends[1]}"]
        parts = [
            f"{SIGNS[s.kind]} {s.kind} {length(s.to_at - s.from_at)}" + (f" {s.agent_id}" if s.agent_id else "")
            for s in record.segments
        ]
        lines.append("  " + ", ".join(parts))
    return lines


def _expected(story: ContactStory) -> list[str]:
    """What was expected of the wait, beside what came of it; and the wait of an earlier call that was counted in."""
    known = sorted(story.decisions, key=lambda each: each.at)
    lines = []
    if known and (before_us := known[0].how.waited_before_us):
        lines.append(
            f"  had given up after {length(before_us)} in a call shortly before (redial_s): that wait was counted in"
        )
    promised = [each for each in known if each.how.expected_us is not None and each.how.in_queue_us is not None]
    if not promised:
        return lines
    last = promised[-1]
    came_at = last.at - (last.how.in_queue_us or 0)
    said = f"  expected to wait {length(last.how.expected_us or 0)} on coming to {last.queue}"
    answered_at = story.record.answered_at if story.record is not None else None
    if answered_at is not None and answered_at >= last.at:
        said += f"; waited {length(answered_at - came_at)}"
    return [*lines, said]


def _offer(
    number: int, decision: DecisionFact | None, offer: OfferFact | None, record: BillingRecord | None
) -> list[str]:
    agent = decision.chosen if decision else offer.agent_id if offer else ""
    at = decision.at if decision else offer.from_at if offer else 0
    when = f"{length(at - record.arrived_at)} after arrival" if record else local(at)
    lines = [f"Offer {number}, {when}: {agent}"]
    if decision is not None:
        need = decision.need or "nobody in particular"
        how = decision.how
        lines.append(f"  queue {decision.queue} asks for {need}; {_caller(decision)}")
        lines += (f"  {sentence}" for sentence in _circumstances(how))
        lines.append(
            f"  chosen as the {WAYS.get(how.choose, how.choose)}, of those who could be offered it: "
            f"idle for {length(decision.chosen_idle_us)}"
        )
        nexts = [(name, idle) for name, idle in decision.next_best if name not in how.skipped]
        if nexts:
            lines.append(
                "  next would have been " + ", ".join(f"{name} (idle for {length(idle)})" for name, idle in nexts)
            )
        else:
            lines.append("  nobody else was free for it")
        # Who is free is told by name already, unless there are more of them.
        others = [(why, n) for why, n in decision.others if why != "free" or n > len(decision.next_best)]
        if others:
            lines.append("  of the others " + ", ".join(_counted(why, n) for why, n in others))
    if offer is None:
        lines.append("  result: none yet")
    else:
        cause = ", ".join(
            part for part in (f"cause {offer.cause}" if offer.cause is not None else "", _sip(offer.tech_cause)) if part
        )
        took = f" after {length(offer.to_at - offer.from_at)}"
        lines.append(f"  result: {RESULTS[offer.result]}{took}" + (f" ({cause})" if cause else ""))
    return lines


def _step(fact: CallbackFact) -> str:
    which = f" ({fact.call_id})" if fact.call_id else ""
    until = f", until {local(fact.until_at)} by the hours as they stood" if fact.until_at is not None else ""
    return f"Call-back, {local(fact.at)}: {STEPS.get(fact.what, fact.what)}{until}{which}"


def _overflow(fact: OverflowFact, record: BillingRecord | None) -> str:
    when = f"{length(fact.at - record.arrived_at)} after arrival" if record else local(fact.at)
    target = "the closing message" if fact.target == "closing" else fact.target
    passed = ", ".join(f"{target} ({REFUSALS.get(why, why)})" for target, why in fact.passed)
    told = f"; passed over: {passed}" if passed else ""
    return f"Overflow, {when}: from {fact.queue} to {target}, because {WENT_ON.get(fact.why, fact.why)}{told}"


def _circumstances(how: How) -> list[str]:
    """What else was so then: a later step, several at once, who was passed over, what the caller had heard."""
    found = []
    if how.row:
        opens = f"opens after {length(how.opens_us)}, or at once where nobody logged in meets an earlier one"
        found.append(f"that is a later step: it {opens}")
    if how.at_once > 1:
        found.append(f"up to {how.at_once} are rung at the same time")
    if how.skipped:
        found.append(f"passed over, having missed or rejected it just now: {', '.join(how.skipped)}")
    if how.told:
        found.append(f"told last, {length(how.told_us)} before: {', '.join(how.told)}")
    return found


def _caller(decision: DecisionFact) -> str:
    how = decision.how
    points = f", with {how.points} point{'' if how.points == 1 else 's'} of priority" if how.points else ""
    urgent = "an emergency: nothing overtakes the caller, who" if how.urgent else "the caller"
    return f"{urgent} had waited {length(decision.waited_us)}{points}"


def _sip(tech_cause: str | None) -> str:
    if not tech_cause:
        return ""
    shown = "".join(character if character.isprintable() else "�" for character in tech_cause)[:60]
    return shown if shown.upper().startswith("SIP") else f"SIP {shown}"


def _counted(reason: str, count: int) -> str:
    one, many = REASONS.get(reason, (reason, reason))
    return f"{count} {one if count == 1 else many}"
