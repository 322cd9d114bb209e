"""What the demo leaves on the screen: the table of contacts, the verdict, and what one can try next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from deploy.demo.premises import RINGFAIR, Premises
from deploy.demo.steps import Screen
from deploy.demo.verdict import Finding
from router.domain.ids import SECOND
from router.domain.record import BillingRecord, OfferResult, Outcome, SegmentKind
from router.ports import ContactStory

_COLUMNS = ("contact", "campaign", "caller", "outcome", "waited", "agent", "talk", "offers")


def contacts(screen: Screen, stories: Sequence[ContactStory]) -> None:
    """A line a contact, in the order of arrival."""
    table = Table(title="Contacts", title_justify="left", box=SIMPLE, pad_edge=False)
    for column in _COLUMNS:
        justify: Literal["left", "right"] = "right" if column in ("waited", "talk") else "left"
        # On a narrow terminal cells become two lines rather than lose their ends.
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column in ("contact", "caller"))
    known = [(story.record, story) for story in stories if story.record is not None]
    for record, story in sorted(known, key=lambda pair: pair[0].arrived_at):
        table.add_row(
            record.contact_id,
            record.campaign,
            record.ani,
            Text(record.outcome, style="green" if record.outcome is Outcome.ANSWERED else "red"),
            _spent(record, SegmentKind.WAITING),
            " ".join(_talkers(record)),
            _spent(record, SegmentKind.TALK) if record.answered_at else "",
            _offers(story),
        )
    screen.console.print()
    screen.console.print(table)


def _spent(record: BillingRecord, kind: SegmentKind) -> str:
    spent = sum(segment.to_at - segment.from_at for segment in record.segments if segment.kind is kind)
    return f"{spent / SECOND:.1f} s"


def _talkers(record: BillingRecord) -> list[str]:
    return [s.agent_id for s in record.segments if s.kind is SegmentKind.TALK and s.agent_id is not None]


def _offers(story: ContactStory) -> Text:
    """`1`, or `2: agent-1004 missed` when some were in vain."""
    vain = [offer for offer in story.offers if offer.result is not OfferResult.ANSWERED]
    told = ", ".join(f"{offer.agent_id} {offer.result.replace('_', ' ')}" for offer in vain)
    return Text(f"{len(story.offers)}" + (f": {told}" if told else ""), style="yellow" if vain else "")


def verdict(screen: Screen, findings: Sequence[Finding]) -> bool:
    """The promises line by line; whether all were kept."""
    for finding in findings:
        mark = ("✓", "green") if finding.kept else ("✗", "red")
        screen.console.print(Text.assemble("  ", mark, " ", finding.sentence), soft_wrap=True)
        for case in finding.against[:10]:
            screen.say(f"      {case}", "red")
    kept = all(finding.kept for finding in findings)
    screen.say()
    screen.say("The demo kept every promise." if kept else "The demo FAILED.", "bold green" if kept else "bold red")
    return kept


def what_next(screen: Screen, premises: Premises, stories: Sequence[ContactStory], *, held: bool) -> None:
    """Commands that work now, with what they show."""
    ringfair = _shortest(RINGFAIR)
    worth = max(stories, key=lambda story: len(story.offers), default=None)
    lines = [
        (f"{ringfair} records", "what the demo left; --json, --csv"),
        *([(f"{ringfair} explain {worth.contact_id}", "why a contact went where it went")] if worth else []),
    ]
    if held and premises.site is not None:
        host, port = premises.site.settings.http.address
        lines += [
            (f"{ringfair} status --watch", "the floor, live; a caller comes every 20 s"),
            (f"{ringfair} agent unpause agent-1004", "let agent-1004 miss another one"),
            (f"{ringfair} canary", "an echo call through the whole path"),
            (f"{ringfair} doctor", "every neighbour looked at"),
            (f"curl -s http://{host}:{port}/metrics | grep ^ringfair_offers", "figures for Prometheus"),
        ]
    else:
        lines += [("make demo DEMO_HOLD=1", "the same, and it stays: watch it, call it, break it")]
        lines += [("make demo DEMO_CALLS=60", "more callers")]
    screen.say("\nTry next", "bold")
    _commands(screen, lines)
    if held:
        pbx = premises.pbx
        screen.say("\nA softphone of your own, on this machine", "bold")
        _commands(
            screen,
            [
                (f"{ringfair} agent add agent-1006 --skill de=90 --skill orders=90", "shows its password, once"),
                (f"{ringfair} export pjsip --out {_shortest(pbx.agents_file)}", "tell Asterisk"),
                (f"{ringfair} pbx reload --name {pbx.name}", ""),
            ],
        )
        screen.say(
            f"  Then register agent-1006 at {pbx.address}:{pbx.ports.sip} (UDP), dial *45 to log in, and the next "
            "caller of the shop rings you.\n  *45 logs out, *46 pauses, *47 says how many wait, *43 is an echo test."
        )


def _commands(screen: Screen, lines: Sequence[tuple[str, str]]) -> None:
    width = min(70, max(len(command) for command, _ in lines))
    for command, what in lines:
        line = Text.assemble("  ", (f"{command:<{width}}", "bold"), "  ", (what, "dim"))
        screen.console.print(line, soft_wrap=True)


def _shortest(path: Path) -> str:
    """Relative to where we are, if it is below."""
    try:
        return str(path.relative_to(os.getcwd()))
    except ValueError:
        return str(path)
