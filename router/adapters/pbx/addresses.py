"""The ports of one instance, all on one address, none of them shared with a system Asterisk beside it."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields

from router.adapters.pbx.errors import PbxError

_RTP_PORTS = 200


@dataclass(frozen=True, slots=True)
class Ports:
    """SIP over UDP, SIP over TLS, AMI over TCP, and the inclusive range for RTP (two ports a leg)."""

    sip: int = 5160
    tls: int = 5161
    ami: int = 5138
    rtp_first: int = 20000
    rtp_last: int = 21999

    def __post_init__(self) -> None:
        for field in fields(self):
            number = getattr(self, field.name)
            if not 1 <= number <= 65535:
                raise PbxError("bad-port", f"{field.name} = {number}: a port is 1-65535")
        if self.rtp_last - self.rtp_first < 3 or self.rtp_first % 2:
            raise PbxError("bad-port", f"RTP range {self.rtp_first}-{self.rtp_last}: begins even, holds two legs")

    @classmethod
    def free(cls, address: str = "127.0.0.1", *, rtp_ports: int = _RTP_PORTS) -> Ports:
        """Ports nobody listens on now. The kernel picks the single ones; the RTP range is probed at both ends.

        Between this and the start somebody else may take one: the start then says so, and the caller tries again.
        """
        with ExitStack() as held:
            sip = _hold(held, socket.SOCK_DGRAM, address, 0)
            tls = _hold(held, socket.SOCK_STREAM, address, 0)
            ami = _hold(held, socket.SOCK_STREAM, address, 0)
            # Below the range the kernel hands out to clients, so that a long run does not meet them.
            picks = random.SystemRandom()
            for _ in range(100):
                first = picks.randrange(10_000, 32_000 - rtp_ports, 2)
                last = first + rtp_ports - 1
                if is_free(socket.SOCK_DGRAM, address, first) and is_free(socket.SOCK_DGRAM, address, last):
                    return cls(sip=sip, tls=tls, ami=ami, rtp_first=first, rtp_last=last)
        raise PbxError("no-port", f"no free range of {rtp_ports} UDP ports on {address}")

    def taken(self, address: str = "127.0.0.1") -> list[str]:
        """The single ports somebody already listens on, as ``name number/protocol``."""
        wanted = (
            ("SIP", self.sip, socket.SOCK_DGRAM, "udp"),
            ("SIP over TLS", self.tls, socket.SOCK_STREAM, "tcp"),
            ("AMI", self.ami, socket.SOCK_STREAM, "tcp"),
        )
        return [
            f"{name} {number}/{protocol}"
            for name, number, kind, protocol in wanted
            if not is_free(kind, address, number)
        ]

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def free_tcp_port(address: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on now."""
    with ExitStack() as held:
        return _hold(held, socket.SOCK_STREAM, address, 0)


def is_free(kind: socket.SocketKind, address: str, port: int) -> bool:
    """Whether ``port`` can be bound. TCP ports that only linger in TIME_WAIT count as free, as servers see them."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _hold(held: ExitStack, kind: socket.SocketKind, address: str, port: int) -> int:
    probe = held.enter_context(socket.socket(socket.AF_INET, kind))
    probe.bind((address, port))
    number: int = probe.getsockname()[1]
    return number
