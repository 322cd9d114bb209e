"""What was on the wire: SIP messages and RTP of a capture on loopback, with the kernel's own microseconds.

A duration between two SIP messages is taken from here, never from a clock of the test: the packet's time is neither
Asterisk's opinion nor the test's.
"""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.telephones.workshop import Process, TelephoneError, Workshop, until

_PCAP_US, _PCAP_NS = 0xA1B2C3D4, 0xA1B23C4D
_LINK_HEADER = {1: 14, 113: 16, 276: 20}
"Bytes before the IP header: Ethernet (lo looks like it), Linux cooked capture v1 and v2 (any)."


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP packet. `at` is µs since the epoch; addresses are "127.0.0.2:5060"."""

    at: int
    source: str
    target: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class SipMessage:
    at: int
    source: str
    target: str
    first_line: str
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str:
        """The first header of that name, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def method(self) -> str:
        """INVITE for the request and for its answers."""
        return self.header("CSeq").partition(" ")[2] or self.first_line.partition(" ")[0]

    @property
    def status(self) -> int:
        """Status of a response, 0 for a request."""
        return int(self.first_line.split(" ")[1]) if self.first_line.startswith("SIP/2.0 ") else 0

    @property
    def is_reinvite(self) -> bool:
        return not self.status and self.method == "INVITE" and ";tag=" in self.header("To")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    at: int
    source: str
    target: str
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def host(address: str) -> str:
    """127.0.0.2 of 127.0.0.2:5060."""
    return address.partition(":")[0]


def read_pcap(path: Path) -> Iterator[Datagram]:
    """UDP packets of a pcap file, oldest first. Other packets are passed over. IPv4 without fragments."""
    data = path.read_bytes()
    if len(data) < 24:
        return
    order = "<" if struct.unpack_from("<I", data)[0] in (_PCAP_US, _PCAP_NS) else ">"
    magic, *_, link = struct.unpack_from(order + "IHHiIII", data)
    if magic not in (_PCAP_US, _PCAP_NS):
        raise TelephoneError(f"{path} is no pcap file")
    divisor = 1000 if magic == _PCAP_NS else 1
    position = 24
    while position + 16 <= len(data):
        seconds, fraction, kept, _ = struct.unpack_from(order + "IIII", data, position)
        frame = data[position + 16 : position + 16 + kept]
        position += 16 + kept
        packet = frame[_LINK_HEADER[link] :]
        if len(frame) < kept or len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != 17:
            continue
        head = (packet[0] & 15) * 4
        source_port, target_port, length = struct.unpack_from(">HHH", packet, head)
        source, target = (".".join(map(str, packet[at : at + 4])) for at in (12, 16))
        yield Datagram(
            seconds * 1_000_000 + fraction // divisor,
            f"{source}:{source_port}",
            f"{target}:{target_port}",
            packet[head + 8 : head + length],
        )


def as_sip(datagram: Datagram) -> SipMessage | None:
    """The SIP message in a datagram, or None if it is something else."""
    if not datagram.payload[:1].isalpha() or b" " not in datagram.payload[:600]:
        return None
    head, _, body = datagram.payload.decode("utf-8", "replace").partition("\r\n\r\n")
    first_line, *lines = head.split("\r\n")
    if "SIP/2.0" not in first_line:
        return None
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
    return SipMessage(datagram.at, datagram.source, datagram.target, first_line, headers, body)


def as_rtp(datagram: Datagram) -> RtpPacket | None:
    """The RTP packet (RFC 3550, version 2, no CSRC needed here) in a datagram, or None; RTCP is None."""
    data = datagram.payload
    if len(data) < 12 or data[0] >> 6 != 2 or 200 <= data[1] <= 207:
        return None
    sequence, timestamp, ssrc = struct.unpack_from(">HII", data, 2)
    return RtpPacket(
        datagram.at,
        datagram.source,
        datagram.target,
        data[1] & 0x7F,
        sequence,
        timestamp,
        ssrc,
        data[12 + 4 * (data[0] & 15) :],
    )


def loudness(packet: RtpPacket) -> float:
    """Mean amplitude of an A-law payload on the 16-bit scale (ITU-T G.711), 0 for digital silence."""
    return sum(_ALAW[byte] for byte in packet.payload) / len(packet.payload) if packet.payload else 0.0


def _alaw_amplitude(code: int) -> int:
    code ^= 0x55
    segment, mantissa = (code >> 4) & 7, code & 15
    return (mantissa << 4) + 8 if segment == 0 else ((mantissa << 4) + 0x108) << (segment - 1)


_ALAW = tuple(_alaw_amplitude(code) for code in range(256))


class Packets:
    """A running capture on loopback. `stop()` first, then read."""

    def __init__(self, workshop: Workshop, expression: str = "udp") -> None:
        self._workshop = workshop
        self._expression = expression
        self._place = workshop.place("packets")
        self._process: Process | None = None
        self.file = self._place.path / "wire.pcap"

    async def start(self) -> Packets:
        # -U: each packet is in the file at once; -Z: keep the rights that let us write into our own directory
        command = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-n", "-s", "0", "-B", "16384", "-w", "wire.pcap"]
        self._process = await self._workshop.start(
            [*command, *(["-Z", "root"] if os.geteuid() == 0 else []), self._expression], self._place, raw_sockets=True
        )
        await until("tcpdump to listen", self._listens)
        return self

    def _listens(self) -> bool:
        if self._process and not self._process.is_running:
            raise TelephoneError(f"tcpdump ended: {self._process.last_words()}")
        return self.file.exists() and self.file.stat().st_size >= 24

    async def stop(self) -> None:
        if self._process:
            await self._process.stop(by=signal.SIGINT)

    def datagrams(self) -> list[Datagram]:
        return list(read_pcap(self.file))

    def sip(self, at: str = "") -> list[SipMessage]:
        """SIP messages, of those that left from or went to the address `at` ("127.0.0.2")."""
        messages = (message for each in self.datagrams() if (message := as_sip(each)))
        return [m for m in messages if not at or at in (host(m.source), host(m.target))]

    def rtp(self, to: str = "") -> list[RtpPacket]:
        """RTP packets that went to the address `to`."""
        packets = (packet for each in self.datagrams() if (packet := as_rtp(each)))
        return [p for p in packets if not to or host(p.target) == to]
