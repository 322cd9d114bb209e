"""`ringfair ledger …`: is the ledger whole, what waits for it on the disk, and how a stranded spool gets in."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.exits import FAILED
from router.cli.screen import print_table
from router.cli.site import AsJson, ConfigDir, opened_ledger, read_site
from router.domain.errors import RemoteError

if TYPE_CHECKING:
    from router.adapters.sql.inspection import Inspection
    from router.adapters.sql.stranded import Contents, Merged

app = typer.Typer(
    help="The ledger: whether its records are as they were written, and what waits on the disk to get into it.",
    no_args_is_help=True,
)


@app.command("verify", short_help="Tell the first record that was changed or is gone.")
def verify(
    from_: Annotated[
        int, typer.Option("--from", min=0, metavar="POSITION", help="Begin behind this record; all before is believed.")
    ] = 0,
    head: Annotated[
        str | None, typer.Option("--head", metavar="HASH", help="A hash noted earlier, which must be in the chain.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigDir = None,
) -> None:
    """Walk the chain over all billing records; tell the first one that was changed or is missing.

    Each record carries the hash of the one before it. The last hash is printed: noted elsewhere (under the bill, in a
    mail to the client) and given later with --head, it also shows whether the end was cut off or all was written anew.
    Works while the router runs. Exit code 0 when everything holds, 1 when it does not.

    Example: ringfair ledger verify --from 120000 --head 5f3c…e1
    """
    noted = None if head is None else head.strip().lower()
    if noted is not None and (len(noted) != 64 or set(noted) - set("0123456789abcdef")):
        raise typer.BadParameter("expected the 64 characters that `ringfair ledger verify` prints", param_hint="--head")
    site = read_site(config)

    count = _Count("records")

    async def walk() -> "Inspection":
        async with opened_ledger(site) as ledger:
            return await ledger.inspect(after=from_, noted=noted, progress=count)

    found = asyncio.run(walk())
    count.end()
    if as_json:
        broken = found.broken
        typer.echo(
            json.dumps(
                {
                    "whole": broken is None,
                    "from": from_,
                    "checked": found.checked,
                    "position": found.position,
                    "head": found.head,
                    "noted_at": found.noted_at,
                    "broken": None
                    if broken is None
                    else {
                        "fault": broken.fault.value,
                        "position": broken.position,
                        "contact_id": broken.contact_id,
                        "message": broken.sentence,
                    },
                },
                ensure_ascii=False,
                indent=2,
            )
        )
    else:
        _tell(found)
    if found.broken is not None:
        raise typer.Exit(FAILED)


def _tell(found: "Inspection") -> None:
    broken = found.broken
    if broken is None:
        typer.echo(f"{found.checked} records are as they were written.")
        if found.noted_at is not None:
            typer.echo(f"The noted hash stands at position {found.noted_at}.")
    else:
        typer.echo(f"BROKEN at position {broken.position}: {_clean(broken.sentence)}.")
        typer.echo(f"{found.checked} records before it are as they were written.")
    typer.echo(f"position {found.position}")
    typer.echo(f"head     {found.head}")


@app.command("spool", short_help="Show what waits on this machine's disk.")
def spool(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Another spool than this site's, such as a copied one.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigDir = None,
) -> None:
    """Show what waits on this machine's disk to be written to the database. Looks only.

    Each router has a drawer of its own there. What stands in one that nobody writes to is taken over within seconds by
    any router that runs on this machine.

    Example: ringfair ledger spool
    """
    from router.adapters.sql.stranded import look

    where = directory or _own_spool(config)
    found = look(where)
    if as_json:
        typer.echo(json.dumps(_told(where, found), ensure_ascii=False, indent=2))
        return
    waiting = sum(each.facts.total() for each in found)
    columns = ("spool", "written by", "waiting", "on the disk", "besides")
    print_table(f"{waiting} facts wait in {where}", columns, map(_cells, found))


def _own_spool(config: Path | None) -> Path:
    where = read_site(config).spool
    if not where.exists():
        raise RemoteError(
            "spool-missing",
            f"There is no spool at {where} yet. The router makes it at its first start (`ringfair serve`); if it ran "
            "already, `spool_dir` under [ledger] in ringfair.toml names another place.",
        )
    return where


def _told(where: Path, found: "list[Contents]") -> dict[str, object]:
    return {"directory": str(where), **_figures(found), "spools": [_one(each) for each in found]}


def _one(found: "Contents") -> dict[str, object]:
    return {"directory": str(found.directory), "writer": found.writer, **_figures([found])}


def _figures(found: "list[Contents]") -> dict[str, object]:
    kinds = sum((each.facts for each in found), Counter[str]())
    return {
        "waiting": kinds.total(),
        "by_kind": dict(sorted(kinds.items())),
        "files": sum(each.files for each in found),
        "bytes": sum(each.bytes for each in found),
        "damaged": sum(each.damaged for each in found),
        "torn": sum(each.torn for each in found),
        "unknown": sum(each.unknown for each in found),
        "refused": sum(each.refused for each in found),
    }


def _cells(found: "Contents") -> tuple[str, ...]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.facts.items()))
    others = [
        (found.damaged, "damaged pieces that cannot be read, kept in *.bad"),
        (found.torn, "last lines torn off by a crash, never confirmed"),
        (found.unknown, "facts of another release, kept for it"),
        (found.refused, "facts no ledger takes, in facts.refused"),
    ]
    return (
        str(found.directory),
        found.writer or "nobody now",
        f"{found.facts.total()} facts" + (f" ({kinds})" if kinds else ""),
        f"{found.bytes} bytes in {found.files} files",
        "; ".join(f"{count} {what}" for count, what in others if count),
    )


@app.command("merge", short_help="Bring in the spool of a dead machine.")
def merge(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The spool directory of the dead machine, or one drawer of it.")
    ],
    as_json: AsJson = False,
    config: ConfigDir = None,
) -> None:
    """Bring the spool of a dead machine to the ledger; what is there already stays as it is.

    The directory is only read: again, it adds nothing, and it may be taken away once nothing new was found. A spool
    that a router writes to is refused: it needs no help, nor does what lies in drawers beside its own. Exit code 1 when
    something could not be brought in.

    Example: ringfair ledger merge /mnt/dead-disk/var/lib/ringfair/spool
    """
    site = read_site(config)
    count = _Count("facts")

    async def bring() -> "Merged":
        from router.adapters.sql.stranded import merge as bring_in

        async with opened_ledger(site) as ledger:
            return await bring_in(ledger, directory, progress=count)

    merged = asyncio.run(bring())
    count.end()
    left = {"damaged": merged.damaged, "unknown": merged.unknown, "refused": len(merged.refused)}
    if as_json:
        found = {"directory": str(directory), "facts": merged.facts, "new": merged.new, "torn": merged.torn, **left}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        typer.echo(f"{merged.facts} facts in {directory}: {merged.new} new, {merged.facts - merged.new} there already.")
    for sentence in _left_behind(merged):
        typer.echo(f"ringfair: {sentence}", err=True)
    if any(left.values()):
        raise typer.Exit(FAILED)


def _left_behind(merged: "Merged") -> list[str]:
    """What could not be brought in, and what to do about it."""
    said = []
    if merged.damaged:
        said.append(f"{merged.damaged} lines are damaged; a copy of the disk from before may have them.")
    if merged.unknown:
        said.append(f"{merged.unknown} facts are of another release; merge again with the one that wrote them.")
    for fact, why in merged.refused[:20]:
        said.append(f"a {type(fact).__name__} was refused: {why}")
    return said


class _Count:
    """How far it is: a line that is overwritten on a terminal, nothing elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shows = sys.stderr.isatty()
        self._shown = False

    def __call__(self, done: int, of: int = 0) -> None:
        if self._shows:
            self._shown = True
            typer.echo(f"\r{done}" + (f" of {of}" if of else "") + f" {self._what} ", nl=False, err=True)

    def end(self) -> None:
        if self._shown:
            typer.echo("", err=True)


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)
