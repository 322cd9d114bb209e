"""A lease without Redis, on a clock that moves when told; and an owner whom nobody contests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from router.domain.errors import RemoteError
from router.domain.ids import SECOND, Micros
from router.ports import Acting, LeaseView

_NONCES = count(1)


@dataclass
class FakeLeaseServer:
    """What outlives a `FakeLease`. Instants are seconds."""

    at: float = 1000.0
    clock: Callable[[], float] | None = None
    "Instead of `at`, when time shall pass by itself."
    state: str = "up"
    "`up`, `down` or `frozen`"
    view: LeaseView = field(default_factory=LeaseView)
    ends: float = 0.0
    started: float = 0.0
    latest: int = 0
    standbys: dict[str, float] = field(default_factory=dict)
    on_asked: Callable[[], None] = lambda: None
    "Called while a question is on its way: the world may change meanwhile."

    def now(self) -> float:
        return self.at if self.clock is None else self.clock()

    def empty(self) -> None:
        self.view, self.latest = LeaseView(), 0
        self.standbys.clear()


class FakeLease:
    """The `Lease` port over a `FakeLeaseServer`."""

    def __init__(self, server: FakeLeaseServer, host: str = "acd1", lives_s: float = 1.5) -> None:
        self.owner = f"{next(_NONCES):016x}"
        self.lives_s = lives_s
        self._server = server
        self._host = host
        self._since_at: Micros = 0

    def acquire(self, now: Micros) -> LeaseView:
        self._since_at = now
        server, owner = self._server, self._ask()
        if not owner:
            server.latest += 1
            self._hold(server.latest)
        elif owner == self.owner:
            self._hold(server.view.epoch)
        server.standbys.pop(self.owner, None)
        return self._tell()

    def renew(self, epoch: int) -> LeaseView:
        server, owner = self._server, self._ask()
        if owner == self.owner:
            self._hold(server.view.epoch)
        elif (not owner and server.latest <= epoch) or server.latest < epoch:
            self._hold(epoch)
        if server.view.owner == self.owner:
            server.latest = max(server.latest, epoch)
        return self._tell()

    def raise_above(self, epoch: int) -> LeaseView:
        server = self._server
        if self._ask() == self.owner:
            server.latest = max(server.latest, epoch) + 1
            self._hold(server.latest)
        return self._tell()

    def release(self) -> LeaseView:
        if self._ask() == self.owner:
            self._server.view = LeaseView()
        self._server.standbys.pop(self.owner, None)
        return self._tell()

    def read(self, *, stands_by: bool = False) -> LeaseView:
        self._ask()
        if stands_by:
            self._server.standbys[self.owner] = self._server.now() + self.lives_s
        return self._tell()

    def is_young(self) -> bool:
        self._ask()
        return self._server.now() - self._server.started < 3

    def close(self) -> None:
        pass

    def _ask(self) -> str:
        """Whose it is."""
        server = self._server
        server.on_asked()
        if server.state != "up":
            away = "redis-unreachable" if server.state == "down" else "redis-silent"
            raise RemoteError(away, "the server does not answer", retryable=True)
        if server.now() >= server.ends:
            server.view = LeaseView()
        return server.view.owner

    def _hold(self, epoch: int) -> None:
        server = self._server
        server.ends = server.now() + self.lives_s
        server.view = LeaseView(owner=self.owner, host=self._host, epoch=epoch, since_at=self._since_at)

    def _tell(self) -> LeaseView:
        server, view = self._server, self._server.view
        return LeaseView(
            mine=view.owner == self.owner,
            owner=view.owner,
            host=view.host,
            epoch=view.epoch,
            since_at=view.since_at,
            left_us=round((server.ends - server.now()) * SECOND) if view.owner else 0,
            latest=server.latest,
            standbys=sum(until > server.now() for until in server.standbys.values()),
        )


@dataclass
class FakeTenure:
    """The `Tenure` port: `acting` is what it says. As it is made, a router that never loses its pool."""

    owner: str = field(default_factory=lambda: f"{next(_NONCES):016x}")
    epoch: int = 0
    acting: Acting = Acting.YES
    alone: bool = False
    told: Callable[[], None] = lambda: None
    at: float = 1000.0
    proofs: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def may_act(self) -> Acting:
        return self.acting

    def learn(self, acting: Acting) -> None:
        """There is news."""
        self.acting = acting
        self.told()

    def unanswered(self) -> None:
        self.alone = True
        self.told()

    def proved(self, asked_at: float) -> None:
        self.proofs.append(asked_at)
        self.acting, self.alone = Acting.YES, False

    async def raise_above(self, epoch: int) -> int:
        self.epoch = epoch + 1
        return self.epoch
