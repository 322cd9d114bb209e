"""The desk: reloading rules and people under a running floor, and how the floor is shown."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from router import canary
from router.canary import AGENT as CANARY
from router.canary import Canary, with_canary
from router.config import load
from router.desk import RouterDesk, call_the_roll, view_floor
from router.domain.engine import Engine
from router.domain.errors import CommandRefused, ConfigError, RemoteError
from router.domain.ids import SECOND, AgentId, ContactId, QueueName
from router.domain.messages.commands import AgentProfile, Command, Configure, HangUp, LogIn, Pause, SetCallTimes
from router.domain.messages.events import ContactConnected, Event
from router.domain.recount import Touched
from router.ports import AgentEntry, LeaseView, Reloaded
from router.runtime import Pump
from router.trace.recorder import Recorder
from tests.config.site_files import CARE, SECRET, SETTINGS, SHOP, WriteSite, site_writer
from tests.fakes.clock import HandClock
from tests.fakes.directory import FakeDirectory
from tests.fakes.ledger import FakeLedger
from tests.fakes.telephony import FakeTelephony

ANNA, BERT = AgentId("agent-1001"), AgentId("agent-1002")
PAUSES = '[pause_reasons]\n2 = { code = "lunch", label = "Lunch" }\n1 = { code = "break", label = "Break" }\n'
ANYBODY = SHOP + 'need = "de"\nwrapup_s = 0\n'


def entry(agent_id: str, *, endpoint: str = "", active: bool = True, **skills: int) -> AgentEntry:
    profile = AgentProfile(agent_id=AgentId(agent_id), endpoint=endpoint or agent_id, skills=skills or {"de": 100})
    return AgentEntry(profile=profile, active=active)


class Room:
    """A desk over a running pump, a site's files and a directory, all of which can change."""

    def __init__(self, write: WriteSite) -> None:
        self.write = write
        self.site = write(SETTINGS, shop=ANYBODY)
        started = load(self.site, SECRET)
        self.environ = dict(SECRET)
        self.clock = HandClock()
        self.directory = FakeDirectory()
        self.engine = Engine(with_canary(started.rules))
        self.trace = Recorder(lambda seconds: round(seconds * SECOND))
        self.pump = Pump(self.engine, clock=self.clock, trace=self.trace)
        self.calls = FakeTelephony(self.clock.now, self.pump.see)
        self.pump.telephony = self.calls
        self.events: list[Event] = []
        self.pump.subscribe(lambda event, now: self.events.append(event))
        canary.enrol(self.pump)
        self.disk = True
        "Whether what was decided reaches one."
        self.lease = LeaseView(mine=True, owner="00", host="acd1", epoch=1)
        self.desk = RouterDesk(
            pump=self.pump,
            clock=self.clock,
            telephony=self.calls,
            ledger=FakeLedger(),
            directory=self.directory,
            canary=Canary(self.pump, self.calls),
            trace=self.trace,
            site=started,
            read_site=lambda: load(self.site, self.environ),
            safe=self.written_down,
            lease=lambda: self.lease,
            ready=lambda: {"redis": "ok"},
        )

    async def written_down(self, *, ledger_knows: bool = True) -> None:
        if not self.disk:
            raise RemoteError("not-written-down", "It is in force now, but nobody could write it down.", retryable=True)

    async def people(self, *entries: AgentEntry) -> None:
        for one in entries:
            self.calls.phones.setdefault(one.profile.endpoint, True)
        await self.directory.put(entries, by="test", now=self.clock.now())

    async def quiet(self) -> None:
        for _ in range(1000):
            await asyncio.sleep(0)
            if not self.pump.depth:
                return
        raise AssertionError("the pump never came to rest")

    async def reload(self) -> str:
        return (await self.read_again()).config_hash

    async def read_again(self) -> Reloaded:
        done = await self.desk.reload()
        await self.quiet()
        return done

    async def talk(self, agent_id: AgentId) -> ContactId:
        """A caller who talks with this agent, the only one who is ready."""
        self.pump.ask(LogIn(agent_id=agent_id))
        contact = self.calls.arrive("shop")
        await self.quiet()
        assert self.engine.floor.contacts[contact].agent_id == agent_id
        return contact


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(site_writer(tmp_path))
    made.pump.start()
    await made.people(entry(ANNA), entry(BERT))
    await made.reload()
    yield made
    made.pump.stop()


