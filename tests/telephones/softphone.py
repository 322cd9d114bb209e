"""A real softphone without a screen (baresip): it registers with a password, over UDP or over TLS with SRTP.

Remote control is baresip's ctrl_tcp: netstrings of JSON, commands answered by token, events unasked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import signal
import socket
import struct
import wave
from pathlib import Path
from typing import Any, Literal

from tests.telephones.workshop import Process, TelephoneError, Workshop, free_port, until

# What the agent hears goes nowhere (a recording of the wire tells it better): the file player of baresip 1.1 crashes
# when a call is held and taken back.
_CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
sip_trans_def {transport}
sip_verify_server no
call_local_timeout 3600
call_max_calls 4
audio_player aubridge,nobody-listens
audio_source aufile,{folder}/speech.wav
audio_alert aubridge,nobody-listens
ausrc_srate 8000
auplay_srate 8000
audio_level no
rtp_ports {rtp_first}-{rtp_last}
rtcp_mux no
rtp_stats no
net_interface {address}
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""

Event = dict[str, Any]


class Softphone:
    """One agent's phone. `answers`: "auto" picks up at once, "manual" waits for `answer()`.

    `encrypts=False` leaves SRTP out on TLS: a phone that is set up wrongly.
    """

    def __init__(
        self,
        workshop: Workshop,
        name: str,
        password: str,
        towards: tuple[str, int],
        *,
        address: str = "127.0.0.3",
        transport: Literal["udp", "tls"] = "udp",
        answers: Literal["auto", "manual"] = "manual",
        encrypts: bool = True,
    ) -> None:
        self.name = name
        self._workshop = workshop
        self._towards = towards
        self._address = address
        self._transport = transport
        self._place = workshop.place("softphone")
        port = free_port(address)
        rtp_first = 40000 + (port % 500) * 20
        self._control = free_port("127.0.0.1", socket.SOCK_STREAM)
        self._write(
            "config",
            _CONFIG.format(
                address=address,
                port=port,
                transport=transport,
                folder=self._place.inside,
                rtp_first=rtp_first,
                rtp_last=rtp_first + 18,
                control=self._control,
            ),
        )
        security = ";mediaenc=srtp-mand" if transport == "tls" and encrypts else ""
        self._write(
            "accounts",
            f"<sip:{name}@{towards[0]}:{towards[1]};transport={transport}>;auth_user={name};auth_pass={password}"
            f";answermode={answers};audio_codecs=pcma;regint=60{security}\n",
        )
        self._write("contacts", "")
        write_tone(self._place.path / "speech.wav", 440)
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[Event]] = {}
        self.events: list[Event] = []

    def _write(self, name: str, text: str) -> None:
        (self._place.path / name).write_text(text, encoding="utf-8")

    async def start(self) -> Softphone:
        """Start it and wait until it has registered. Raises: TelephoneError with its last words."""
        self._workshop.root.give_to_owner(self._place.path)
        self._process = await self._workshop.start(["baresip", "-f", self._place.inside], self._place)
        await until(f"{self.name}'s control port", self._connect)
        # the event of the registration may be over before anybody listens; baresip also says so
        await until(f"{self.name} to be registered: {self._words()}", lambda: " 200 OK (" in self._words())
        return self

    async def _connect(self) -> bool:
        if self._process and not self._process.is_running:
            raise TelephoneError(f"baresip ended: {self._process.last_words()}")
        try:
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._control)
        except OSError:
            return False
        self._task = asyncio.create_task(self._read(reader))
        return True

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                message: Event = json.loads((await reader.readexactly(length + 1))[:-1], strict=False)
                if message.get("event"):
                    self.events.append(message)
                elif waiting := self._answers.pop(str(message.get("token")), None):
                    waiting.set_result(message)

    # -- what a person does with a phone ---------------------------------------------------------------------------

    async def order(self, command: str, params: str = "") -> str:
        """A command of baresip's menu. Raises: TelephoneError when baresip says it failed."""
        if self._writer is None:
            raise TelephoneError(f"{self.name} is not switched on")
        token = f"t{len(self.events)}-{command}-{id(object())}"
        waiting = self._answers[token] = asyncio.get_running_loop().create_future()
        payload = json.dumps({"command": command, "params": params, "token": token}).encode()
        self._writer.write(f"{len(payload)}:".encode() + payload + b",")
        try:
            async with asyncio.timeout(5):
                answer = await waiting
        except TimeoutError:
            raise TelephoneError(f"{self.name}: no answer to {command}; {self._task}; {self._words()}") from None
        if not answer.get("ok"):
            raise TelephoneError(f"{self.name}: {command} {params}: {answer.get('data')}")
        return str(answer.get("data", ""))

    async def dial(self, number: str) -> None:
        await self.order("dial", f"sip:{number}@{self._towards[0]}:{self._towards[1]};transport={self._transport}")

    async def answer(self) -> None:
        await self.order("accept")

    async def reject(self, code: int = 486, reason: str = "Busy Here") -> None:
        await self.order("hangup", f"scode={code} reason={reason}")

    async def hang_up(self) -> None:
        await self.order("hangup")

    async def hold(self) -> None:
        await self.order("hold")

    async def resume(self) -> None:
        with contextlib.suppress(TelephoneError):  # baresip 1.1 resumes and reports "Invalid argument" all the same
            await self.order("resume")

    async def transfer(self, number: str) -> None:
        """Blind transfer: a REFER to `number` at our PBX."""
        await self.order("transfer", f"sip:{number}@{self._towards[0]}:{self._towards[1]}")

    async def press(self, keys: str) -> None:
        for key in keys:
            await self.order("sndcode", key)

    async def sees(self, kind: str, *, since: int = 0, within_s: float = 5.0) -> Event:
        """The first event of a kind: CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED, REGISTER_OK, …"""

        def found() -> Event | None:
            if self._process and not self._process.is_running:
                raise TelephoneError(f"baresip ended: {self._process.last_words()}")
            return next((event for event in self.events[since:] if event.get("type") == kind), None)

        try:
            event = await until(f"{self.name} to see {kind}", found, within_s)
        except TelephoneError as error:
            kinds = [each.get("type") for each in self.events]
            raise TelephoneError(f"{error}; it saw {kinds}: {self._words()}") from None
        assert isinstance(event, dict)
        return event

    def _words(self) -> str:
        return self._process.last_words(800) if self._process else ""

    async def unplug(self) -> None:
        """The power is cut: no BYE, no un-REGISTER."""
        if self._process:
            await self._process.stop(by=signal.SIGKILL)

    async def close(self) -> None:
        if self._writer:
            self._writer.close()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._process:
            await self._process.stop()


def write_tone(path: Path, pitch_hz: int, seconds: int = 10, level: int = 8000) -> None:
    """A wav of 8 kHz, mono, 16 bit: a sine, or silence for pitch 0."""
    samples = (round(level * math.sin(2 * math.pi * pitch_hz * n / 8000)) for n in range(8000 * seconds))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
