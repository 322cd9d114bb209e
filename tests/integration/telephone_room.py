"""What a story about the dialplan needs: a carrier, agents' phones, and a hand on the AMI in the router's place."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from types import TracebackType
from typing import Literal

from router.adapters.ami import ring_card
from router.adapters.pbx.addresses import Ports
from router.adapters.pbx.endpoints import AgentEndpoint
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.passwords import password_digest
from router.adapters.pbx.root import Root
from tests.telephones.carrier import Carrier
from tests.telephones.manager import Manager, Message
from tests.telephones.packets import Packets
from tests.telephones.sipp_agent import SippAgent
from tests.telephones.softphone import Softphone
from tests.telephones.workshop import TelephoneError, Workshop, free_port, until

AGENTS = {
    f"agent-{2001 + n}": (address, free_port(address))
    for n, address in enumerate(f"127.0.0.{20 + m}" for m in range(8))
}
"Agents with a fixed contact, for SIPp: endpoint to address and port. agent-2008's phone is never there."
SOFTPHONES: dict[str, Literal["udp", "tls"]] = {"agent-1001": "udp", "agent-1002": "tls", "agent-1003": "udp"}
"Agents that register with PASSWORD, for softphones."
PASSWORD = "demo-password-of-the-tests"
_POOLS = itertools.count(1)
_NUMBERS = itertools.count(30_555_1000)


def make_pbx(name: str, root: Root) -> Instance:
    """A rendered instance with AGENTS and SOFTPHONES, not yet started."""
    pbx = Instance(name, Ports.free(rtp_ports=2000), root=root, qualify_s=0, rtp_timeout_s=60)
    pbx.render()
    pbx.write_agents(
        [
            AgentEndpoint(agent_id=name, endpoint=name, contact=f"sip:{name}@{address}:{port}")
            for name, (address, port) in AGENTS.items()
        ]
        + [
            AgentEndpoint(
                agent_id=name,
                endpoint=name,
                digests=(password_digest(name, "ringfair", PASSWORD),),
                transport=transport,
            )
            for name, transport in SOFTPHONES.items()
        ]
    )
    return pbx


class TelephoneRoom:
    """Everything of one test; numbers and pools are its own, so that tests do not meet in Asterisk's globals."""

    def __init__(self, pbx: Instance) -> None:
        self.pbx = pbx
        self.workshop = Workshop(pbx.root)
        self.carrier = Carrier(self.workshop, (pbx.address, pbx.ports.sip))
        self.pool = f"pool{next(_POOLS)}"
        self.epoch = 7
        self.dnis = ""
        self.spare_number = f"49{next(_NUMBERS)}"
        self.beats = 0
        self._logged_before = 0
        self._phones: dict[str, SippAgent] = {}
        self._softphones: list[Softphone] = []
        self._packets: list[Packets] = []
        self._stack = contextlib.AsyncExitStack()
        self._heart: asyncio.Task[None] | None = None

    async def __aenter__(self) -> TelephoneRoom:
        self.ami = await self._stack.enter_async_context(
            Manager(self.pbx.address, self.pbx.ports.ami, "ringfair", self.pbx.ami_secret)
        )
        await self.ami.event("FullyBooted")
        self._logged_before = self.pbx.log_file.stat().st_size
        await self.set_global(f"ACD_EPOCH_{self.pool}", str(self.epoch))
        await self.set_global("ACD_ROUTED", "1")
        await self.beat()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop_heart()
            # while the phones still answer: a BYE to a dead phone is repeated for 32 s
            await self.pbx_is_quiet()
        finally:
            for phone in self._phones.values():
                await phone.close()
            for softphone in self._softphones:
                await softphone.close()
            await self.carrier.close()
            for packets in self._packets:
                await packets.stop()
            await self._stack.aclose()
            self.workshop.close()

    def logged(self) -> list[str]:
        """What Asterisk has written into its log since this test began."""
        with self.pbx.log_file.open("rb") as log:
            log.seek(self._logged_before)
            return log.read().decode(errors="replace").splitlines()

    # -- the router's place ----------------------------------------------------------------------------------------

    async def set_global(self, name: str, value: str) -> None:
        answer = await self.ami.send("Setvar", {"Variable": name, "Value": value})
        assert answer["Response"] == "Success", answer

    async def get_global(self, name: str) -> str:
        return (await self.ami.send("Getvar", {"Variable": name})).get("Value", "")

    async def campaign(self, *, greeting: str = "answered", music: str = "default", language: str = "de") -> str:
        """A dialled number of this test's own (digits), known to the dialplan."""
        self.dnis = f"49{next(_NUMBERS)}"
        await self.set_global(f"ACD_DNIS_{self.dnis}", f"shop,{greeting},{language},{music},{self.pool}")
        return self.dnis

    async def beat(self) -> None:
        """Keep the heartbeat moving until `stop_heart()`."""

        async def beating() -> None:
            while True:
                self.beats += 1
                await self.set_global(f"ACD_HB_{self.pool}", str(self.beats))
                await asyncio.sleep(1)

        self._heart = asyncio.create_task(beating())

    async def heartbeats(self, count: int) -> None:
        """Wait until the heart has beaten `count` more times: as many turns of the waiting room's loop."""
        until_beat = self.beats + count
        await until(f"{count} heartbeats", lambda: self.beats >= until_beat, count + 5)

    async def silence_s(self, seconds: float) -> None:
        """Nothing happens for so long, on purpose: the time itself is what the story is about."""
        await asyncio.sleep(seconds)

    async def stop_heart(self) -> None:
        if self._heart:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)
            self._heart = None

    async def offer(self, arrived: Message, agent: str, attempt: int = 1, **more: str) -> Message:
        """Originate an agent's leg for the caller of an AcdArrived, as the router does. Gives AMI's response."""
        contact = arrived["Contact"]
        headers = {
            "Channel": f"PJSIP/{agent}",
            "Context": "acd-agent",
            "Exten": ring_card.ENTRANCE,
            "Priority": "1",
            "Async": "true",
            "ChannelId": f"{contact}.{attempt}",
            "CallerID": '"Shop" <+4930555100>',
            "Timeout": more.pop("timeout_ms", "20000"),
        }
        card = dict.fromkeys(ring_card.FIELDS, "") | {
            "ACD_CONTACT": contact,
            "ACD_OFFER": f"{contact}.{attempt}",
            "ACD_AGENT": agent,
            "ACD_QUEUE": "orders",
            "ACD_CAMPAIGN": "shop",
            "ACD_CALLER": arrived["Uniqueid"],
            "ACD_POOL": self.pool,
            "ACD_EPOCH": str(self.epoch),
        }
        ring = ring_card.BETWEEN.join((card | more).values())
        return await self.ami.send("Originate", headers, variables={ring_card.VARIABLE: ring})

    async def variable(self, channel: str, name: str) -> str:
        answer = await self.ami.send("Getvar", {"Channel": channel, "Variable": name})
        return answer.get("Value", "")

    async def set_variable(self, channel: str, name: str, value: str) -> None:
        answer = await self.ami.send("Setvar", {"Channel": channel, "Variable": name, "Value": value})
        assert answer["Response"] == "Success", answer

    async def until_variable(self, channel: str, name: str, value: str, within_s: float = 10) -> None:
        async def is_so() -> bool:
            return await self.variable(channel, name) == value

        await until(f"{name} to be {value}", is_so, within_s)

    async def redirect(self, channel: str, context: str, exten: str = "s") -> None:
        where = {"Context": context, "Exten": exten, "Priority": "1"}
        answer = await self.ami.send("Redirect", {"Channel": channel, **where})
        assert answer["Response"] == "Success", answer

    async def presses(self, channel: str, key: str) -> None:
        """A key as if it had come from that channel's other end, answered or not."""
        self.pbx.rx("module load app_senddtmf.so")  # only for this: no site of ours has it
        answer = await self.ami.send("PlayDTMF", {"Channel": channel, "Digit": key, "Receive": "true"})
        assert answer["Response"] == "Success", answer

    async def pbx_is_quiet(self) -> None:
        """Hang everybody up and wait until no channel is left, so that the next test starts in an empty room."""

        def is_quiet() -> bool:
            if self._channels():
                self.pbx.rx("channel request hangup all")  # again for calls that came in meanwhile
            return not self._channels()

        try:
            await until("no channel", is_quiet, 10)
        except TelephoneError:
            raise TelephoneError(f"channels that do not end: {self._channels()}") from None

    def _channels(self) -> list[str]:
        """Channel, where it is in the dialplan, its state and application, of every leg."""
        lines = self.pbx.rx("core show channels concise").splitlines()
        return ["!".join(line.split("!")[:6]) for line in lines if "!" in line]

    # -- telephones ------------------------------------------------------------------------------------------------

    def phone(self, agent: str) -> SippAgent:
        if agent not in self._phones:
            self._phones[agent] = SippAgent(self.workshop, *AGENTS[agent])
        return self._phones[agent]

    async def softphone(
        self, agent: str, answers: Literal["auto", "manual"] = "manual", *, encrypts: bool = True
    ) -> Softphone:
        """A registered softphone."""
        transport = SOFTPHONES[agent]
        port = self.pbx.ports.tls if transport == "tls" else self.pbx.ports.sip
        phone = Softphone(
            self.workshop,
            agent,
            PASSWORD,
            (self.pbx.address, port),
            transport=transport,
            answers=answers,
            encrypts=encrypts,
        )
        self._softphones.append(phone)
        return await phone.start()

    async def packets(self) -> Packets:
        """Everything our Asterisk sends and hears by UDP from now on; other tests share the loopback."""
        ports = self.pbx.ports
        expression = f"udp and (port {ports.sip} or portrange {ports.rtp_first}-{ports.rtp_last})"
        packets = await Packets(self.workshop, expression).start()
        self._packets.append(packets)
        return packets