# ---- rules ----


async def test_a_reload_puts_new_rules_in_force_and_tells_asterisk_the_numbers(room: Room) -> None:
    before = room.engine.floor.rules.config_hash
    room.write(SETTINGS, shop=ANYBODY, care=CARE)
    after = await room.reload()
    assert after != before
    assert room.engine.floor.rules.config_hash == after
    assert set(room.engine.floor.queues) == {"shop/orders", "care/urgent", "canary/echo"}
    assert set(room.calls.published[-1].campaigns) == {"shop", "care", "canary"}


async def test_a_queue_that_is_new_has_its_call_times_before_a_call_can_be_owed_there(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    take = room.pump.ask

    def ask(command: Command) -> None:
        asked.append(command)
        take(command)

    monkeypatch.setattr(room.pump, "ask", ask)
    room.write(SETTINGS, shop=ANYBODY.replace("orders", "hotline"))
    await room.reload()

    assert [type(each) for each in asked].index(SetCallTimes) < [type(each) for each in asked].index(Configure)
    assert QueueName("shop/hotline") in room.engine.floor.call_times


async def test_a_queue_that_goes_over_to_another_skill_with_its_agents_sends_nobody_on_for_want_of_them(
    room: Room,
) -> None:
    staying = SHOP + 'need = "{}"\nwrapup_s = 0\nstay_if = ["skilled"]\n'
    room.write(SETTINGS, shop=staying.format("de"))
    await room.reload()
    contact = room.calls.arrive("shop")
    await room.quiet()

    room.write(SETTINGS, shop=staying.format("french"))
    await room.people(entry(ANNA, french=100), entry(BERT, french=80))
    done = await room.read_again()

    assert (done.touched.waiting, done.touched.sent_off) == (1, 0)
    assert room.engine.floor.contacts[contact].is_waiting
    assert room.engine.floor.agents[ANNA].profile.skills == {"french": 100}


async def test_who_waits_keeps_place_and_age_over_a_reload(room: Room) -> None:
    first, second = room.calls.arrive("shop"), room.calls.arrive("shop")
    await room.quiet()
    room.clock.pass_s(30)
    room.write(SETTINGS, shop=ANYBODY + "priority = 5\n")
    await room.reload()
    waiting = room.engine.floor.queues["shop/orders"].in_line()  # type: ignore[index]
    assert [contact.contact_id for contact in waiting] == [first, second]
    assert room.desk.floor().queues[0].longest_wait_us == 30_000_000
    room.pump.ask(LogIn(agent_id=ANNA))
    await room.quiet()
    assert room.engine.floor.contacts[first].agent_id == ANNA


async def test_a_waiting_contact_is_offered_at_once_when_new_rules_allow_it(room: Room) -> None:
    room.write(SETTINGS, shop=SHOP + 'need = "fr"\n')
    await room.reload()
    room.pump.ask(LogIn(agent_id=ANNA))
    contact = room.calls.arrive("shop")
    await room.quiet()
    assert room.engine.floor.contacts[contact].is_waiting
    room.write(SETTINGS, shop=ANYBODY)
    await room.reload()
    assert [event.contact_id for event in room.events if isinstance(event, ContactConnected)] == [contact]


async def test_a_reload_tells_how_many_who_wait_it_moved_or_sent_off(room: Room) -> None:
    room.write(SETTINGS, shop=ANYBODY, care=CARE)
    await room.reload()
    for campaign in ("shop", "shop", "care"):
        room.calls.arrive(campaign)
    await room.quiet()
    assert (await room.read_again()).touched == Touched(waiting=3)

    room.write(SETTINGS, shop=ANYBODY.replace("queue.orders", "queue.sales"))
    (room.site / "campaigns" / "care.toml").unlink()
    assert (await room.read_again()).touched == Touched(waiting=2, moved=2, sent_off=1)
    assert [queue.waiting for queue in room.desk.floor().queues] == [2]


async def test_a_reload_that_closes_a_campaign_tells_whom_it_sent_off(room: Room) -> None:
    room.calls.arrive("shop")
    await room.quiet()
    shut = '[hours]\nat_closing = "closing"\nexceptions = [{ date = "2020-12-24", open = ["09:00-10:00"] }]\n'
    room.write(SETTINGS, shop=f"{ANYBODY}{shut}")
    assert (await room.read_again()).touched == Touched(sent_off=1)


async def test_faulty_files_change_nothing_and_name_every_fault(room: Room) -> None:
    rules, told = room.engine.floor.rules, len(room.calls.published)
    await room.people(entry("agent-1003"))
    room.write(SETTINGS, shop=ANYBODY + 'priority = "high"\nring_s = -1\n')
    with pytest.raises(ConfigError) as refused:
        await room.desk.reload()
    assert {fault.key for fault in refused.value.faults} == {"queue.orders.priority", "queue.orders.ring_s"}
    assert room.engine.floor.rules is rules
    assert "agent-1003" not in room.engine.floor.agents
    assert len(room.calls.published) == told


async def test_a_directory_that_is_away_changes_nothing(room: Room) -> None:
    rules = room.engine.floor.rules
    room.write(SETTINGS, shop=ANYBODY, care=CARE)
    room.directory.store.away = RemoteError("directory-unreachable", "the database is away", retryable=True)
    with pytest.raises(RemoteError):
        await room.desk.reload()
    assert room.engine.floor.rules is rules


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        (SETTINGS + '[router]\npool = "north"\n', ["router.pool"]),
        (SETTINGS + '[router]\ncountry = "AT"\n', ["router.country"]),
        (SETTINGS + 'port = 5039\nuser = "acd"\n', ["asterisk.port", "asterisk.user"]),
        (SETTINGS + '[redis]\nurl = "redis://127.0.0.1:6380/0"\n', ["redis.url"]),
        (SETTINGS + '[ledger]\ndsn = "sqlite:////var/lib/other.sqlite3"\n', ["ledger.dsn"]),
        (
            SETTINGS + '[http]\nlisten = "127.0.0.1:9581"\ncontrol_socket = "/run/other.sock"\n',
            ["http.listen", "http.control_socket"],
        ),
    ],
)
async def test_what_takes_a_restart_is_refused_and_named_and_nothing_changes(
    room: Room, settings: str, keys: list[str]
) -> None:
    rules, told = room.engine.floor.rules, len(room.calls.published)
    await room.people(entry("agent-1003"))
    room.write(settings, shop=ANYBODY + "priority = 5\n")
    with pytest.raises(CommandRefused) as refused:
        await room.desk.reload()
    assert (refused.value.error_id, refused.value.details["keys"]) == ("restart-needed", keys)
    assert all(key in refused.value.message for key in keys)
    assert room.engine.floor.rules is rules
    assert "agent-1003" not in room.engine.floor.agents
    assert len(room.calls.published) == told

    room.write(SETTINGS, shop=ANYBODY + "priority = 5\n")
    assert await room.reload() != rules.config_hash


