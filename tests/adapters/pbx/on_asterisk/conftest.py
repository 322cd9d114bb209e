"""A real Asterisk for the tests of this folder, one a session, with two agents: one on UDP, one on TLS with SRTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.passwords import make_password, password_digest
from router.adapters.pbx.root import Root, find_root

NUMBER = "4930555100"


@dataclass(frozen=True, slots=True)
class Telephony:
    """A running instance and the passwords of its agents."""

    pbx: Instance
    passwords: dict[str, str]


@pytest.fixture(scope="session")
def root() -> Root:
    return find_root()


@pytest.fixture(scope="session")
def telephony(root: Root) -> Iterator[Telephony]:
    pbx = Instance(f"test-{os.getpid()}", Ports.free(), root=root)
    passwords = {name: make_password() for name in ("agent-1001", "agent-1002")}
    agents = [
        AgentEndpoint(
            name,
            name,
            digests=(password_digest(name, "ringfair", password),),
            transport="tls" if name == "agent-1002" else "udp",
            auto_answer=True,
        )
        for name, password in passwords.items()
    ]
    try:
        pbx.write_agents(agents)
        pbx.start()
        pbx.rx(f"dialplan set global ACD_DNIS_{NUMBER} shop,answered,de,default,main")
        yield Telephony(pbx, passwords)
    finally:
        pbx.remove()


@pytest.fixture(scope="session")
def pbx(telephony: Telephony) -> Instance:
    return telephony.pbx
