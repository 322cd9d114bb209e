"""An event loop on which no real time passes: when nothing is ready, the clock goes on to what is due next.

Rule 1: the models' agenda (router/simulation/clock.py) and the loop's timers are one time line; what is due at the same
instant is the models' first.
Rule 2: everything a process of ours does, it does in callbacks that carry its `Process`. One that is dead does nothing
any more, exactly as after `kill -9`: no `finally`, no last word. One that is stopped (SIGSTOP) does it later, all at
once; time has passed for it as for everybody.
Rule 3: a thread is a greenlet. It waits by going back to the loop, so nothing runs at the same time as anything else.
"""

import asyncio
import heapq
import math
from asyncio import base_events
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any

from greenlet import getcurrent, greenlet

from router.domain.ids import SECOND, Micros
from router.simulation.clock import VirtualClock

PROCESS: ContextVar["Process | None"] = ContextVar("process", default=None)


class Killed(BaseException):
    """Whoever was just killed goes no further."""


class Process:
    """What can be killed or stopped from outside at any instant."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.stopped = False
        self.waiting: list[asyncio.Handle] = []
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self)

    def __repr__(self) -> str:
        return self.name


class VirtualLoop(base_events.BaseEventLoop):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock
        self.began_at: Micros = clock.now
        self.queues: dict[int, deque[Callable[[], None]]] = {}
        self.set_exception_handler(self._unheard)
        self.failures: list[str] = []
        "What went wrong in a callback or task of somebody who was alive."

    def time(self) -> float:
        return (self.clock.now - self.began_at) / SECOND

    def _unheard(self, loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, RuntimeError) and str(error).startswith("aclose(): asynchronous generator is already"):
            return  # the dead leave generators half-way; that they cannot be closed is no failure of anybody alive
        if isinstance(error, Exception):
            self.failures.append(f"{type(error).__name__}: {error}")

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""

    def _process_events(self, event_list: object) -> None: ...

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]
        if not ready and not self._go_on():
            self._stopping = True
            return
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            whose = handle._context.get(PROCESS)
            if whose is not None:
                if whose.dead:
                    continue
                if whose.stopped:
                    whose.waiting.append(handle)
                    continue
            handle._run()

    def _go_on(self) -> bool:
        """To the next instant at which anything is due; False when nothing is."""
        timers, clock, ready = self._scheduled, self.clock, self._ready  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
        due_at = clock.next_at()
        timer_at = self.instant(timers[0]._when) if timers else None
        if due_at is not None and (timer_at is None or due_at <= timer_at):
            clock.step()
            return True
        if timer_at is None:
            return False
        clock.now = max(clock.now, timer_at)
        while timers and self.instant(timers[0]._when) <= clock.now:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            ready.append(handle)
        return True

    def instant(self, when: float) -> Micros:
        return self.began_at + math.ceil(when * SECOND - 0.001)

    def go_on_with(self, process: Process) -> None:
        """SIGCONT."""
        process.stopped = False
        waiting, process.waiting = process.waiting, []
        self._ready.extend(waiting)  # type: ignore[attr-defined]

    # ---- threads ----

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> Any:
        """Begin at once in a thread of its own, or behind what the executor (one thread) has to do before."""
        done = self.create_future()

        def act() -> None:
            try:
                given = func(*args)
            except BaseException as error:  # noqa: BLE001 - it is handed on to whoever waits
                if not done.done():
                    done.set_exception(RuntimeError("killed") if isinstance(error, Killed) else error)
            else:
                if not done.done():
                    done.set_result(given)

        if executor is None:
            thread(act)
            return done
        queue = self.queues.setdefault(id(executor), deque())
        queue.append(act)
        if len(queue) == 1:
            thread(lambda: self._work_off(queue))
        return done

    @staticmethod
    def _work_off(queue: deque[Callable[[], None]]) -> None:
        while queue:
            queue[0]()
            queue.popleft()


def thread(act: Callable[[], None]) -> None:
    """Run `act` as a thread of the process that asks."""

    def guarded() -> None:
        with suppress(Killed):
            act()

    made = greenlet(guarded)
    made.gr_context = copy_context()
    asyncio.get_running_loop().call_soon(_go, made)


def _go(one: greenlet) -> None:
    one.parent = getcurrent()
    one.switch()


def in_thread() -> bool:
    return getcurrent().parent is not None


def block(seconds: float) -> None:
    """Let virtual time pass in a thread."""
    me = getcurrent()
    asyncio.get_running_loop().call_later(seconds, _go, me)
    assert me.parent is not None
    me.parent.switch()


class Flag:
    """`threading.Event` between the loop and a thread."""

    def __init__(self) -> None:
        self._set = False
        self._waiting: list[tuple[greenlet, asyncio.Handle]] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiting, self._waiting = self._waiting, []
        for one, timer in waiting:
            timer.cancel()
            asyncio.get_running_loop().call_soon(_go, one, context=one.gr_context)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            me = getcurrent()
            timer = asyncio.get_running_loop().call_later(max(timeout or 0.0, 1e-6), self._give_up, me)
            self._waiting.append((me, timer))
            assert me.parent is not None
            me.parent.switch()
        return self._set

    def _give_up(self, one: greenlet) -> None:
        self._waiting = [pair for pair in self._waiting if pair[0] is not one]
        _go(one)


class Thread:
    """`threading.Thread`, as far as the renewal of the lease needs one."""

    def __init__(self, *, target: Callable[[], None], name: str, daemon: bool) -> None:
        self._target = target
        self._alive = False

    def start(self) -> None:
        self._alive = True
        thread(self._run)

    def _run(self) -> None:
        self._target()
        self._alive = False

    def is_alive(self) -> bool:
        return self._alive

    def join(self, timeout: float | None = None) -> None:
        waited = 0.0
        while self._alive and (timeout is None or waited < timeout):
            block(0.01)
            waited += 0.01