async def test_another_secret_takes_a_restart_and_is_not_shown(room: Room) -> None:
    room.environ["RINGFAIR_ASTERISK_SECRET"] = "rotated-for-tests"
    with pytest.raises(CommandRefused) as refused:
        await room.desk.reload()
    assert refused.value.details["keys"] == ["asterisk.secret_file"]
    assert "for-tests" not in refused.value.message


async def test_a_secret_may_move_to_another_file_while_it_stays_the_same(room: Room) -> None:
    (room.site / "moved.secret").write_text(SECRET["RINGFAIR_ASTERISK_SECRET"])
    (room.site / "moved.secret").chmod(0o600)
    room.environ.clear()
    room.write(SETTINGS + 'secret_file = "moved.secret"\n', shop=ANYBODY)
    await room.reload()


async def test_the_times_of_the_router_take_effect_with_a_reload(room: Room) -> None:
    times = "drain_s = 7\nreject_hold_s = 8\nfault_hold_s = 9\nrescind_grace_s = 10\nconnect_grace_s = 11\n"
    room.write(f"{SETTINGS}[router]\n{times}", shop=ANYBODY)
    hashed = await room.reload()
    rules = room.engine.floor.rules
    assert room.desk.site.settings.router.drain_s == 7
    assert (rules.reject_hold_us, rules.fault_hold_us) == (8_000_000, 9_000_000)
    assert (rules.rescind_grace_us, rules.connect_grace_us) == (10_000_000, 11_000_000)
    assert hashed == rules.config_hash == load(room.site, SECRET).rules.config_hash


