"""The demo itself, from the first server to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo import cast, report
from deploy.demo.board import Board
from deploy.demo.callers import Callers
from deploy.demo.phones import LOG_IN, AtHome, phone_of
from deploy.demo.premises import Premises
from deploy.demo.steps import Screen, in_thread
from deploy.demo.verdict import Evidence, judge
from router.adapters.pbx.root import find_root
from router.adapters.sql.ledger import SqlLedger
from router.ports import ContactStory, RecordQuery
from tests.telephones.carrier import Carrier
from tests.telephones.workshop import Workshop

_MOMENT_S = 60.0
_QUIET_S = 20.0
_CALL_EVERY_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for."""

    calls: int
    hold: bool
    home: Path
    "Where the site's files go."
    name: str
    "Of the Asterisk and the Valkey."


class Demo:
    def __init__(self, wishes: Wishes, screen: Screen) -> None:
        self._wishes = wishes
        self._screen = screen
        self._agents = cast.agents()
        self._at_home: dict[str, AtHome] = {}

    async def play(self) -> bool:
        """Play it; whether every promise was kept. Raises DemoError, PbxError, TelephoneError when it cannot go on."""
        screen, wishes = self._screen, self._wishes
        async with contextlib.AsyncExitStack() as closing:
            async with screen.step("root", "looking for Asterisk, SIPp, baresip and Valkey") as step:
                root = await in_thread(find_root)
                step.said = f"Asterisk, SIPp, baresip and Valkey of {root.path or 'this machine'}"
            self._premises = premises = Premises(root, wishes.home, wishes.name, screen)
            closing.enter_context(premises.alone())
            if await in_thread(premises.clear):
                screen.say("    ended what an earlier demo had left running")
            await self._open_servers(closing)
            self._workshop = Workshop(root)
            closing.callback(self._workshop.close)
            self._board = Board(premises, self._agents, screen)
            following = asyncio.create_task(self._board.follow())
            closing.push_async_callback(_end, following)
            await self._open_phones(closing)
            await self._log_in()
            callers = await self._take_calls(closing)
            stories = await self._stories(len(callers.plan))
            findings = judge(self._evidence(callers, stories))
            premises.keep_logs()
            if wishes.hold:
                kept = self._report(stories, findings, held=True)
                await self._hold(callers, kept)
                return kept
            async with screen.step("end", "stopping what was started") as step:
                await closing.aclose()
                step.said = "everything is stopped; the site, its ledger and the logs stay in " + str(wishes.home)
        return self._report(stories, findings, held=False)

    # ---- bringing up ----

    async def _open_servers(self, closing: contextlib.AsyncExitStack) -> None:
        premises, screen = self._premises, self._screen
        async with screen.step("Asterisk", "starting") as step:
            closing.push_async_callback(premises.close_asterisk)
            version = await premises.open_asterisk()
            ports = premises.pbx.ports
            step.said = (
                f"{version} on {premises.pbx.address}: SIP {ports.sip}, SIP over TLS {ports.tls}, AMI {ports.ami}"
            )
        async with screen.step("Valkey", "starting") as step:
            closing.push_async_callback(premises.close_valkey)
            await premises.open_valkey()
            step.said = premises.valkey.url
        async with screen.step("site", "writing its files") as step:
            rules = (await in_thread(lambda: premises.write_site(self._agents))).rules
            numbers = ", ".join(f"{campaign.name} {campaign.dnis[0]}" for campaign in rules.campaigns.values())
            step.said = f"{len(rules.campaigns)} campaigns: {numbers}"
        async with screen.step("agents", "ringfair agent import, export pjsip") as step:
            self._passwords = await premises.enrol()
            step.said = f"{len(self._passwords)} agents added, their passwords made, Asterisk knows the digests"
        async with screen.step("router", "ringfair serve") as step:
            closing.push_async_callback(premises.close_router)
            pid = await premises.open_router()
            step.said = f"ringfair serve, process {pid}, is ready"

    async def _open_phones(self, closing: contextlib.AsyncExitStack) -> None:
        async with self._screen.step("phones", "registering with passwords") as step:
            for agent in self._agents:
                phone = phone_of(agent, self._workshop, self._premises.pbx, self._passwords[agent.agent_id])
                self._at_home[agent.agent_id] = phone
            closing.push_async_callback(self._close_phones)
            async with _together() as tasks:
                for phone in self._at_home.values():
                    tasks.create_task(phone.switch_on())
            await self._every_phone_is_there()
            kinds = [
                f"{agent.agent_id} {agent.phone}{' (TLS and SRTP)' if agent.transport == 'tls' else ''}"
                for agent in sorted(self._agents, key=lambda agent: agent.agent_id)
            ]
            step.said = "registered: " + ", ".join(kinds)

    async def _close_phones(self) -> None:
        await asyncio.gather(*(phone.close() for phone in self._at_home.values()))

    async def _log_in(self) -> None:
        """By feature code, one after the other: the order decides who has been idle the longest."""
        async with self._screen.step("log-in", f"each agent dials {LOG_IN}") as step:
            async with _together() as tasks:
                for agent in self._agents:
                    tasks.create_task(self._at_home[agent.agent_id].dial(LOG_IN))
                    await self._board.sees(
                        f"{agent.agent_id} to be logged in",
                        lambda agent_id=agent.agent_id: self._board.agent(agent_id).get("status") == "READY",  # type: ignore[misc]
                        10,
                    )
            await self._every_phone_is_there()
            step.said = f"each agent dialled {LOG_IN} and heard that they are logged in"

    async def _every_phone_is_there(self) -> None:
        await self._board.sees(
            "every phone to be registered and on the hook",
            lambda: all(self._board.agent(agent.agent_id).get("reach") == "REACHABLE" for agent in self._agents),
            10,
        )

    # ---- the calls ----

    async def _take_calls(self, closing: contextlib.AsyncExitStack) -> Callers:
        premises, board = self._premises, self._board
        assert premises.site is not None
        plan = cast.calls(self._wishes.calls)
        numbers = {str(campaign.name): campaign.dnis[0] for campaign in premises.site.rules.campaigns.values()}
        carrier = Carrier(self._workshop, (premises.pbx.address, premises.pbx.ports.sip))
        callers = Callers(carrier, numbers, plan)
        closing.push_async_callback(callers.close)
        window_s = round(len(plan) / cast.CALLS_PER_S)
        async with self._screen.step("calls", f"{len(plan)} callers in {window_s} s") as step:
            async with board.shown(callers):
                await callers.all_call(self._nobody_is_free_for_the_support)
                await board.sees("the floor to be quiet", lambda: board.is_quiet, _QUIET_S)
            step.said = f"{len(plan)} callers in {window_s} s, the last one has hung up"
        return callers

    async def _nobody_is_free_for_the_support(self) -> None:
        """The moment of the impatient caller: the only agent who could help has just begun a talk."""
        await self._board.sees(
            "a talk of the support",
            lambda: any(c["campaign"] == "support" and c["state"] == "connected" for c in self._board.contacts),
            _MOMENT_S,
        )

    async def _stories(self, count: int) -> list[ContactStory]:
        """Everything in the ledger, once it holds `count` records or has had time to."""
        ledger = await SqlLedger.open(self._premises.files.ledger_dsn)
        try:
            deadline = asyncio.get_running_loop().time() + 5
            while True:
                stories = [story async for story in ledger.stories(RecordQuery())]
                if len(stories) >= count or asyncio.get_running_loop().time() > deadline:
                    return stories
                await asyncio.sleep(0.1)
        finally:
            await ledger.close()

    def _evidence(self, callers: Callers, stories: list[ContactStory]) -> Evidence:
        assert self._premises.site is not None
        return Evidence(
            stories=stories,
            plan=callers.plan,
            agents=self._agents,
            rules=self._premises.site.rules,
            fates={call.ani: callers.fate(call.ani) for call in callers.plan},
            unanswered={agent_id: phone.unanswered() for agent_id, phone in self._at_home.items()},
            paused={name: str(a["reason"] or "") for name, a in self._board.agents.items() if a["status"] == "PAUSED"},
        )

    def _report(self, stories: list[ContactStory], findings: Any, *, held: bool) -> bool:
        report.contacts(self._screen, stories)
        kept = report.verdict(self._screen, findings)
        report.what_next(self._screen, self._premises, stories, held=held)
        return kept

    async def _hold(self, callers: Callers, kept: bool) -> None:
        """Stay until Ctrl-C; a caller comes every now and then."""
        self._screen.say("\nThe demo is held: everything keeps running until you press Ctrl-C.", "bold")
        number = 0
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(_CALL_EVERY_S)
                number += 1
                await callers.send(cast.another_call(number))


@contextlib.asynccontextmanager
async def _together() -> Any:
    """Tasks that end together; the first error is raised as it is, not in a group."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
