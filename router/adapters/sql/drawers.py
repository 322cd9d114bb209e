"""One place on the disk for several routers: each has a drawer of its own, and what a dead one left is taken over.

    spool/1/  spool/2/        drawers: each the spool of one process (spool.py), who holds its lock
    spool/2/ledger            which ledger its facts are for
    spool/000000000007.facts  of a release that knew no drawers: a spool like any other, but nobody's drawer

Rule 1: a process takes the first drawer that nobody holds; what was left in there goes to the ledger before anything
  new.
Rule 2: every process takes over what is in drawers nobody holds: at its start, before it takes up a pool, and every few
  seconds. One that only stands by does so too. It needs no lease for it, since the ledger keeps a fact once whoever
  brings it; and the router that owns the pool now may be on another machine, where these files are not.
Rule 3: taken over means renamed, with both locks held. So a fact is in one place at each moment, no database is needed,
  the order stays, and what the dead router saw itself reaches the ledger before what its successor concludes.
Rule 4: another ledger's facts are left where they are: a machine may have two sites, and a bill of one must not turn up
  in the other.
Rule 5: no more is taken over than fits into half of what may be kept. The rest follows when that is in the ledger; it
  waits as safely where it is.

All of this waits for a disk: it belongs into a thread.
"""

import logging
import os
import time
from pathlib import Path
from types import TracebackType

from router.adapters.sql import spool_lock
from router.adapters.sql.aside import Aside
from router.adapters.sql.segments import FILE_MODE, LEDGER, numbered, reading, sync_directory
from router.adapters.sql.spool import MAX_BYTES, Spool
from router.domain.errors import RemoteError

DRAWERS_MAX = 64
TELL_EVERY_S = 600.0

log = logging.getLogger("ringfair.ledger")


class Drawers:
    """Made by `Drawers.open`: `spool` is our own drawer, `adopt` looks for what others left."""

    def __init__(self, place: Path, spool: Spool, ledger: str) -> None:
        self.spool = spool
        self._place = place
        self._ledger = ledger
        self._told: dict[Path, float] = {}

    @classmethod
    def open(cls, place: Path, *, ledger: str = "", max_bytes: int = MAX_BYTES) -> "Drawers":
        """Take a drawer in `place`, which is made if need be; `ledger` names the ledger of this process.

        Raises `RemoteError`: `spool-unusable`, or `spool-locked` when every drawer is taken.
        """
        unusable: OSError | None = None
        try:
            spool_lock.make(place)
        except OSError as error:
            raise _unusable(place, error) from error
        for number in range(1, DRAWERS_MAX + 1):
            drawer = place / str(number)
            try:
                spool = _taken(drawer, ledger, max_bytes)
            except OSError as error:
                unusable = unusable or error
                if not os.path.lexists(drawer):
                    break  # it could not be made, nor could the next
                # Somebody else's, or what is in there is broken: the next one will do.
                log.warning("spool-unusable: %s is left alone: %s", drawer, error.strerror)
                continue
            if spool is not None:
                return cls(place, spool, ledger)
        if unusable is not None:
            raise _unusable(place, unusable) from unusable
        raise RemoteError(
            "spool-locked",
            f"All {DRAWERS_MAX} drawers of the spool {place} are taken, by routers that run or by facts for another "
            "ledger. `ringfair ledger spool` shows them; `spool_dir` under [ledger] in ringfair.toml names another "
            "place",
            directory=str(place),
        )

    def adopt(self) -> int:
        """Take over what nobody holds; gives how many facts. Never raises."""
        adopted = 0
        try:
            places = drawers_in(self._place)
        except OSError as error:
            self._tell(self._place, "spool-unreadable: %s cannot be looked through: %s", self._place, error.strerror)
            return 0
        for drawer in places:
            if drawer == self.spool.directory:
                continue
            try:
                adopted += self._adopt(drawer)
            except OSError as error:
                sentence = "spool-stranded: what is in %s cannot be taken over: %s"
                self._tell(drawer, sentence, drawer, error.strerror)
        return adopted

    def close(self) -> None:
        self.spool.close()

    def __enter__(self) -> "Drawers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _adopt(self, drawer: Path) -> int:
        if not _left(drawer):
            return 0
        with spool_lock.seized(drawer) as free:
            files = _left(drawer) if free else []
            if not files:
                return 0
            whose = ledger_of(drawer)
            if whose not in ("", self._ledger):
                sentence = (
                    "spool-stranded: %s holds facts for another ledger. Start a router of that site, or bring them to "
                    "this one: ringfair ledger merge %s"
                )
                self._tell(drawer, sentence, drawer, drawer)
                return 0
            facts = self.spool.adopt(self._fitting(files))
        if facts:
            log.warning("%d facts of a router that is gone were taken over from %s", facts, drawer)
        return facts

    def _fitting(self, files: list[Path]) -> list[Path]:
        """The first of them, as many as there is room for; one always, when we have nothing ourselves."""
        room = self.spool.max_bytes // 2 - self.spool.size
        fitting: list[Path] = []
        for path in files:
            room -= path.lstat().st_size
            if room < 0 and (fitting or self.spool.waiting):
                break
            fitting.append(path)
        return fitting

    def _tell(self, about: Path, sentence: str, *values: object) -> None:
        now = time.monotonic()
        if now - self._told.get(about, -TELL_EVERY_S) >= TELL_EVERY_S:
            self._told[about] = now
            log.warning(sentence, *values)


def _unusable(place: Path, error: OSError) -> RemoteError:
    return RemoteError(
        "spool-unusable",
        f"The spool {place} cannot be used: {error.strerror}. It must be a directory this user may write to, on a disk "
        "with room; `spool_dir` under [ledger] in ringfair.toml names it",
        directory=str(place),
    )


def drawers_in(place: Path) -> list[Path]:
    """Every spool in there, the old single one first, then the drawers by their numbers. Raises OSError."""
    found = [path for path in place.iterdir() if path.name.isascii() and path.name.isdigit() and len(path.name) <= 4]
    drawers = [path for path in found if path.is_dir() and not path.is_symlink()]
    alone = [place] if numbered(place) or Aside(place).unknown.exists() else []
    return [*alone, *sorted(drawers, key=lambda path: (int(path.name), path.name))]


def ledger_of(drawer: Path) -> str:
    """Which ledger its facts are for; empty when it does not say. Raises OSError."""
    try:
        with reading(drawer / LEDGER):
            return (drawer / LEDGER).read_bytes()[:100].decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _taken(drawer: Path, ledger: str, max_bytes: int) -> Spool | None:
    """The drawer's spool, ours from now on; None when somebody has it, or when it is full of another ledger's facts."""
    if drawer.exists() and spool_lock.writer_of(drawer) is not None:
        return None
    try:
        spool = Spool.open(drawer, max_bytes=max_bytes)
    except RemoteError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        return None  # somebody was quicker
    try:
        whose = ledger_of(drawer)
        if spool.end and whose not in ("", ledger):
            spool.close()
            return None
        if ledger != whose:
            _label(drawer, ledger)
    except BaseException:
        spool.close()
        raise
    return spool


def _label(drawer: Path, ledger: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(drawer / LEDGER, flags, FILE_MODE)
    try:
        os.write(handle, f"{ledger}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_directory(drawer)


def _left(drawer: Path) -> list[Path]:
    """Its files of facts, in order, then those that waited for another release: this may be it. Raises OSError."""
    unknown = Aside(drawer).unknown
    return [*(path for _, path in numbered(drawer)), *([unknown] if unknown.exists() else [])]