async def test_two_reloads_at_once_are_carried_out_one_after_the_other(room: Room) -> None:
    hashes = await asyncio.gather(room.desk.reload(), room.desk.reload())
    assert hashes[0].config_hash == hashes[1].config_hash == room.engine.floor.rules.config_hash


# ---- people ----


async def test_a_new_agent_whose_phone_is_registered_already_can_be_offered_calls(room: Room) -> None:
    await room.people(entry("agent-1003"))
    await room.reload()
    contact = await room.talk(AgentId("agent-1003"))
    assert room.engine.floor.contacts[contact].state == "connected"


async def test_who_left_is_forgotten_and_who_is_on_a_contact_is_kept_until_it_ends(room: Room) -> None:
    contact = await room.talk(ANNA)
    for agent_id in (ANNA, BERT):
        await room.directory.remove(agent_id, by="test", now=0)
    await room.reload()
    assert set(room.engine.floor.agents) == {ANNA, CANARY}
    assert room.engine.floor.contacts[contact].agent_id == ANNA
    room.calls.hang_up(room.engine.floor.contacts[contact].leg)
    await room.quiet()
    await room.reload()
    assert set(room.engine.floor.agents) == {CANARY}


async def test_who_left_but_talks_is_offered_nothing_more(room: Room) -> None:
    contact = await room.talk(ANNA)
    await room.directory.remove(ANNA, by="test", now=0)
    await room.reload()
    room.calls.hang_up(room.engine.floor.contacts[contact].leg)
    following = room.calls.arrive("shop")
    await room.quiet()
    assert room.engine.floor.contacts[following].is_waiting
    assert room.engine.floor.contacts[following].live == {}


async def test_who_left_and_came_back_is_offered_calls_again(room: Room) -> None:
    contact = await room.talk(ANNA)
    await room.directory.remove(ANNA, by="test", now=0)
    await room.reload()
    await room.people(entry(ANNA))
    await room.reload()
    room.calls.hang_up(room.engine.floor.contacts[contact].leg)
    following = room.calls.arrive("shop")
    await room.quiet()
    assert room.engine.floor.contacts[following].agent_id == ANNA


async def test_a_successor_to_a_phone_in_use_waits_for_it_and_everybody_else_is_enrolled(room: Room) -> None:
    await room.talk(ANNA)
    await room.directory.remove(ANNA, by="test", now=0)
    site, entries = load(room.site, SECRET), await room.directory.agents()
    roll = call_the_roll(room.pump, site, (*entries, entry("agent-1003", endpoint=ANNA), entry("agent-1004")))
    assert roll.kept_on_contact == (ANNA,)
    assert roll.without_phone == ("agent-1003",)
    assert roll.enrolled == 1
    assert "agent-1004" in room.engine.floor.agents


async def test_two_agents_may_swap_their_phones(room: Room) -> None:
    site = load(room.site, SECRET)
    roll = call_the_roll(room.pump, site, (entry(ANNA, endpoint=BERT), entry(BERT, endpoint=ANNA)))
    assert roll.without_phone == ()
    floor = room.engine.floor
    assert (floor.by_endpoint[BERT].profile.agent_id, floor.by_endpoint[ANNA].profile.agent_id) == (ANNA, BERT)


