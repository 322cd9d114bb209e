"""What the files of a site speak of and do not hold, looked up on this machine: agents, prompts, music.

Looks only: no database is made or brought up, and what cannot be read is not known, which is no fault of the files.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from router.domain.errors import RouterError

if TYPE_CHECKING:
    from router.config import Site
    from router.config.proof import Surroundings

ASTERISK = Path("/etc/asterisk")
SOUNDS = (Path("/usr/share/asterisk/sounds"), Path("/var/lib/asterisk/sounds"))
MOST_FILES = 100_000
_CLASS = re.compile(r"^\s*\[([^\]]+)\]", re.MULTILINE)


def look_around(site: "Site", asterisk: Path | None) -> "tuple[Surroundings, tuple[str, ...]]":
    """And sentences about what could not be looked at."""
    from router.cli.checkup.database import entries_of
    from router.config.proof import Surroundings

    notes: tuple[str, ...] = ()
    agents = None
    try:
        agents = tuple(entry.profile for entry in asyncio.run(entries_of(site))) or None
    except RouterError as error:
        notes = (f"the directory could not be read, so nothing is said about skills: {error.message}",)
    prompts: dict[str, set[str]] = {}
    for prompt, language in (*_ours(), *_files()):
        prompts.setdefault(prompt, set()).add(language)
    if not any(folder.is_dir() for folder in SOUNDS):
        # Asterisk runs elsewhere: what is not of our making is taken on trust
        prompts |= {prompt: set() for prompt in _named(site) if not prompt.startswith("acd/")}
    return Surroundings(agents=agents, prompts=prompts, music=_music(asterisk or ASTERISK)), notes


def _named(site: "Site") -> Iterator[str]:
    yield from (campaign.whisper for campaign in site.rules.campaigns.values())
    for queue in site.rules.queues.values():
        yield from (queue.treatment.welcome, queue.treatment.keys, *queue.treatment.comfort)


def _ours() -> Iterator[tuple[str, str]]:
    """Each prompt with each of its languages."""
    from router.adapters.pbx.errors import PbxError
    from router.adapters.pbx.prompts import read_texts

    try:
        yield from ((f"acd/{name}", language) for name, texts in read_texts().items() for language in texts)
    except PbxError:
        return


def _files() -> Iterator[tuple[str, str]]:
    """Every file of every language, as Asterisk is asked for it, without language and suffix; and its language."""
    count = 0
    for folder in SOUNDS:
        for language in sorted(folder.iterdir()) if folder.is_dir() else ():
            for file in language.rglob("*") if language.is_dir() else ():
                count += 1
                if count > MOST_FILES:
                    return
                yield str(file.relative_to(language).with_suffix("")), language.name


def _music(asterisk: Path) -> set[str] | None:
    """The classes of musiconhold.conf and the files beside it; None where Asterisk's configuration is not."""
    files = [asterisk / "musiconhold.conf", *sorted((asterisk / "musiconhold.d").glob("*.conf"))]
    found: set[str] = set()
    for file in files:
        try:
            found |= {*_CLASS.findall(file.read_text(encoding="utf-8", errors="replace"))}
        except OSError:
            if file is files[0]:
                return None
    return {name.partition("(")[0].strip() for name in found} - {"general"}
