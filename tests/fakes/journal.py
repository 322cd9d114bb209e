"""A journal without a server: it can be stopped, emptied and fenced, and keeps the port's promises."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from router.domain.errors import RemoteError
from router.domain.ids import Micros
from router.domain.pictures.picture import AgentGone, ContactGone, Picture, key_of
from router.ports import Journalled


@dataclass
class FakeJournalServer:
    """What outlives a `FakeJournal`."""

    newest: dict[str, Picture] = field(default_factory=dict)
    commits: list[tuple[Picture, ...]] = field(default_factory=list)
    seq: int = 0
    epoch: int = 0
    now: Micros = 0
    config_hash: str = ""
    given: int = 0
    "The highest epoch that was given out."
    state: str = "up"
    syncs: bool = True
    synced: int = 0

    def empty(self) -> None:
        self.newest.clear()
        self.seq = self.epoch = self.now = 0


class FakeJournal:
    """The `Journal` port over a `FakeJournalServer`."""

    def __init__(self, server: FakeJournalServer) -> None:
        self._server = server
        self._seq = self._epoch = 0

    async def load(self) -> Journalled:
        self._must_be_up()
        server = self._server
        self._seq, self._epoch = server.seq, server.epoch
        return Journalled(
            pictures=tuple(server.newest.values()),
            seq=server.seq,
            epoch=server.epoch,
            written_at=server.now,
            config_hash=server.config_hash,
        )

    async def append(self, pictures: Sequence[Picture], *, epoch: int, now: Micros, config_hash: str) -> bool:
        self._must_be_up()
        server = self._server
        if server.given > epoch:
            raise RemoteError("journal-fenced", f"epoch {server.given} was given out", epoch=server.given)
        whole = (server.seq, server.epoch) == (self._seq, self._epoch)
        self._seq, self._epoch = self._seq + 1, epoch
        server.seq, server.epoch, server.now, server.config_hash = self._seq, epoch, now, config_hash
        server.commits.append(tuple(pictures))
        for picture in pictures:
            server.newest.pop(key_of(picture), None)
            if not isinstance(picture, ContactGone | AgentGone):
                server.newest[key_of(picture)] = picture
        return whole

    async def sync(self) -> bool:
        self._must_be_up()
        self._server.synced += self._server.syncs
        return self._server.syncs

    async def close(self) -> None:
        """Nothing is held."""

    def _must_be_up(self) -> None:
        if self._server.state == "down":
            raise RemoteError("redis-unreachable", "the server is stopped", retryable=True)
