"""Between the engine, which never waits, and the journal, which may.

    pump ── stirred() ──> (20 ms later) engine.pictures() ──> Journal.append, one commit

Rule 1: a commit is a cut: the pictures are taken in one go, between two inputs of the engine, so what is written is a
state the floor really had. Who changed several times in between is written once.
Rule 2: calls are routed whether or not Redis is there. What could not be written is owed, the newest of each; its size
is bounded by who is on the floor, and by `MOST_GONE` for those who left it: beyond that the server is asked, later, who
stands there and is not here. When the server comes back without what it had, everything is written again, and who
stands there and is not here any more is taken out: what it came back with may be old.
Rule 3: who must not say "done" before it is safe waits for `committed`.
Rule 4: that a contact has ended is written only once its record is on our own disk: a router that died in between would
leave a contact nobody knows of, and nobody has a record of. A disk that takes none holds nothing else up.
Rule 5: a fenced journal says that a later epoch was given out. Whoever runs us is told and finds out whose the pool is;
until then it is tried again, for an epoch of our own may have been raised in this very moment.
Rule 6: a mistake of ours in here costs what it is about, and never the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice

from router.domain.engine import Engine
from router.domain.errors import RemoteError
from router.domain.ids import Micros
from router.domain.pictures.picture import ContactGone, Picture, gone, key_of, whole
from router.ports import Clock, Journal

log = logging.getLogger("ringfair.journal")

GROUP_S = 0.02
"What a change waits for others to be written with; half a commit's own time on a busy server."
RETRY_S = 0.5
LOOK_S = 1.0
"After so long without a change the server is looked at: it may have lost something meanwhile."
RECORDS_S = 0.2
"For the records of those who have ended to be on the disk; then their ends are held back and the rest is written."
MOST_GONE = 5000
CLOSING_S = 2.0
AT_ONCE = 200
"Pictures of one commit: some 2 ms of processor time here and as much in the server, and a decision may wait so long."


class JournalKeeper:
    """Keeps a `Journal` up to date with an engine. Run `run()` as one task; `stirred` after each drain."""

    def __init__(
        self,
        journal: Journal,
        engine: Engine,
        clock: Clock,
        *,
        epoch: Callable[[], int],
        fenced: Callable[[int], None],
        records_on_disk: Callable[[], Awaitable[object]],
        group_s: float = GROUP_S,
        look_s: float = LOOK_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self.errors = 0
        self.commits = 0
        self.rewrites = 0
        "How often the server had lost what we wrote."
        self.last_error: RemoteError | None = None
        self.behind_since: Micros | None = None
        "Since when something is owed; None while everything is written."
        self._journal = journal
        self._engine = engine
        self._clock = clock
        self._epoch = epoch
        self._fenced = fenced
        self._records_on_disk = records_on_disk
        self._group_s = group_s
        self._look_s = look_s
        self._retry_s = retry_s
        self._owed: dict[str, Picture] = {}
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._looks = False
        "Whether to write even if nothing has changed."
        self._sweeps = False
        "Whether the server may know of somebody who has gone since."
        self._asked: set[asyncio.Task[bool]] = set()

    @property
    def owed(self) -> int:
        """Pictures that were taken and are not written yet."""
        return len(self._owed)

    @property
    def standing(self) -> str:
        """`ok`, or the sentence that says why not: for `/readyz`."""
        return "ok" if self.last_error is None else self.last_error.message

    def forget_others(self, left: Iterable[Picture]) -> None:
        """Have those removed that the router before us wrote down and who are not on the floor any more."""
        here = {key_of(picture) for picture in whole(self._engine.floor)}
        for picture in left:
            if key_of(picture) not in here:
                self._owed[key_of(picture)] = gone(picture)
        self._woken.set()

    def stirred(self) -> None:
        """Something may have changed. Never waits, never raises."""
        if not self._woken.is_set():
            self._woken.set()

    async def run(self) -> None:
        """Write until cancelled. The floor as it stands is written first: a restored one has changed already."""
        for picture in whole(self._engine.floor):
            self._owed[key_of(picture)] = picture
        while True:
            if await self.flush():
                await self._change_or_look()
            else:
                await asyncio.sleep(self._retry_s)

    async def _change_or_look(self) -> None:
        try:
            async with asyncio.timeout(self._look_s):
                await self._woken.wait()
        except TimeoutError:
            self._looks = True
        else:
            await asyncio.sleep(self._group_s)

    async def flush(self) -> bool:
        """Write all that changed; counts, never raises. Whether all is written but ends that rule 4 holds back."""
        async with self._turn:
            self._woken.clear()
            try:
                self._take()
                await self._write()
            except RemoteError as error:
                if self.last_error is None or self.last_error.error_id != error.error_id:
                    log.warning("%s: %d pictures wait: %s", error.error_id, self.owed, error)
                self._failed(error)
                if error.error_id == "journal-fenced":
                    self._fenced(int(str(error.details.get("epoch", 0))))
                return False
            except Exception:
                log.exception("the journal could not be written: a mistake of ours")
                self._failed(RemoteError("journal-fault", "The router fails to write its journal; its log says why."))
                return False
            if self.last_error is not None:
                log.info("the journal is written again")
            self.last_error = None
            if not self._owed:
                self.behind_since = None
            return True

    def _failed(self, error: RemoteError) -> None:
        self.errors += 1
        self.last_error = error

    async def committed(self) -> bool:
        """Write what was decided up to now, and wait for the server's disk. False when that cannot be said."""
        flushing = asyncio.ensure_future(self.flush())
        self._asked.add(flushing)
        flushing.add_done_callback(self._asked.discard)
        # whoever asks may lose patience; a commit that was begun is not broken off for that
        if not await asyncio.shield(flushing):
            return False
        try:
            return await self._journal.sync()
        except RemoteError as error:
            self._failed(error)
            return False

    def _take(self) -> None:
        for picture in self._engine.pictures():
            key = key_of(picture)
            self._owed.pop(key, None)
            self._owed[key] = picture
        if len(self._owed) > MOST_GONE + len(self._engine.floor.contacts) + len(self._engine.floor.agents):
            self._owed = {key: picture for key, picture in self._owed.items() if not _has_ended(picture)}
            self._sweeps = True
        if self._owed and self.behind_since is None:
            self.behind_since = self._clock.now()

    async def _write(self) -> None:
        held_back = False
        while self._owed or self._looks or self._sweeps:
            if not self._owed and not self._looks:
                self.forget_others((await self._journal.load()).pictures)
                self._sweeps = False
                continue
            some = dict(islice(self._owed.items(), AT_ONCE))
            if any(map(_has_ended, some.values())):
                held_back = held_back or not await self._records_are_safe()
                if held_back:
                    rest = ((key, picture) for key, picture in self._owed.items() if not _has_ended(picture))
                    some = dict(islice(rest, AT_ONCE))
                    if not some and not self._looks:
                        return
            config_hash = self._engine.floor.rules.config_hash
            kept = await self._journal.append(
                list(some.values()), epoch=self._epoch(), now=self._clock.now(), config_hash=config_hash
            )
            self.commits += 1
            self._looks = False
            for key, picture in some.items():
                if self._owed.get(key) is picture:
                    del self._owed[key]
            if not kept:
                self.rewrites += 1
                self._sweeps = True
                log.warning("the server had lost the journal; it is written again")
                for picture in whole(self._engine.floor):
                    self._owed.setdefault(key_of(picture), picture)

    async def _records_are_safe(self) -> bool:
        try:
            async with asyncio.timeout(RECORDS_S):
                await self._records_on_disk()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Write the last state. Call it after the task of `run` has ended, and only while the pool is ours."""
        try:
            async with asyncio.timeout(CLOSING_S):
                await self.flush()
        except TimeoutError:
            log.warning(
                "the journal's last state is not written; whoever follows asks Asterisk", extra={"owed": self.owed}
            )


def _has_ended(picture: Picture) -> bool:
    return isinstance(picture, ContactGone)
