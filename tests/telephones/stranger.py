"""Somebody at the carrier's address who writes SIP by hand: any bytes in any header, valid or not.

SIPp cannot send control characters or broken encodings out of a scenario. This caller answers what it must (ACK to a
final answer, 200 to a BYE), so that Asterisk's side of the call comes to its end.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re

_NUMBERS = itertools.count(1)
_SDP = (
    "v=0\r\no=x 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 39000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


class Stranger(asyncio.DatagramProtocol):
    """One call by hand. `statuses`: the answers to its INVITE, in order."""

    def __init__(self, towards: tuple[str, int], address: str = "127.0.0.2") -> None:
        self._towards = towards
        self._address = address
        self._invite = b""
        self.statuses: list[int] = []

    async def call(
        self, user: bytes, *, sender: bytes = b"<sip:+4915155500001@carrier.invalid>", **headers: bytes
    ) -> None:
        """Send an INVITE for `user`; `sender` is the value of From; headers by name with _ for -."""
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(self._address, 0)
        )
        host, port = self._transport.get_extra_info("sockname")
        call = f"{os.getpid()}-{next(_NUMBERS)}"
        body = _SDP.format(host=host).encode()
        target = b"sip:" + user + b"@%s:%d" % (self._towards[0].encode(), self._towards[1])
        lines = [
            b"INVITE " + target + b" SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call}".encode(),
            b"From: " + sender + f";tag={call}".encode(),
            b"To: <" + target + b">",
            f"Call-ID: {call}".encode(),
            b"CSeq: 1 INVITE",
            f"Contact: <sip:x@{host}:{port}>".encode(),
            b"Max-Forwards: 70",
            *(name.replace("_", "-").encode() + b": " + value for name, value in headers.items()),
            b"Content-Type: application/sdp",
            b"Content-Length: %d" % len(body),
        ]
        self._invite = b"\r\n".join(lines) + b"\r\n\r\n" + body
        self._transport.sendto(self._invite, self._towards)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        head = data.partition(b"\r\n\r\n")[0]
        if found := re.match(rb"SIP/2\.0 (\d{3})", head):
            status = int(found[1])
            if b"INVITE" in _header(head, b"CSeq"):
                self.statuses.append(status)
                if status >= 200:
                    self._acknowledge(head, address)
        elif head.startswith(b"BYE"):
            echoed = b"\r\n".join(
                name + b": " + _header(head, name) for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
            )
            self._transport.sendto(b"SIP/2.0 200 OK\r\n" + echoed + b"\r\nContent-Length: 0\r\n\r\n", address)

    def _acknowledge(self, head: bytes, address: tuple[str, int]) -> None:
        first = self._invite.partition(b"\r\n")[0].replace(b"INVITE", b"ACK", 1)
        lines = [name + b": " + _header(head, name) for name in (b"Via", b"From", b"To", b"Call-ID")]
        ack = b"\r\n".join([first, *lines, b"CSeq: 1 ACK", b"Max-Forwards: 70", b"Content-Length: 0"])
        self._transport.sendto(ack + b"\r\n\r\n", address)

    async def cancel(self) -> None:
        """Give up a call that was not answered; the final answer is acknowledged when it comes."""
        head = self._invite.partition(b"\r\n\r\n")[0]
        first = head.partition(b"\r\n")[0].replace(b"INVITE", b"CANCEL", 1)
        lines = [name + b": " + _header(head, name) for name in (b"Via", b"From", b"To", b"Call-ID")]
        cancel = b"\r\n".join([first, *lines, b"CSeq: 1 CANCEL", b"Max-Forwards: 70", b"Content-Length: 0"])
        self._transport.sendto(cancel + b"\r\n\r\n", self._towards)

    def close(self) -> None:
        self._transport.close()


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.lower():
            return value.strip()
    return b""
