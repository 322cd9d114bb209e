"""The AMI session with Asterisk: connect, log in, stay alive, come back.

1.  What is lost is lost: when a connection ends its actions fail at once and none is ever written again.
2.  Nothing hangs: every action has a deadline, a silent peer is found by Ping, a refused login is a state
    with a name.
3.  The consumer cannot hurt the session: its exceptions are counted and reported, never passed to the
    transport.
4.  No value goes into a log line or an exception: not the secret, not a caller's name or number.
"""

import asyncio
import inspect
import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from router.adapters.ami.intake import Intake
from router.adapters.ami.limits import Counters, Limits
from router.adapters.ami.link import Dialler, Link, new_action_id
from router.adapters.ami.pending import Lost
from router.adapters.ami.wire import BadValue, Block, Reply, encode
from router.domain.errors import InvariantBroken, Overloaded, RemoteError

log = logging.getLogger(__name__)

Headers = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class AmiAddress:
    """Where a manager listens and who we are there. `tls` is a ready context (AMI over TLS, 5039) or None."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = None


class Session:
    """A session for the whole life of the router, over as many connections as it takes.

    `on_event(block)`   every wanted event, in Asterisk's order, called from the parser: it must be quick and
                        synchronous.
    `on_up()`           after each login, before the first event of that connection: resync from here.
    `on_down(reason)`   after each connection or attempt that ended: `lost`, `half-open`, `silent`, `backlog`,
                        `no-asterisk`, `closed`, `unreachable: ` and a type of error, `refused: ` and
                        Asterisk's sentence.
    `on_fault(error)`   what one of the three raised; default: one log line with the error's type.
    `intake`            makes the intake of each connection; telemetry has one of its own.
    """

    def __init__(
        self,
        address: AmiAddress,
        *,
        wanted: frozenset[str],
        on_event: Callable[[Block], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        on_fault: Callable[[Exception], None] | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        intake: Callable[..., Intake] = Intake,
    ) -> None:
        for callback in (on_event, on_up, on_down):
            if inspect.iscoroutinefunction(callback):
                raise TypeError("callbacks of an AMI session are plain functions: tasks would lose the order of events")
        self.limits = limits or Limits()
        self.counters = Counters()
        self.refused: str | None = None
        "Asterisk's sentence when it refused the latest login; None once a login succeeded."
        self._address = address
        self._wanted = wanted
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._on_fault = on_fault
        self._clock = clock
        self._rng = rng or random.Random()
        self._intake = intake
        self._login = {
            "Username": address.username,
            "Secret": address.secret,
            "Action": "Login",
            "Events": "on",
        }
        encode(self._login, "check")  # a secret with a line break is a fault of the configuration: say so now
        self._link: Link | None = None
        self._visit: asyncio.Task[str] | None = None
        self._stop = asyncio.Event()
        self._ended: asyncio.Event | None = None
        self._last_event_at: float | None = None

    @property
    def connected(self) -> bool:
        "Logged in, and the connection has not ended."
        return self._link is not None and self._link.up

    @property
    def last_event_at(self) -> float | None:
        "`clock()` of the last block that came, an event, wanted or not, or a reply; None before the first."
        return (self._link.intake.last_event_at if self._link else None) or self._last_event_at

    @property
    def read_at(self) -> float:
        "`clock()` when the bytes of the event came that is being handled; for `on_event`."
        return self._link.intake.read_at if self._link else 0.0

    @property
    def behind(self) -> bool:
        "Whether bytes that came still wait to be parsed."
        return self._link is not None and self._link.intake.behind()

    @property
    def in_flight(self) -> int:
        "Actions without an answer."
        return len(self._link.intake.pending) if self._link else 0

    @property
    def version(self) -> str:
        "AMI version of the peer; empty while not connected."
        return self._link.intake.version if self._link else ""

    def send(self, action: Headers, deadline_s: float, *, hurry: bool = True) -> asyncio.Future[Reply]:
        """Write an action now (`hurry`; else a moment later) and promise its Reply within `deadline_s`.

        Raises BadValue (never to be written), Lost (no session) or Overloaded (too many in flight, or the
        peer does not read) before anything is written. The future ends with a Reply (`reply.ok` says what
        Asterisk thinks of it) or RemoteError `ami-timeout` / `ami-lost`, after which nobody knows whether the
        action was carried out. An `ActionID` of the caller's own is kept, so that later events can name it
        (OriginateResponse).
        """
        action_id = action.get("ActionID") or new_action_id()
        if not isinstance(action_id, str):
            raise BadValue("ami-bad-value", "ActionID is one text", header="ActionID")
        data = encode(action, action_id)
        link = self._link
        if link is None or not link.up:
            raise Lost(written=False)
        pending = link.intake.pending
        if action_id in pending:
            raise BadValue("ami-twin-action", "an action with this ActionID is in flight", header="ActionID")
        if len(pending) >= self.limits.in_flight or link.choked:
            self.counters.overflows += 1
            raise Overloaded(
                "ami-overloaded",
                "too many actions wait for Asterisk",
                limit=self.limits.in_flight,
                queue="ami-actions",
            )
        return link.ask(str(action["Action"]), action_id, data, deadline_s, hurry=hurry)

    async def run(self) -> None:
        """Be connected until closed or cancelled. One call at a time; returns after close()."""
        if self._ended is not None:
            raise InvariantBroken("ami-session-twice", "a session runs once at a time")
        self._ended = asyncio.Event()
        failures = 0
        try:
            while not self._stop.is_set():
                logins, began = self.counters.logins, self._clock()
                reason = await self._visit_once()
                self._report(reason)
                was_up = self.counters.logins > logins
                self.counters.lost += was_up and reason != "closed"
                if was_up and reason != "backlog":
                    stable = self._clock() - began >= self.limits.stable_s
                    failures = 0 if stable else min(failures, self.limits.flapping_failures)
                await self._wait(self._backoff(failures, reason))
                failures += 1
        finally:
            self._ended.set()
            self._ended = None

    async def close(self) -> None:
        """Log off, fail what is in flight, end run(). Harmless when repeated."""
        ended = self._ended
        if self._visit is not None and not self._stop.is_set():
            self._visit.cancel()
        self._stop.set()
        if ended is not None:
            await ended.wait()

    def _backoff(self, failures: int, reason: str) -> float:
        """Seconds until the next attempt: exponential, with jitter so that no two routers keep step."""
        limits = self.limits
        delay = min(limits.max_backoff_s, limits.first_backoff_s * 2.0 ** min(failures, 30))
        delay *= self._rng.uniform(0.5, 1.0)
        if reason.startswith("refused"):
            delay = max(delay, limits.refused_backoff_s * self._rng.uniform(1.0, 1.25))
        return delay

    async def _wait(self, delay: float) -> None:
        try:
            async with asyncio.timeout(delay):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _visit_once(self) -> str:
        """One connection from dialling to its end; returns why it ended."""
        self.counters.attempts += 1
        self._visit = asyncio.get_running_loop().create_task(self._attend())
        try:
            return await self._visit
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._stop.is_set() or (task is not None and task.cancelling()):
                self._report("closed")
                raise
            return "closed"
        finally:
            self._visit = None

    async def _attend(self) -> str:
        loop, address = asyncio.get_running_loop(), self._address
        intake = self._intake(
            loop,
            wanted=self._wanted,
            on_event=self._on_event,
            on_fault=self._fault,
            limits=self.limits,
            counters=self.counters,
            clock=self._clock,
        )
        link = self._link = Link(loop, intake, self.counters)
        try:
            try:
                async with asyncio.timeout(self.limits.connect_s):
                    await Dialler(link, loop, address.host, address.port, address.tls).dial()
            except Exception as error:  # noqa: BLE001 - whatever stops it, it is tried again
                return f"unreachable: {type(error).__name__}"
            return await self._log_in(link) or await self._keep_alive(link)
        finally:
            self._last_event_at = self.last_event_at
            self._link = None
            await link.hang_up()

    async def _log_in(self, link: Link) -> str:
        """Log in; empty when we are in, else why not. The secret goes to none but an Asterisk's greeting."""
        try:
            async with asyncio.timeout(self.limits.login_s):
                await link.greeted
        except TimeoutError:
            return "silent"
        if link.gone.done():
            return link.gone.result()

        def entered(reply: Reply) -> None:
            # In the parser, so that the first event behind the answer finds an open door, after on_up.
            if reply.ok and not link.gone.done():
                self.refused = None
                self.counters.logins += 1
                link.up = link.intake.open = True
                self._guarded(self._on_up)

        action_id = new_action_id()
        try:
            reply = await link.ask("Login", action_id, encode(self._login, action_id), self.limits.login_s, entered)
        except RemoteError as error:
            return link.gone.result() if link.gone.done() else ("lost" if isinstance(error, Lost) else "silent")
        if reply.ok:
            log.info("AMI session up, protocol %s", link.intake.version)
            return ""
        self.counters.refused += 1
        self.refused = _printable(reply.message) or "no reason given"
        return f"refused: {self.refused}"

    async def _keep_alive(self, link: Link) -> str:
        """Ping until the connection ends. An open socket proves nothing: the peer's power may be off."""
        while True:
            await asyncio.wait({link.gone}, timeout=self.limits.ping_every_s)
            if link.gone.done():
                return link.gone.result()
            action_id = new_action_id()
            try:
                await link.ask("Ping", action_id, encode({"Action": "Ping"}, action_id), self.limits.ping_deadline_s)
            except Lost:
                continue
            except RemoteError:
                if link.intake.behind():
                    continue  # the Pong may be among what is not parsed yet: we are slow, the peer is there
                self.counters.pings_lost += 1
                link.abort()
                return "half-open"

    def _report(self, reason: str) -> None:
        if reason.startswith("refused"):
            log.error("AMI login refused; the next attempt comes in %.0f s or later", self.limits.refused_backoff_s)
        elif reason != "closed":
            log.warning("AMI session down: %s", reason)
        self._guarded(self._on_down, reason)

    def _guarded(self, callback: Callable[..., None], *args: object) -> None:
        try:
            callback(*args)
        except Exception as error:  # noqa: BLE001 - rule 3
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        self.counters.handler_errors += 1
        if self._on_fault is not None:
            try:
                self._on_fault(error)
            except Exception as worse:  # noqa: BLE001 - rule 3
                error = worse
            else:
                return
        # Only the type: the message of an error often quotes the value that caused it.
        log.error("a handler of AMI events raised %s", type(error).__name__)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()[:200]