async def test_new_skills_take_effect_and_an_unchanged_agent_is_left_alone(room: Room) -> None:
    site = load(room.site, SECRET)
    roll = call_the_roll(room.pump, site, (entry(ANNA, de=30, fr=90), entry(BERT)))
    assert roll == replace(roll, enrolled=1, dismissed=0, kept_on_contact=(), without_phone=())
    assert room.engine.floor.agents[ANNA].profile.skills == {"de": 30, "fr": 90}


async def test_status_survives_a_reload(room: Room) -> None:
    room.pump.ask(LogIn(agent_id=ANNA))
    room.pump.ask(Pause(agent_id=ANNA, reason="lunch"))
    await room.people(entry(ANNA, de=10))
    await room.reload()
    agent = room.engine.floor.agents[ANNA]
    assert (agent.status, agent.reason, agent.profile.skills) == ("PAUSED", "lunch", {"de": 10})


async def test_an_entry_named_like_the_canary_does_not_take_its_place(room: Room) -> None:
    profile = room.engine.floor.agents[CANARY].profile
    await room.people(entry(CANARY, endpoint="agent-1009"))
    await room.reload()
    assert room.engine.floor.agents[CANARY].profile == profile


# ---- the floor, as people see it ----


async def test_the_floor_shows_agents_contacts_and_queues_but_not_the_canary(room: Room) -> None:
    talking = await room.talk(ANNA)
    room.pump.ask(LogIn(agent_id=BERT))
    room.pump.ask(Pause(agent_id=BERT, reason="lunch"))
    waiting = [room.calls.arrive("shop") for _ in range(2)]
    await room.quiet()
    room.clock.pass_s(12)
    seen = room.desk.floor()
    assert [(a.change.agent_id, a.change.status, a.change.work, a.standing) for a in seen.agents] == [
        (ANNA, "READY", "talking", "on_contact"),
        (BERT, "PAUSED", "idle", "paused"),
    ]
    assert {a.change.agent_id: a.queues for a in seen.agents} == {ANNA: ("shop/orders",), BERT: ("shop/orders",)}
    assert [(c.contact_id, c.state, c.agent_id) for c in seen.contacts] == [
        (talking, "connected", ANNA),
        *((contact, "queued", None) for contact in waiting),
    ]
    [shop] = [queue for queue in seen.queues if queue.queue == "shop/orders"]
    assert (shop.waiting, shop.longest_wait_us, shop.free_agents, shop.entitled_agents) == (2, 12_000_000, 0, 2)
    assert seen.now == room.clock.now()


async def test_a_ringing_contact_shows_whom_it_rings(room: Room) -> None:
    room.calls.silent.add(f"PJSIP/{ANNA}")
    room.pump.ask(LogIn(agent_id=ANNA))
    contact = room.calls.arrive("shop")
    await room.quiet()
    [view] = view_floor(room.engine.floor, room.clock.now()).contacts
    assert (view.contact_id, view.state, view.agent_id) == (contact, "offered", ANNA)


async def test_a_command_goes_through_the_desk_and_is_refused_in_words(room: Room) -> None:
    await room.desk.ask(LogIn(agent_id=ANNA, asked_by="admin"))
    assert room.engine.floor.agents[ANNA].status == "READY"
    with pytest.raises(CommandRefused):
        await room.desk.ask(HangUp(contact_id=ContactId("nobody")))


@pytest.mark.parametrize("reason", ["lnuch", "rona", "", "1", "BREAK"])
async def test_a_pause_reason_the_site_does_not_have_is_refused_with_those_it_has(room: Room, reason: str) -> None:
    room.write(SETTINGS + PAUSES, shop=ANYBODY)
    await room.reload()
    await room.desk.ask(LogIn(agent_id=ANNA))
    with pytest.raises(CommandRefused) as refused:
        await room.desk.ask(Pause(agent_id=ANNA, reason=reason))
    assert (refused.value.error_id, refused.value.details["reasons"]) == ("reason-invalid", ["lunch", "break"])
    assert "lunch, break" in refused.value.message
    assert room.engine.floor.agents[ANNA].status == "READY"

    await room.desk.ask(Pause(agent_id=ANNA, reason="break"))
    assert (room.engine.floor.agents[ANNA].status, room.engine.floor.agents[ANNA].reason) == ("PAUSED", "break")


