"""An Asterisk manager in a process of its own: ordinary call events for one user, a flood of RTCP reports for another.

    python -m tests.fakes.telemetry_node --calls-per-s 500 --reports-per-s 4000 --legs 2000

The first line of its output is its port. Whoever logs in as `ringfair-telemetry` hears reports, `everything` hears
both, everybody else calls; each stream begins with its login and ends with its connection. Events have the shape and
size of Asterisk 22.10.1's, with `Filler` lines in place of names and numbers. `Sent` is CLOCK_MONOTONIC in nanoseconds,
which all processes of a machine share, at the moment the event is written; `N` counts the events of a connection.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
SECRET = "correct-horse-battery"
TELEMETRY_USER = "ringfair-telemetry"
EVERYTHING_USER = "everything"
_TICK_S = 0.001
_CHANNEL = (
    "Privilege: {privilege}\r\nTimestamp: 1795306950.701808\r\nSystemName: pbx_1\r\n"
    "Channel: PJSIP/agent-1001-{leg:08x}\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: <unknown>\r\n"
    "CallerIDName: <unknown>\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: de\r\n"
    "AccountCode: \r\nContext: acd-agent\r\nExten: s\r\nPriority: 32\r\nUniqueid: pbx_1-1795306946.{leg}\r\n"
    "Linkedid: pbx_1-1795306946.0\r\n"
)
_CALL = "Event: Newstate\r\n" + _CHANNEL + "Filler: {filler}\r\nN: {n}\r\nSent: {sent}\r\n\r\n"
_REPORT = (
    "Event: {event}\r\n" + _CHANNEL + "To: 127.0.0.1:47277\r\nFrom: 127.0.0.1:27077\r\nRTT: 65535.9993\r\nMES: 88.1\r\n"
    "SSRC: 0x2279c903\r\nPT: 200(SR)\r\nReportCount: 1\r\nSentNTP: 1795306950.715845\r\nSentRTP: 32800\r\n"
    "SentPackets: {packets}\r\nSentOctets: 32000\r\nReport0SourceSSRC: 0xee0597d0\r\nReport0FractionLost: 3\r\n"
    "Report0CumulativeLost: 5\r\nReport0HighestSequence: {sequence}\r\nReport0SequenceNumberCycles: 0\r\n"
    "Report0IAJitter: 40\r\nReport0LSR: 0\r\nReport0DLSR: 0.0000\r\nN: {n}\r\nSent: {sent}\r\n\r\n"
)
_FILLER = "x" * 200


def call_event(n: int, legs: int) -> bytes:
    leg = n % legs
    text = _CALL.format(privilege="call,all", leg=leg, filler=_FILLER, n=n, sent=time.monotonic_ns())
    return text.encode()


def report(n: int, legs: int) -> bytes:
    """The n-th report: each leg in turn, both ways; a leg's sequence number is the round it is in, 1 at first."""
    leg, way, turn = n // 2 % legs, n % 2, n // (2 * legs) + 1
    event = ("RTCPSent", "RTCPReceived")[way]
    text = _REPORT.format(
        event=event,
        privilege="reporting,all",
        leg=leg,
        packets=turn * 50,
        sequence=turn & 0xFFFF,
        n=n,
        sent=time.monotonic_ns(),
    )
    return text.encode()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: argparse.Namespace) -> None:
    streams: list[asyncio.Task[None]] = []
    try:
        writer.write(BANNER)
        while True:
            raw = (await reader.readuntil(b"\r\n\r\n")).decode()
            action = dict(line.split(": ", 1) for line in raw.split("\r\n") if ": " in line)
            ok = action["Action"] != "Login" or action["Secret"] == SECRET
            answer = "Success" if ok else "Error"
            writer.write(f"Response: {answer}\r\nActionID: {action['ActionID']}\r\nPing: Pong\r\n\r\n".encode())
            if not ok or action["Action"] == "Logoff":
                break
            if action["Action"] == "Login":
                user = action["Username"]
                if user != TELEMETRY_USER:
                    streams.append(asyncio.create_task(_pour(writer, call_event, asked.calls_per_s, asked.legs)))
                if user in (TELEMETRY_USER, EVERYTHING_USER):
                    streams.append(asyncio.create_task(_pour(writer, report, asked.reports_per_s, asked.legs)))
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        writer.close()


async def _pour(writer: asyncio.StreamWriter, make: Callable[[int, int], bytes], per_s: float, legs: int) -> None:
    """Write each event when it is due; who is late catches up, so that the rate holds."""
    loop = asyncio.get_running_loop()
    began, n = loop.time(), 0
    while not writer.is_closing():
        due = int((loop.time() - began) * per_s)
        while n < due and not writer.is_closing():
            writer.write(make(n, legs))
            n += 1
        await writer.drain()
        await asyncio.sleep(_TICK_S)


async def _main(asked: argparse.Namespace) -> None:
    server = await asyncio.start_server(lambda r, w: _serve(r, w, asked), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        # Ends with whoever started it: its standard input is a pipe nobody writes to.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@dataclass(frozen=True, slots=True)
class TelemetryNode:
    """A running one."""

    port: int
    process: subprocess.Popen[str]


@contextlib.contextmanager
def telemetry_node(
    *, calls_per_s: float = 500, reports_per_s: float = 4000, legs: int = 2000
) -> Iterator[TelemetryNode]:
    """Run one beside us, and end it."""
    rates = ["--calls-per-s", str(calls_per_s), "--reports-per-s", str(reports_per_s), "--legs", str(legs)]
    command = [sys.executable, "-m", "tests.fakes.telemetry_node", *rates]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield TelemetryNode(int(process.stdout.readline()), process)
        finally:
            process.kill()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--calls-per-s", type=float, default=500)
    options.add_argument("--reports-per-s", type=float, default=4000)
    options.add_argument("--legs", type=int, default=2000)
    asyncio.run(_main(options.parse_args()))
