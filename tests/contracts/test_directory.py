"""The promises of the `Directory` port, kept by the fake, by SQLite and by PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import AgentProfile, Post
from router.ports import AgentEntry, Credential

if TYPE_CHECKING:  # pytest itself must be the first to import it: see pytest_plugins
    from router.adapters.sql.directory import SqlDirectory
    from tests.contracts.databases import DirectoryStore
    from tests.fakes.directory import FakeDirectory

pytest_plugins = ["tests.contracts.databases"]

NOON = 1_790_000_000 * SECOND
MD5, SHA = "MD5:" + "0a" * 16, "SHA-256:" + "1b" * 32
SECRET = Credential(realm="ringfair", digest=f"{MD5}\n{SHA}")


@pytest.fixture
async def directory(directory_store: DirectoryStore) -> AsyncIterator[SqlDirectory | FakeDirectory]:
    async with directory_store.open() as opened:
        yield opened


def an_agent(
    number: int = 1001,
    *,
    credential: Credential | None = None,
    transport: str = "udp",
    active: bool = True,
    **changes: object,
) -> AgentEntry:
    name = f"agent-{number}"
    fields: dict[str, object] = {"agent_id": AgentId(name), "endpoint": name, "skills": {"de": 80}}
    profile = AgentProfile(**(fields | changes))  # type: ignore[arg-type]
    return AgentEntry(profile=profile, credential=credential, transport=transport, active=active)


async def audited(directory: SqlDirectory | FakeDirectory, after: int = 0) -> list[tuple[str, str, str]]:
    return [(row.field, row.old, row.new) for row in await directory.audit(after=after)]


async def last_change(directory: SqlDirectory | FakeDirectory) -> int:
    rows = await directory.audit()
    return rows[-1].change_id if rows else 0


async def test_an_empty_directory_has_no_agents(directory: SqlDirectory) -> None:
    assert await directory.agents() == ()
    assert await directory.audit() == ()


async def test_agents_come_back_as_they_were_put_in_order_of_their_ids(directory: SqlDirectory) -> None:
    full = an_agent(
        1002,
        credential=SECRET,
        transport="tls",
        skills={"orders": 100, "de": 60, "x": 0},
        auto_answer="Alert-Info: <http://127.0.0.1>;info=alert-autoanswer".replace(";info", " info"),
        display_name="Agent 1002 – Zoë 北京",
        dial="Local/1002@acd-demo",
    )
    await directory.put([full, an_agent(1001, skills={})], by="admin", now=NOON)
    assert await directory.agents() == (an_agent(1001, skills={}), full)


async def test_a_put_replaces_skills_and_fields_but_keeps_the_credential(directory: SqlDirectory) -> None:
    await directory.put([an_agent(credential=SECRET, skills={"de": 80, "orders": 5})], by="admin", now=NOON)
    await directory.put([an_agent(skills={"en": 50}, endpoint="desk-7")], by="admin", now=NOON + 1)
    assert await directory.agents() == (an_agent(credential=SECRET, skills={"en": 50}, endpoint="desk-7"),)


async def test_a_removed_agent_stays_inactive_and_loses_the_credential(directory: SqlDirectory) -> None:
    await directory.put([an_agent(credential=SECRET), an_agent(1002)], by="admin", now=NOON)
    for _ in range(2):
        await directory.remove(AgentId("agent-1001"), by="lead", now=NOON + 1)
    assert await directory.agents() == (an_agent(active=False), an_agent(1002))
    rows = await directory.audit(AgentId("agent-1001"))
    assert [(r.by, r.at, r.field, r.old, r.new) for r in rows[-2:]] == [
        ("lead", NOON + 1, "active", "yes", "no"),
        ("lead", NOON + 1, "credential", "set", ""),
    ]


async def test_an_agent_put_as_inactive_loses_the_credential_too(directory: SqlDirectory) -> None:
    await directory.put([an_agent(credential=SECRET)], by="admin", now=NOON)
    await directory.put([an_agent(active=False)], by="admin", now=NOON)
    await directory.put([an_agent()], by="admin", now=NOON)
    assert await directory.agents() == (an_agent(),)


@pytest.mark.parametrize("name", ["agent-9999", "", "a\x00b", "\ud800", "x" * 10_000])
async def test_removing_somebody_unknown_is_refused(directory: SqlDirectory, name: str) -> None:
    with pytest.raises(CommandRefused) as refusal:
        await directory.remove(AgentId(name), by="admin", now=NOON)
    assert refusal.value.error_id == "unknown-agent"
    assert len(refusal.value.message) < 200


async def test_every_change_is_audited_with_who_when_old_and_new(directory: SqlDirectory) -> None:
    await directory.put([an_agent(display_name="Agent One")], by="admin", now=NOON)
    first = await directory.audit()
    assert {(row.by, row.at, row.agent_id) for row in first} == {("admin", NOON, "agent-1001")}
    assert await audited(directory) == [
        ("active", "", "yes"),
        ("endpoint", "", "agent-1001"),
        ("transport", "", "udp"),
        ("skill de", "", "80"),
        ("display_name", "", "set"),
    ]
    mark = await last_change(directory)
    await directory.put([an_agent(display_name="Agent Two", skills={"en": 1}, transport="tls")], by="a", now=NOON)
    assert await audited(directory, after=mark) == [
        ("transport", "udp", "tls"),
        ("skill en", "", "1"),
        ("skill de", "80", ""),
        ("display_name", "set", "changed"),
    ]


async def test_a_put_that_changes_nothing_leaves_no_trace(directory: SqlDirectory) -> None:
    await directory.put([an_agent(credential=SECRET)], by="admin", now=NOON)
    mark = await last_change(directory)
    await directory.put([an_agent(credential=SECRET), an_agent()], by="other", now=NOON + 1)
    assert await audited(directory, after=mark) == []


async def test_the_audit_never_holds_a_digest(directory: SqlDirectory) -> None:
    await directory.put([an_agent(credential=SECRET)], by="admin", now=NOON)
    other = Credential(realm="ringfair", digest="MD5:" + "ff" * 16)
    await directory.put([an_agent(credential=other)], by="admin", now=NOON)
    assert (await audited(directory))[-1] == ("credential", "set", "changed")
    said = repr(await directory.audit())
    assert not any(digest in said for digest in ("0a0a", "1b1b", "ffff"))


async def test_the_audit_is_read_in_pages_and_by_agent(directory: SqlDirectory) -> None:
    await directory.put([an_agent(n) for n in range(1001, 1021)], by="admin", now=NOON)
    rows = await directory.audit()
    assert len(rows) == 80
    assert await directory.audit(limit=7) == rows[:7]
    assert await directory.audit(after=rows[6].change_id, limit=7) == rows[7:14]
    assert {row.agent_id for row in await directory.audit(AgentId("agent-1003"))} == {"agent-1003"}


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("agent_id", an_agent(agent_id=AgentId("agent 1\n[admin]"))),
        ("agent_id", an_agent(agent_id=AgentId(""))),
        ("agent_id", an_agent(agent_id=AgentId("x" * 65))),
        ("endpoint", an_agent(endpoint="a]\ntype=endpoint")),
        ("endpoint", an_agent(endpoint="../trunk")),
        ("display_name", an_agent(display_name="Zoë\r\nAction: Hangup")),
        ("display_name", an_agent(display_name="x" * 10_000)),
        ("auto_answer", an_agent(auto_answer="Alert-Info: x\r\nEvil: y")),
        ("auto_answer", an_agent(auto_answer="no header")),
        ("dial", an_agent(dial="PJSIP/a\nb")),
        ("transport", an_agent(transport="carrier pigeon")),
        ("skills", an_agent(skills={"DE": 50})),
        ("skills", an_agent(skills={"and": 50})),
        ("skills", an_agent(skills={"de": 101})),
        ("skills", an_agent(skills={"de": -1})),
        ("skills", an_agent(skills={"de": True})),
        ("realm", an_agent(credential=Credential(realm='a"b', digest=MD5))),
        ("digest", an_agent(credential=Credential(realm="ringfair", digest="hunter2"))),
        ("digest", an_agent(credential=Credential(realm="ringfair", digest=""))),
        ("digest", an_agent(credential=Credential(realm="ringfair", digest=MD5 + "\npassword=x"))),
    ],
)
async def test_a_bad_entry_is_refused_by_its_field_and_nobody_of_the_batch_enters(
    directory: SqlDirectory, field: str, bad: AgentEntry
) -> None:
    with pytest.raises(CommandRefused) as refusal:
        await directory.put([an_agent(1005), bad], by="admin", now=NOON)
    assert (refusal.value.error_id, refusal.value.details["field"]) == ("agent-invalid", field)
    assert "\n" not in refusal.value.message
    assert "hunter2" not in refusal.value.message
    assert await directory.agents() == ()
    assert await directory.audit() == ()


async def test_two_active_agents_cannot_share_a_phone(directory: SqlDirectory) -> None:
    await directory.put([an_agent(1001)], by="admin", now=NOON)
    with pytest.raises(CommandRefused) as refusal:
        await directory.put([an_agent(1003), an_agent(1002, endpoint="agent-1001")], by="admin", now=NOON)
    assert (refusal.value.error_id, refusal.value.details["endpoint"]) == ("endpoint-taken", "agent-1001")
    assert await directory.agents() == (an_agent(1001),)
    await directory.remove(AgentId("agent-1001"), by="admin", now=NOON)
    await directory.put([an_agent(1002, endpoint="agent-1001")], by="admin", now=NOON)


async def test_two_agents_may_swap_their_phones_in_one_go(directory: SqlDirectory) -> None:
    await directory.put([an_agent(1001), an_agent(1002)], by="admin", now=NOON)
    swapped = (an_agent(1001, endpoint="agent-1002"), an_agent(1002, endpoint="agent-1001"))
    await directory.put(swapped, by="admin", now=NOON)
    assert await directory.agents() == swapped


async def test_a_large_import_goes_in_at_once(directory: SqlDirectory) -> None:
    people = [an_agent(n, skills={"de": 1, "en": 2}) for n in range(10_000, 13_000)]
    await directory.put(people, by="import", now=NOON)
    await directory.put([an_agent(n, skills={"de": 9}) for n in range(10_000, 13_000)], by="import", now=NOON)
    held = await directory.agents()
    assert len(held) == 3000
    assert all(entry.profile.skills == {"de": 9} for entry in held)


async def test_the_audit_is_a_chain_also_when_two_change_an_agent_at_once(directory_store: DirectoryStore) -> None:
    async with directory_store.open() as one, directory_store.open() as other:
        await one.put([an_agent(skills={"de": 0})], by="admin", now=NOON)
        await asyncio.gather(
            *(one.put([an_agent(skills={"de": level})], by="one", now=NOON) for level in range(1, 21)),
            *(other.put([an_agent(skills={"de": level})], by="other", now=NOON) for level in range(21, 41)),
        )
        chain = [(row.old, row.new) for row in await one.audit() if row.field == "skill de"]
        assert len(chain) == 41
        assert [new for _, new in chain[:-1]] == [old for old, _ in chain[1:]]


async def test_the_author_of_a_change_is_kept_as_one_short_line(directory: SqlDirectory) -> None:
    await directory.put([an_agent()], by="ad\nmin\x00" + "x" * 10_000, now=NOON)
    assert (await directory.audit())[0].by == "ad min\ufffd" + "x" * 248 + "…"


async def test_agents_are_there_for_whoever_opens_the_directory_next(directory_store: DirectoryStore) -> None:
    async with directory_store.open() as first:
        await first.put([an_agent(credential=SECRET)], by="admin", now=NOON)
    async with directory_store.open() as second:
        assert await second.agents() == (an_agent(credential=SECRET),)


async def test_posts_and_the_daily_limit_are_kept_replaced_and_audited(directory: SqlDirectory) -> None:
    stands = {"shop/orders": Post(priority=2, delay_us=30 * SECOND), "shop/general": Post(position=7)}
    await directory.put([an_agent(posts=stands, daily_cap=80)], by="test", now=NOON)
    assert (await directory.agents())[0].profile.posts == stands
    assert (await directory.agents())[0].profile.daily_cap == 80
    before = await last_change(directory)
    await directory.put([an_agent(posts={"shop/orders": Post(priority=3)})], by="test", now=NOON)
    assert (await directory.agents())[0].profile.posts == {"shop/orders": Post(priority=3)}
    assert await audited(directory, after=before) == [
        ("post shop/orders", "priority=2 delay_s=30 position=0", "priority=3 delay_s=0 position=0"),
        ("daily_cap", "80", ""),
        ("post shop/general", "priority=0 delay_s=0 position=7", ""),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"daily_cap": -1},
        {"daily_cap": True},
        {"posts": {"orders": Post()}},
        {"posts": {"shop/orders\n": Post()}},
        {"posts": {"shop/orders": Post(priority=101)}},
        {"posts": {"shop/orders": Post(delay_us=-1)}},
        {"posts": {"shop/orders": Post(position=10**9)}},
        {"posts": {f"shop/q{number}": Post() for number in range(201)}},
    ],
)
async def test_no_post_that_nobody_could_stand_in_enters(directory: SqlDirectory, changes: dict[str, object]) -> None:
    with pytest.raises(CommandRefused):
        await directory.put([an_agent(**changes)], by="test", now=NOON)
    assert await directory.agents() == ()
