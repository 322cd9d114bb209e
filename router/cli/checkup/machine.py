"""This machine: look-up of names, open files, its clock, the places of its socket and queue log, the running router."""

import asyncio
import ctypes
import os
import resource
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from router.cli.checkup.finding import Finding, fail, ok, warn
from router.cli.checkup.queue_log import examine_queue_log
from router.cli.control import Control
from router.domain.errors import RouterError

if TYPE_CHECKING:
    from router.config import Site

LOOKUP_S = 6.0
FILES = 4096
_ROOT_SERVER = "A.ROOT-SERVERS.NET"
"Asterisk's SIP stack looks this name up when it finds out its own address."
_TIME_ERROR, _UNSYNCHRONISED = 5, 0x40
"TIME_ERROR and STA_UNSYNC of adjtimex(2)."


async def examine_machine(site: "Site") -> list[Finding]:
    names = await asyncio.gather(*(_look_up(name) for name in (socket.gethostname(), _ROOT_SERVER)))
    log, runs = examine_queue_log(site), await asyncio.to_thread(_router, site)
    return [*names, _open_files(), _clock(), _control_directory(site), *log, runs]


async def _look_up(name: str) -> Finding:
    """In a thread of its own that nobody waits for at the end: a resolver may hang for a minute."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[float] = loop.create_future()

    def tell(took: float) -> None:
        if not done.done():
            done.set_result(took)

    def ask() -> None:
        began = time.monotonic()
        with suppress(OSError):  # a quick "unknown" delays no call; only the time counts
            socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        with suppress(RuntimeError):  # the doctor has left already
            loop.call_soon_threadsafe(tell, time.monotonic() - began)

    threading.Thread(target=ask, daemon=True, name="look-up").start()
    check = f"machine.name-lookup {name}"
    expected = "less than 0.5 s"
    mend = f"Put {name} into /etc/hosts of the machine Asterisk runs on: it waits that long for each call."
    try:
        async with asyncio.timeout(LOOKUP_S):
            took = await done
    except TimeoutError:
        return fail(check, f"no answer within {LOOKUP_S:g} s", expected, mend)
    if took > 2.0:
        return fail(check, f"{took:.1f} s", expected, mend)
    return warn(check, f"{took:.1f} s", expected, mend) if took > 0.5 else ok(check, f"{took * 1000:.0f} ms")


def _open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = "no limit" if soft == resource.RLIM_INFINITY else f"{soft} in this session"
    if soft != resource.RLIM_INFINITY and soft < FILES:
        mend = f"LimitNOFILE={FILES} in the router's systemd unit (the shipped one has it), or ulimit -n {FILES}."
        return warn("machine.open-files", shown, f"{FILES} or more", mend)
    return ok("machine.open-files", shown)


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` (adjtimex(2)) and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def _clock() -> Finding:
    """Ask the kernel whether something keeps its clock; modes 0 changes nothing and needs no rights."""
    mend = "Run chrony or systemd-timesyncd: records of several machines are compared by their clocks."
    expected = "a clock kept by NTP"
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex := _Timex()))
    except (OSError, AttributeError):
        return warn("machine.clock", "the kernel does not tell", expected, mend)
    if state < 0:
        return warn("machine.clock", "the kernel does not tell", expected, mend)
    if state == _TIME_ERROR or timex.status & _UNSYNCHRONISED:
        return warn("machine.clock", "not synchronised", expected, mend)
    return ok("machine.clock", f"synchronised, at most {timex.maxerror / 1000:.0f} ms off")


def _control_directory(site: "Site") -> Finding:
    folder = Path(site.settings.http.control_socket).parent
    check = "machine.control-socket"
    if not folder.is_dir():
        mend = f"mkdir {folder}, owned by the router's user (systemd: RuntimeDirectory=ringfair)."
        return fail(check, f"{folder} is not there", "a directory for the socket", mend)
    if not os.access(folder, os.W_OK | os.X_OK):
        mend = "The router's user must be able to write there; run doctor as that user."
        return warn(check, f"{folder} cannot be written by this user", "a writable directory", mend)
    return ok(check, str(folder))


def _router(site: "Site") -> Finding:
    control = Control(site.settings.http)
    if not control.present:
        return warn("router", "none runs here", "a running router", "Start it when all else is well: ringfair serve")
    try:
        queues = control.items("queues")
    except RouterError as error:
        sentence, _, rest = error.message.partition(". ")
        return fail("router", sentence.rstrip("."), "an answer", rest)
    return ok("router", f"runs, with {len(queues)} queues")
