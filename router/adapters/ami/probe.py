"""What an Asterisk is like, asked with the rights the router has and no more: for `ringfair doctor`.

Nothing is judged here and nothing is changed there; the only trace is one `UserEvent(AcdProbe)`, which nobody obeys.
Every answer has a deadline. The rights are in two places: what may be *done* is what `ListCommands` shows to us, what
is *heard* is read from manager.conf (`AST_CONFIG`), because AMI has no question for it.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from router.adapters.ami.limits import Limits
from router.adapters.ami.parse import micros
from router.adapters.ami.session import AmiAddress, Headers, Session
from router.adapters.ami.wire import Block, Reply
from router.domain.errors import RemoteError, RouterError
from router.domain.ids import Micros

ANSWER_S = 5.0
ECHO_S = 2.0
AT_ONCE = 100
_WANTED = frozenset({"UserEvent", "FullyBooted"})
_NOT_ACTIONS = frozenset({"response", "actionid", "message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """An endpoint as Asterisk knows it. `context` is empty when there is no such endpoint."""

    context: str
    device_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """What was found. Empty text means that Asterisk has no such thing, or does not tell us."""

    version: str
    systemname: str
    actions: frozenset[str]
    "Names of the actions we may send, in small letters; empty when that cannot be asked."
    read: str
    write: str
    "Classes of our section in manager.conf, as they stand there."
    contexts: Mapping[str, bool]
    modules: Mapping[str, bool]
    settings: Mapping[tuple[str, str, str], str]
    "(file, section, key) → value."
    phones: Mapping[str, Phone] = field(repr=False)
    clock_ahead_us: Micros | None
    "Asterisk's clock minus ours, half the way there taken off; None when it does not tell."
    round_trip_us: Micros
    heard_boot: bool
    "FullyBooted came: class `system` is read and passes the filters."
    heard_echo: bool
    "Our own UserEvent came back: class `user` is read and passes the filters."
    events_timed: bool
    "Events carry Asterisk's own time."


async def probe(
    address: AmiAddress,
    *,
    contexts: Sequence[str],
    modules: Sequence[str],
    settings: Sequence[tuple[str, str, str]],
    endpoints: Sequence[str],
) -> Anatomy:
    """Log in, ask everything, log off. Raises `RemoteError` saying why there is no session, or that one broke."""
    visit = _Visit(address)
    running = asyncio.ensure_future(visit.session.run())
    try:
        await visit.arrived()
        return await _ask_all(visit, address.username, contexts, modules, settings, endpoints)
    finally:
        await visit.session.close()
        await asyncio.wait({running})


async def knock(address: AmiAddress) -> frozenset[str]:
    """Log in and off again: the names of the actions this user may send, in small letters. Raises as `probe` does."""
    visit = _Visit(address)
    running = asyncio.ensure_future(visit.session.run())
    try:
        await visit.arrived()
        commands = await visit.ask({"Action": "ListCommands"})
        return frozenset(name for name, _ in commands.block.items() if name not in _NOT_ACTIONS)
    finally:
        await visit.session.close()
        await asyncio.wait({running})


async def read_settings(address: AmiAddress, places: Sequence[tuple[str, str, str]]) -> list[str]:
    """(file, section, key) → value as Asterisk has it, empty when it has none. Raises as `probe` does."""
    visit = _Visit(address)
    running = asyncio.ensure_future(visit.session.run())
    try:
        await visit.arrived()
        return await visit.values(f"AST_CONFIG({','.join(place)})" for place in places)
    finally:
        await visit.session.close()
        await asyncio.wait({running})


class _Visit:
    """One session that is not tried twice: the first reason it fails for is the answer."""

    def __init__(self, address: AmiAddress) -> None:
        self._address = address
        self._door: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        "Empty once we are in, else why not."
        self.booted = asyncio.Event()
        self.echoed = asyncio.Event()
        self.timed = False
        self.nonce = secrets.token_hex(8)
        self.session = Session(
            address,
            wanted=_WANTED,
            on_event=self._on_event,
            on_up=lambda: self._decide(""),
            on_down=self._decide,
            limits=Limits(max_backoff_s=60.0, first_backoff_s=60.0),
        )

    def _decide(self, reason: str) -> None:
        if not self._door.done():
            self._door.set_result(reason)

    def _on_event(self, block: Block) -> None:
        if block.event == "FullyBooted":
            self.booted.set()
        elif block.get("userevent") == "AcdProbe" and block.get("nonce") == self.nonce:
            self.timed = micros(block.get("timestamp")) is not None
            self.echoed.set()

    async def arrived(self) -> None:
        reason = await self._door
        if reason:
            raise _no_session(reason, self._address)

    async def ask(self, action: Headers) -> Reply:
        return await self.session.send(action, ANSWER_S)

    async def values(self, names: Iterable[str]) -> list[str]:
        """`Getvar` of each; an expression Asterisk does not have gives an empty text."""
        wanted, found = list(names), list[str]()
        for start in range(0, len(wanted), AT_ONCE):
            asked = [self.ask({"Action": "Getvar", "Variable": name}) for name in wanted[start : start + AT_ONCE]]
            for reply in await asyncio.gather(*asked):
                value = reply.block.get("value") if reply.ok else ""
                found.append("" if value == "(null)" else value)
        return found


async def _ask_all(
    visit: _Visit,
    user: str,
    contexts: Sequence[str],
    modules: Sequence[str],
    settings: Sequence[tuple[str, str, str]],
    endpoints: Sequence[str],
) -> Anatomy:
    core = await visit.ask({"Action": "CoreSettings"})
    commands = await visit.ask({"Action": "ListCommands"})
    began, wall = time.monotonic_ns(), time.time_ns() // 1000
    pong = await visit.ask({"Action": "Ping"})
    round_trip = (time.monotonic_ns() - began) // 1000
    theirs = micros(pong.block.get("timestamp"))
    echo = await visit.ask({"Action": "UserEvent", "UserEvent": "AcdProbe", "V": "1", "Nonce": visit.nonce})
    version, systemname, read, write = await visit.values(
        (
            "VERSION(ASTERISK_VERSION_NUM)",
            "SYSTEMNAME",
            f"AST_CONFIG(manager.conf,{user},read)",
            f"AST_CONFIG(manager.conf,{user},write)",
        )
    )
    there = await visit.values(f"DIALPLAN_EXISTS({context})" for context in contexts)
    loaded = await visit.values(f"IFMODULE({module})" for module in modules)
    stands = await visit.values(f"AST_CONFIG({','.join(place)})" for place in settings)
    homes = await visit.values(f"PJSIP_ENDPOINT({endpoint},context)" for endpoint in endpoints)
    states = await visit.values(f"DEVICE_STATE(PJSIP/{endpoint})" for endpoint in endpoints)
    await _a_moment(visit.booted)
    if echo.ok:
        await _a_moment(visit.echoed)
    return Anatomy(
        version=core.block.get("asteriskversion") if core.ok else version,
        systemname=systemname,
        actions=frozenset(name for name, _ in commands.block.items() if name not in _NOT_ACTIONS)
        if commands.ok
        else frozenset(),
        read=read,
        write=write,
        contexts={context: value == "1" for context, value in zip(contexts, there, strict=True)},
        modules={module: value == "1" for module, value in zip(modules, loaded, strict=True)},
        settings=dict(zip(settings, stands, strict=True)),
        phones={
            endpoint: Phone(context=home, device_state=state)
            for endpoint, home, state in zip(endpoints, homes, states, strict=True)
        },
        clock_ahead_us=None if theirs is None else theirs - wall - round_trip // 2,
        round_trip_us=round_trip,
        heard_boot=visit.booted.is_set(),
        heard_echo=visit.echoed.is_set(),
        events_timed=visit.timed,
    )


async def _a_moment(event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(ECHO_S):
            await event.wait()


def _no_session(reason: str, address: AmiAddress) -> RouterError:
    """Why there is no session, and what to do."""
    where = f"{address.host}:{address.port}"
    kind, _, said = reason.partition(": ")
    if kind == "refused":
        return RemoteError(
            "ami-refused",
            f"Asterisk at {where} refuses the AMI user {address.username!r} ({said}). Put the secret of its section "
            "in manager.conf into asterisk.secret_file, and let `permit` there include this machine.",
        )
    if kind == "unreachable":
        why = {"ConnectionRefusedError": "connection refused", "TimeoutError": "no answer"}.get(said, said)
        return RemoteError(
            "ami-unreachable",
            f"No Asterisk answers at {where} ({why}). Start it, or correct asterisk.host and asterisk.port; "
            "`enabled = yes` and `port` stand in its manager.conf.",
            retryable=True,
        )
    if kind == "no-asterisk":
        return RemoteError(
            "ami-foreign", f"What answers at {where} is no Asterisk manager. Correct asterisk.port in ringfair.toml."
        )
    return RemoteError(
        "ami-silent",
        f"What listens at {where} did not let us in ({reason}): it hangs, is overloaded, or has too many AMI sessions.",
        retryable=True,
    )
