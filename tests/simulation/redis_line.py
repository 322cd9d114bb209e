"""How a router reaches the modelled Redis: in the shape of our own address and of redis-py's clients.

A request may not arrive, or its answer may not: whoever asked cannot tell the two apart, and times out.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from router.adapters.redis import lease_scripts
from router.adapters.redis.address import ANSWER_S
from router.domain.ids import SECOND
from tests.simulation.loop import Process, block, in_thread
from tests.simulation.redis_server import RedisServer

_NAMES = {
    lease_scripts.ACQUIRE: "lease acquire",
    lease_scripts.RENEW: "lease renew",
    lease_scripts.RAISE: "lease raise",
    lease_scripts.RELEASE: "lease release",
    lease_scripts.READ: "lease read",
}


class RedisLine:
    """The address of the server as one machine sees it."""

    def __init__(self, server: RedisServer, dice: Random, owner: Process) -> None:
        self.server = server
        self.sentinels = ()
        self.cut = False
        "Whether there is a partition between this machine and the server."
        self.slow_s = 0.0
        "How much longer everything takes now."
        self._dice = dice
        self._owner = owner

    def __str__(self) -> str:
        return "redis://modelled/0"

    def client(self) -> "Client":
        return Client(self)

    def thread_client(self, answer_s: float) -> "ThreadClient":
        return ThreadClient(self, answer_s)

    def on_the_way_s(self) -> float:
        return self._dice.randint(50, 800) / 1e6 + self.slow_s

    def carry_out(self, name: str, act: Callable[[], Any]) -> Any:
        """At the server. Raises what redis-py would; a dead process' request never got there."""
        server, at = self.server, self.server.points.at
        at(f"redis: {name} arrives")
        if not server.up:
            raise RedisConnectionError("refused")
        life = server.life
        try:
            answer = act()
        except ValueError as error:
            raise ResponseError(str(error)) from None
        at(f"redis: {name} done")
        if server.life != life:
            raise RedisConnectionError("gone")
        return answer


class Client:
    """`redis.asyncio.Redis`, as far as the journal uses it."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line

    def register_script(self, text: str) -> Any:
        async def script(*, keys: list[Any], args: list[Any]) -> Any:
            return await self._ask("journal commit", lambda: self._commit(text, keys, args))

        return script

    def _commit(self, text: str, keys: list[Any], args: list[Any]) -> Any:
        """Each kind of picture has a point of its own, right after it is there."""
        server = self._line.server
        answer = server.run(text, keys, args)
        for kind in dict.fromkeys(args[9::3]):
            name = kind.decode() if isinstance(kind, bytes) else kind
            server.points.at(f"redis: {name} written")
        return answer

    async def hlen(self, key: str) -> int:
        return int(await self._ask("journal look", lambda: self._line.server.do("HLEN", key)))

    async def hscan_iter(self, key: str, count: int) -> AsyncIterator[tuple[bytes, bytes]]:
        for pair in await self._ask("journal load", lambda: self._line.server.do("HGETALL", key)):
            yield pair

    async def hdel(self, key: str, *fields: bytes) -> int:
        return int(await self._ask("journal tidy", lambda: self._line.server.do("HDEL", key, *fields)))

    async def xrevrange(self, key: str, max: str, count: int) -> list[Any]:
        return list(await self._ask("journal tail", lambda: self._line.server.do("XREVRANGE", key, max, count)))

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        return Pipeline(self)

    async def aclose(self) -> None: ...

    async def _ask(self, name: str, act: Callable[[], Any]) -> Any:
        line = self._line
        line.server.points.at(f"router: {name} asked")
        life, there_s = line.server.life, line.on_the_way_s()
        await asyncio.sleep(min(there_s, ANSWER_S))
        if line.cut or there_s > ANSWER_S:
            await asyncio.sleep(max(0.0, ANSWER_S - there_s))
            raise RedisTimeoutError("no answer")
        answer, back_s = line.carry_out(name, act), line.on_the_way_s()
        await asyncio.sleep(min(back_s, ANSWER_S))
        if line.cut or back_s > ANSWER_S:
            await asyncio.sleep(max(0.0, ANSWER_S - back_s))
            raise RedisTimeoutError("no answer")
        if line.server.life != life:
            raise RedisConnectionError("gone")
        line.server.points.at(f"router: {name} answered")
        return answer


class Pipeline:
    """Commands that go out together; `WAITAOF` among them is answered when the disk has it, or not in time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._commands: list[tuple[Any, ...]] = []

    async def __aenter__(self) -> "Pipeline":
        return self

    async def __aexit__(self, *raised: object) -> None: ...

    def set(self, *given: Any) -> None:
        self._commands.append(("SET", *given))

    def hget(self, *given: Any) -> None:
        self._commands.append(("HGET", *(one.encode() if isinstance(one, str) else one for one in given)))

    def execute_command(self, *words: Any) -> None:
        self._commands.append(words)

    async def execute(self, *, raise_on_error: bool) -> list[Any]:
        server = self._client._line.server
        patience_us = next((words[-1] * 1000 for words in self._commands if words[0] == "WAITAOF"), 0)

        def carry_out() -> list[Any]:
            return [None if words[0] == "WAITAOF" else server.do(*words) for words in self._commands]

        answers = await self._client._ask("sync", carry_out)
        due_us, life = server.next_sync_us(), server.life
        await asyncio.sleep(min(due_us, patience_us) / 1e6)
        synced = [int(due_us <= patience_us and server.life == life), 0]
        await self._client._ask("synced", lambda: None)
        return [
            synced if words[0] == "WAITAOF" else answer for words, answer in zip(self._commands, answers, strict=True)
        ]


class ThreadClient:
    """`redis.Redis`, as far as the lease uses it."""

    def __init__(self, line: RedisLine, answer_s: float) -> None:
        self._line = line
        self._answer_s = answer_s

    def register_script(self, text: str) -> Any:
        name = _NAMES.get(text, "lease script")

        def script(*, keys: list[Any], args: list[Any]) -> Any:
            return self._ask(name, lambda: self._line.server.run(text, keys, args))

        return script

    def info(self, section: str) -> dict[str, int]:
        server = self._line.server
        return {"uptime_in_seconds": self._ask(f"info {section}", lambda: server.age_us() // SECOND)}

    def close(self) -> None: ...

    def _ask(self, name: str, act: Callable[[], Any]) -> Any:
        assert in_thread()
        line = self._line
        line.server.points.at(f"router: {name} asked")
        life, there_s = line.server.life, line.on_the_way_s()
        block(min(there_s, self._answer_s))
        if line.cut or there_s > self._answer_s:
            block(max(0.0, self._answer_s - there_s))
            raise RedisTimeoutError("no answer")
        answer, back_s = line.carry_out(name, act), line.on_the_way_s()
        block(min(back_s, self._answer_s))
        if line.cut or back_s > self._answer_s:
            block(max(0.0, self._answer_s - back_s))
            raise RedisTimeoutError("no answer")
        if line.server.life != life:
            raise RedisConnectionError("gone")
        line.server.points.at(f"router: {name} answered")
        return answer
