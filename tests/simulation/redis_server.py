"""A Redis in memory: the commands our scripts and the journal use, and our own Lua executed by a real Lua.

What was written is on its disk once a second (`appendfsync everysec`). A server that dies loses what came after; one
that was emptied, or a replica that was promoted too early, knows less still.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from lupa.lua51 import LuaRuntime

from router.domain.ids import SECOND, Micros
from router.simulation.clock import VirtualClock
from tests.simulation.points import Points

_KEPT = 300
"Entries of a stream; recovery reads those behind the snapshot only, and ordinarily there is none."

Value = Any
SNAPSHOT, EPOCHS = b"ringfair:{main}:snapshot", b"ringfair:{main}:epoch"


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).encode()


class RedisServer:
    def __init__(self, clock: VirtualClock, points: Points) -> None:
        self.clock = clock
        self.points = points
        self.up = True
        self.life = 0
        self._up_since: Micros = -3600 * SECOND
        "Grows with each death; an answer of an earlier life comes to nobody."
        self._data: dict[bytes, Value] = {}
        self._ends: dict[bytes, Micros] = {}
        "Key → when it expires."
        self._saved: tuple[dict[bytes, Value], dict[bytes, Micros]] = ({}, {})
        self._dirty = False
        self._serial = 0
        self.fault: Callable[[str, str], None] = lambda what, kind: None
        self._lua = LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self._scripts: dict[str, Any] = {}
        table = self._lua.table_from
        self._lua.globals()[b"redis"] = table({b"call": self._call, b"error_reply": self._error})
        self._lua.globals()[b"cjson"] = table({b"decode": self._decode})
        clock.later(SECOND, self._every_second)

    # ---- what happens to it ----

    def die(self) -> None:
        self.up = False
        self.life += 1

    def come_back(self, *, empty: bool = False) -> None:
        """With what was on its disk."""
        data, ends = ({}, {}) if empty else self._saved
        self._data, self._ends = _copy(data), dict(ends)
        self._dirty = True
        self.up, self._up_since = True, self.clock.now

    def age_us(self) -> Micros:
        return self.clock.now - self._up_since

    def _every_second(self) -> None:
        if self.up:
            self.sync()
        self.clock.later(SECOND, self._every_second)

    def sync(self) -> None:
        if self._dirty:
            self._saved = _copy(self._data), dict(self._ends)
            self._dirty = False

    def next_sync_us(self) -> Micros:
        return SECOND - (self.clock.now - 1) % SECOND

    def holds(self, key: bytes) -> dict[bytes, bytes]:
        """A hash, for the judge."""
        found = self._data.get(key)
        return found if isinstance(found, dict) else {}

    def _audit(self, commit: bytes) -> None:
        """Nobody writes the journal before an epoch of their own, or in one that is over."""
        epoch, latest = msgspec.json.decode(commit)["epoch"], int(self._data.get(EPOCHS, b"0"))
        if epoch < max(1, latest):
            self.fault(f"a commit of epoch {epoch} was written to the journal of epoch {latest}", "broken")

    # ---- scripts ----

    def run(self, script: str, keys: list[Any], arguments: list[Any]) -> Any:
        """Raises `ValueError` with the server's complaint."""
        compiled = self._scripts.get(script)
        if compiled is None:
            compiled = self._scripts[script] = self._lua.eval(f"function(KEYS, ARGV)\n{script}\nend".encode())
        table = self._lua.table_from
        return self._answer(compiled(table([_bytes(key) for key in keys]), table([_bytes(one) for one in arguments])))

    def _answer(self, given: Any) -> Any:
        if given is None or isinstance(given, bytes):
            return given
        if isinstance(given, bool):
            return 1 if given else None
        if isinstance(given, int | float):
            return int(given)
        if given[b"err"] is not None:
            raise ValueError(given[b"err"].decode())
        if given[b"ok"] is not None:
            return given[b"ok"]
        return [self._answer(one) for one in given.values()]

    def _error(self, sentence: bytes) -> Any:
        return self._lua.table_from({b"err": sentence})

    def _decode(self, text: bytes) -> Any:
        found = msgspec.json.decode(text)
        texts = {name: value.encode() for name, value in found.items() if isinstance(value, str)}
        return self._lua.table_from({name.encode(): texts.get(name, value) for name, value in found.items()})

    def _call(self, name: bytes, *given: Any) -> Any:
        found = self.do(name.decode(), *given)
        if found is None:
            return False
        if isinstance(found, list):
            return self._lua.table_from([False if one is None else one for one in found])
        if isinstance(found, str):
            return self._lua.table_from({b"ok": found.encode()})
        return found

    # ---- commands ----

    def do(self, name: str, *given: Any) -> Any:
        """One command. Status replies are `str`, everything else `bytes`, `int`, lists and None."""
        key = _bytes(given[0]) if given else b""
        ends = self._ends.get(key)
        if ends is not None and ends <= self.clock.now:
            del self._ends[key]
            self._data.pop(key, None)
        command: Callable[..., Any] | None = getattr(self, f"_{name.lower()}", None)
        if command is None:
            self.fault(f"the modelled Redis does not know {name}", "broken")
            raise ValueError(f"unknown command {name}")
        return command(key, *given[1:])

    def _wrote(self) -> None:
        self._dirty = True

    def _get(self, key: bytes) -> Any:
        return self._data.get(key)

    def _set(self, key: bytes, value: Any) -> str:
        self._data[key] = _bytes(value)
        self._ends.pop(key, None)
        self._wrote()
        return "OK"

    def _del(self, key: bytes) -> int:
        self._ends.pop(key, None)
        self._wrote()
        return int(self._data.pop(key, None) is not None)

    def _type(self, key: bytes) -> str:
        found = self._data.get(key)
        names = {bytes: "string", dict: "hash", list: "stream", _Sorted: "zset"}
        return "none" if found is None else names[type(found)]

    def _pttl(self, key: bytes) -> int:
        if key not in self._data:
            return -2
        ends = self._ends.get(key)
        return -1 if ends is None else (ends - self.clock.now) // 1000

    def _pexpire(self, key: bytes, lives_ms: Any) -> int:
        if key in self._data:
            self._ends[key] = self.clock.now + int(lives_ms) * 1000
            self._wrote()
        return int(key in self._data)

    def _time(self, _: bytes = b"") -> list[bytes]:
        now = self.clock.now
        return [b"%d" % (now // SECOND), b"%d" % (now % SECOND)]

    def _hget(self, key: bytes, field: bytes) -> Any:
        return self._data.get(key, {}).get(field)

    def _hmget(self, key: bytes, *fields: bytes) -> list[Any]:
        found = self._data.get(key, {})
        return [found.get(field) for field in fields]

    def _hset(self, key: bytes, *pairs: Any) -> int:
        found = self._data.setdefault(key, {})
        for at in range(0, len(pairs), 2):
            found[_bytes(pairs[at])] = _bytes(pairs[at + 1])
            if key == SNAPSHOT and pairs[at] == b"commit":
                self._audit(_bytes(pairs[at + 1]))
        self._wrote()
        return len(pairs) // 2

    def _hdel(self, key: bytes, *fields: bytes) -> int:
        found = self._data.get(key, {})
        self._wrote()
        return sum(found.pop(_bytes(field), None) is not None for field in fields)

    def _hlen(self, key: bytes) -> int:
        return len(self._data.get(key, {}))

    def _hgetall(self, key: bytes) -> list[tuple[bytes, bytes]]:
        return list(self._data.get(key, {}).items())

    def _zadd(self, key: bytes, score: Any, member: Any) -> int:
        self._data.setdefault(key, _Sorted())[_bytes(member)] = float(score)
        self._wrote()
        return 1

    def _zrem(self, key: bytes, member: Any) -> int:
        return int(self._data.get(key, {}).pop(_bytes(member), None) is not None)

    def _zremrangebyscore(self, key: bytes, low: Any, high: Any) -> int:
        found = self._data.get(key, {})
        gone = [member for member, score in found.items() if score <= float(high)]
        for member in gone:
            del found[member]
        return len(gone)

    def _zcount(self, key: bytes, low: Any, high: Any) -> int:
        return sum(score >= float(low) for score in self._data.get(key, {}).values())

    def _xadd(self, key: bytes, *given: Any) -> bytes:
        at = given.index(b"*")
        fields = {_bytes(given[n]): _bytes(given[n + 1]) for n in range(at + 1, len(given), 2)}
        self._serial += 1
        name = b"%d-%d" % (self.clock.now // 1000, self._serial)
        stream = self._data.setdefault(key, [])
        stream.append((name, fields))
        if len(stream) > 2 * _KEPT:
            del stream[:-_KEPT]
        self._wrote()
        return name

    def _xtrim(self, key: bytes, how: Any, oldest: Any) -> int:
        stream, before = self._data.get(key, []), int(_bytes(oldest).partition(b"-")[0])
        gone = next((n for n, (name, _) in enumerate(stream) if int(name.partition(b"-")[0]) >= before), len(stream))
        del stream[:gone]
        return gone

    def _xrevrange(self, key: bytes, until: Any, count: int) -> list[Any]:
        stream = self._data.get(key, [])
        if until != "+":
            names = [name for name, _ in stream]
            stream = stream[: names.index(_bytes(until)[1:])]
        return list(reversed(stream))[:count]


class _Sorted(dict[bytes, float]):
    """A sorted set."""


def _copy(data: dict[bytes, Value]) -> dict[bytes, Value]:
    return {key: value if isinstance(value, bytes) else type(value)(value) for key, value in data.items()}