async def test_a_reason_that_only_screens_give_and_what_came_of_it_are_seen_on_the_floor(room: Room) -> None:
    training = '[pause.training]\nlabel = "Training"\npaid = true\nmax_s = 60\nat_most = 1\n'
    room.write(SETTINGS + PAUSES + training, shop=ANYBODY)
    await room.reload()
    await room.desk.ask(LogIn(agent_id=ANNA))
    await room.desk.ask(Pause(agent_id=ANNA, reason="training"))
    [view] = [view for view in room.desk.floor().agents if view.change.agent_id == ANNA]
    assert (view.change.reason, view.change.paid, list(view.paused_today)) == ("training", True, ["training"])
    assert view.until_at == view.change.since_at + 60_000_000


async def test_a_site_without_pause_reasons_has_the_break(room: Room) -> None:
    await room.desk.ask(LogIn(agent_id=ANNA))
    with pytest.raises(CommandRefused):
        await room.desk.ask(Pause(agent_id=ANNA, reason="lunch"))
    await room.desk.ask(Pause(agent_id=ANNA, reason="break"))
    assert room.engine.floor.agents[ANNA].reason == "break"


async def test_readiness_is_told_as_it_is_now(room: Room) -> None:
    assert room.desk.readiness() == {"redis": "ok"}


# ---- traces ----


async def test_a_contact_never_seen_is_refused_with_how_far_back_the_router_remembers(room: Room) -> None:
    with pytest.raises(CommandRefused, match="has traced no contact since it was started") as refused:
        room.desk.trace(ContactId("nobody"))
    assert refused.value.error_id == "contact-unknown"

    contact = await room.talk(ANNA)
    with pytest.raises(CommandRefused, match=r"remembers the way of 1 contact, back to \d{4}-.*Z") as refused:
        room.desk.trace(ContactId("nobody"))
    assert refused.value.details == {"remembered": 1}
    assert room.desk.trace(contact).lives


async def test_the_latest_traces_come_first_and_as_many_as_asked(room: Room) -> None:
    first = await room.talk(ANNA)
    second = await room.talk(BERT)
    assert [trace.contact_id for trace in await room.desk.traces(10)] == [second, first]
    assert [trace.contact_id for trace in await room.desk.traces(1)] == [second]
    [offer] = room.desk.trace(second).offers
    assert offer.offer_id == f"{second}.1"


async def test_who_stands_by_takes_no_command_and_says_whose_the_pool_is(room: Room) -> None:
    room.lease = LeaseView(owner="77", host="acd2", epoch=9)

    with pytest.raises(CommandRefused, match="acd2's") as refused:
        await room.desk.ask(LogIn(agent_id=ANNA))
    with pytest.raises(CommandRefused):
        await room.desk.canary()

    assert refused.value.error_id == "pool-not-ours"
    assert room.engine.floor.agents[ANNA].status.name == "LOGGED_OUT"
    assert room.desk.lease().host == "acd2"


async def test_a_command_nobody_could_write_down_is_in_force_and_says_that_it_is_not_safe(room: Room) -> None:
    await room.people(entry(ANNA))
    await room.reload()
    room.disk = False

    with pytest.raises(RemoteError, match="in force") as told:
        await room.desk.ask(LogIn(agent_id=ANNA))

    assert told.value.error_id == "not-written-down"
    assert room.engine.floor.agents[ANNA].status == "READY"


async def test_while_the_pool_changes_hands_no_command_is_taken(room: Room) -> None:
    """The lease is ours and the floor is not yet: what would be written down would cover what is to be taken up."""
    room.pump.stop()

    with pytest.raises(RemoteError) as refused:
        await room.desk.ask(LogIn(agent_id=ANNA))

    assert (refused.value.error_id, refused.value.retryable) == ("pool-changes-hands", True)
