"""An event loop whose time passes at once, and whose connections are a wire in memory: ten thousand cuts in seconds.

Nothing waits: when every callback has run, the clock jumps to the next timer. What is written is heard at once; what is
answered comes in a turn of the loop of its own, in order, and a connection ends behind it, as TCP has it.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class QuickLoop(asyncio.SelectorEventLoop):
    """`doors`: port → what takes a wire when somebody dials it; a port without one refuses."""

    def __init__(self) -> None:
        self._at = 0.0
        self.latency_s = 0.0
        "Of what is said to the end that dialled."
        self.doors: dict[int, Callable[[Wire], None]] = {}
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self._at

    def jump(self, seconds: float) -> None:
        self._at += seconds

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        door = self.doors.get(port)
        if door is None:
            raise ConnectionRefusedError(port)
        wire = Wire(self, protocol_factory())
        wire.protocol.connection_made(wire)
        door(wire)
        return wire, wire.protocol


class _Jump(selectors.SelectSelector):
    """Instead of sleeping until the next timer, it is there. Nobody but the loop itself has a file here."""

    def __init__(self, loop: QuickLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the loop would wait for ever")
        if timeout > 0:
            self._loop.jump(timeout)
        return []


class Wire(asyncio.Transport):
    """The caller's end. The other end sets `heard` and `hung_up`, says `say` and may `cut`."""

    def __init__(self, loop: QuickLoop, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = loop
        self.protocol = protocol
        self.heard: Callable[[bytes], None] = lambda data: None
        self.hung_up: Callable[[], None] = lambda: None
        self.may_send: int | None = None
        self.may_say: int | None = None
        "So many bytes more of either way, then the wire is cut; None: as many as they like."
        self._over = False
        self._deaf = False
        self._told_at = 0.0

    # ---- the end that dialled ----

    def write(self, data: Any) -> None:
        if self._over:
            return
        if self.may_send is not None:
            data, self.may_send = data[: self.may_send], self.may_send - len(data)
        self.heard(bytes(data))
        if self.may_send is not None and self.may_send <= 0:
            self.cut()

    def is_closing(self) -> bool:
        return self._over

    def close(self) -> None:
        # the answer to what was written before may come back
        if not self._over:
            self._loop.call_soon(self.abort)

    def abort(self) -> None:
        if not self._over:
            self._over = self._deaf = True
            self.hung_up()
            self._loop.call_soon(self.protocol.connection_lost, None)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    # ---- the end that was dialled ----

    def say(self, data: bytes) -> None:
        if self._over or not data:
            return
        if self.may_say is not None:
            data, self.may_say = data[: self.may_say], self.may_say - len(data)
        self._in_turn(self._tell, data)
        if self.may_say is not None and self.may_say <= 0:
            self.cut()

    def cut(self) -> None:
        """The connection ends for both, behind what was said."""
        if not self._over:
            self._over = True
            self._in_turn(self.protocol.connection_lost, None)

    def _in_turn(self, act: Callable[[Any], None], told: Any) -> None:
        """Behind what was said before."""
        latency_s = self._loop.latency_s
        if latency_s:
            self._told_at = max(self._loop.time() + latency_s, self._told_at + 1e-6)
            self._loop.call_at(self._told_at, act, told)
        else:
            self._loop.call_soon(act, told)

    def _tell(self, data: bytes) -> None:
        if not self._deaf:
            self.protocol.data_received(data)
