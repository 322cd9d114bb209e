"""`ringfair doctor`: is everything there that routing needs, and if not, how is it mended?"""

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from router.cli.checkup.finding import Finding, Verdict, examine, ok, warn
from router.cli.exits import FAILED
from router.cli.site import AsJson, ConfigDir, read_site
from router.domain.errors import RouterError

if TYPE_CHECKING:
    from router.config import Site

ASTERISK_S = 60.0
"With ten thousand agents there are twenty thousand questions to ask."
OTHERS_S = 15.0
_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def doctor(config: ConfigDir = None, as_json: AsJson = False) -> None:
    """Examine files, Asterisk, Redis, database and machine; tell what was found and how to mend each fault.

    Looks only, with the rights the router has. Exit code 0 without a fail (a warning is none), 1 with one, 2 when the
    files themselves have faults.

    Example: ringfair doctor --config /etc/ringfair
    """
    site = read_site(config)
    findings = asyncio.run(_examine(site))
    if as_json:
        typer.echo(json.dumps([_finding_json(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        _show(findings)
    if any(finding.verdict is Verdict.FAIL for finding in findings):
        raise typer.Exit(FAILED)


async def _examine(site: "Site") -> list[Finding]:
    from router.cli.checkup.asterisk import examine_asterisk
    from router.cli.checkup.database import agents_of, examine_database
    from router.cli.checkup.machine import examine_machine
    from router.cli.checkup.redis import examine_redis
    from router.cli.checkup.telemetry import examine_telemetry

    async def asterisk() -> list[Finding]:
        try:
            endpoints = await agents_of(site)
        except RouterError:
            endpoints = {}  # the database's own examination tells why
        return await examine_asterisk(site, endpoints)

    # The database first and alone: two that open a new SQLite file at once make one of them find it locked.
    database = await examine("database", lambda: examine_database(site), OTHERS_S)
    asked, telemetry, redis, machine = await asyncio.gather(
        examine("asterisk", asterisk, ASTERISK_S),
        examine("asterisk.telemetry", lambda: examine_telemetry(site), OTHERS_S),
        examine("redis", lambda: examine_redis(site), OTHERS_S),
        examine("machine", lambda: examine_machine(site), OTHERS_S),
    )
    parts = (asked, telemetry, redis, database, machine)
    rules = site.rules
    files = ok("configuration", f"{len(rules.campaigns)} campaigns, {len(rules.queues)} queues in {site.directory}")
    notes = [warn("configuration", note, "", "") for note in site.warnings]
    return [files, *notes, *(finding for part in parts for finding in part)]


def _show(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for finding in findings:
        verdict = Text(f"{finding.verdict:<5}", style=_STYLES[finding.verdict])
        found = "".join(c if c.isprintable() else "�" for c in finding.found)
        console.print(Text.assemble(verdict, (f"{finding.check}: ", "bold"), found), soft_wrap=True)
        if finding.verdict is not Verdict.OK:
            for word, said in (("expected", finding.expected), ("mend", finding.mend)):
                if said:
                    console.print(
                        Text(f"       {word}: {said}", style="dim" if word == "expected" else ""), soft_wrap=True
                    )
    count = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    console.print(f"{count[Verdict.OK]} ok, {count[Verdict.WARN]} to look at, {count[Verdict.FAIL]} to mend")


def _finding_json(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "verdict": str(finding.verdict),
        "found": finding.found,
        "expected": finding.expected,
        "mend": finding.mend,
    }
