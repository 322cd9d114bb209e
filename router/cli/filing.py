"""A campaign's file put among the others for as long as it takes to look at the whole site, and kept if that is good.

The check reads the real directory, so the file has to stand there: a number dialled for two campaigns or an overflow
that runs in a circle shows only among all files.

1. It comes and goes in one step, whole, with mode 0644: nobody ever reads half a file.
2. When the look raises, things are as they were: the file is gone, or the one that was there before is back, the same
   inode with its owner and mode. A router that reads its files in that moment refuses faulty ones and keeps its rules.
3. A file that somebody else put there meanwhile is not overwritten, unless that was asked for.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.adapters.pbx.rendering import write_atomically
from router.domain.errors import CommandRefused

MODE = 0o644
SETTINGS = "ringfair.toml"


def campaign_path(site: Path, name: str) -> Path:
    """Where the campaign's file belongs; the name has been looked at already."""
    return site.absolute() / "campaigns" / f"{name}.toml"


def refuse_early(path: Path, *, force: bool) -> None:
    """What would come to nothing is said before the first question."""
    folder, site = path.parent, path.parent.parent
    if not (site / SETTINGS).is_file():
        raise CommandRefused(
            "site-missing",
            f"There is no site in {site} ({SETTINGS} is missing): name its directory with --config DIR, "
            "or begin one with a copy of deploy/site",
        )
    if os.path.lexists(path) and not force:
        raise _known(path)
    if not os.access(folder if folder.exists() else site, os.W_OK | os.X_OK):
        raise CommandRefused("file-refused", f"{path} cannot be written by this user; try with sudo")


@contextmanager
def in_place(path: Path, text: str, *, force: bool) -> Iterator[None]:
    """The file stands at `path` within the block, and stays there unless the block raises."""
    new, before = (path.with_name(f".{path.name}.{os.getpid()}.{kind}") for kind in ("new", "before"))
    made_folder = not path.parent.exists()
    kept = False
    try:
        try:
            before.unlink(missing_ok=True)
            write_atomically(new, text, MODE)
            replaced = force and os.path.lexists(path)
            if replaced:
                os.link(path, before, follow_symlinks=False)
                os.replace(new, path)
            else:
                os.link(new, path)  # a link, because a rename would not notice that somebody was first
        except FileExistsError:
            raise _known(path) from None
        except OSError as error:
            raise CommandRefused("file-refused", f"{path} cannot be written: {error.strerror}") from None
        try:
            yield
            kept = True
        finally:
            if not kept and replaced:
                os.replace(before, path)
            elif not kept:
                path.unlink(missing_ok=True)
    finally:
        new.unlink(missing_ok=True)
        before.unlink(missing_ok=True)
        if made_folder and not kept and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    _written_down(path.parent)


def _known(path: Path) -> CommandRefused:
    return CommandRefused("campaign-known", f"{path} is there already: change it, or write it anew with --force")


def _written_down(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
