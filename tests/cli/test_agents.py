"""`ringfair agent …` on a real database."""

import json
import os
import re
import stat

import pytest

from router.adapters.pbx.passwords import password_digest
from router.cli.exits import DONE, REFUSED, USAGE
from router.domain.messages.commands import Post
from tests.cli.conftest import Bench
from tests.fakes.desk import FakeDesk


def password_in(output: str) -> str:
    found = re.search(r"password \(shown only now\): (\S+)", output)
    assert found is not None, output
    return found[1]


def test_an_added_agent_is_stored_with_a_digest_and_the_password_is_shown_once(bench: Bench) -> None:
    result = bench.run("agent", "add", "agent-1001", "--skill", "de=80", "--skill", "orders", "--transport", "tls")
    assert result.exit_code == DONE, result.output
    password = password_in(result.stdout)
    entry = bench.agents()["agent-1001"]
    assert entry.profile.skills == {"de": 80, "orders": 100}
    assert entry.transport == "tls"
    assert entry.credential is not None
    assert entry.credential.digest == password_digest("agent-1001", "ringfair", password)
    for stored in bench.directory.glob("ledger.sqlite3*"):
        assert password.encode() not in stored.read_bytes()
    assert password not in bench.run("agent", "list", "--json").output


def test_an_agent_who_is_there_is_not_added_again(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001")
    before = bench.agents()
    result = bench.run("agent", "add", "agent-1001", "--skill", "de=10")
    assert result.exit_code == REFUSED
    assert "ringfair agent set agent-1001" in result.stderr
    assert bench.agents() == before


def test_what_may_not_stand_in_the_directory_is_refused(bench: Bench) -> None:
    for arguments in (
        ["bad id"],
        ["agent-1001", "--transport", "sctp"],
        ["canary"],
        ["agent-1001", "--endpoint", "a b"],
    ):
        result = bench.run("agent", "add", *arguments)
        assert result.exit_code == REFUSED, result.output
        assert result.stderr.startswith("ringfair: ")
    result = bench.run("agent", "add", "agent-1001", "--skill", "de=101")
    assert result.exit_code == USAGE
    assert bench.agents() == {}


def test_set_changes_what_is_named_and_leaves_the_rest(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001", "--skill", "de=80", "--skill", "orders=60", "--name", "Desk one")
    credential = bench.agents()["agent-1001"].credential
    changed = bench.json("agent", "set", "agent-1001", "--skill", "en=70", "--no-skill", "orders", "--json")
    assert changed[0]["skills"] == {"de": 80, "en": 70}
    assert "password" not in changed[0]
    entry = bench.agents()["agent-1001"]
    assert entry.profile.skills == {"de": 80, "en": 70}
    assert entry.profile.display_name == "Desk one"
    assert entry.credential == credential


def test_another_endpoint_needs_another_password(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001")
    result = bench.run("agent", "set", "agent-1001", "--endpoint", "phone-7")
    password = password_in(result.stdout)
    credential = bench.agents()["agent-1001"].credential
    assert credential is not None
    assert credential.digest == password_digest("phone-7", "ringfair", password)


def test_a_new_password_replaces_the_old_one(bench: Bench) -> None:
    first = password_in(bench.run("agent", "add", "agent-1001").stdout)
    second = password_in(bench.run("agent", "password", "agent-1001").stdout)
    assert first != second
    credential = bench.agents()["agent-1001"].credential
    assert credential is not None
    assert credential.digest == password_digest("agent-1001", "ringfair", second)


def test_a_removed_agent_is_gone_from_the_list_and_can_come_back(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001", "--skill", "de=80")
    assert bench.run("agent", "remove", "agent-1001").exit_code == DONE
    assert bench.json("agent", "list", "--json") == []
    assert [agent["active"] for agent in bench.json("agent", "list", "--all", "--json")] == [False]
    assert bench.run("agent", "set", "agent-1001", "--skill", "de=1").exit_code == REFUSED
    assert bench.run("agent", "remove", "agent-9999").exit_code == REFUSED
    password_in(bench.run("agent", "add", "agent-1001").stdout)
    assert bench.agents()["agent-1001"].active


def test_looking_at_nothing_makes_no_database(bench: Bench) -> None:
    assert bench.json("agent", "list", "--json") == []
    assert not (bench.directory / "ledger.sqlite3").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_a_database_made_by_root_belongs_to_the_owner_of_its_folder(bench: Bench) -> None:
    os.chown(bench.directory, 12345, 12346)
    bench.run("agent", "add", "agent-1001")
    for file in bench.directory.glob("ledger.sqlite3*"):
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12346)


def test_an_import_with_bad_lines_tells_all_of_them_and_changes_nothing(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001")
    before = bench.agents()
    file = bench.directory / "agents.csv"
    file.write_text(
        "id,name,endpoint,transport,skills\n"
        "agent-1001,,,,de=50\n"
        "agent-1002,,,,de=101\n"
        "bad id,,,,\n"
        "agent-1003,,agent-1001,,\n"
        "agent-1004,,,sctp,\n"
        "agent-1001,,,,\n"
        'agent-1005,"two\nlines",,,\n'
    )
    passwords = bench.directory / "passwords.csv"
    result = bench.run("agent", "import", str(file), "--passwords", str(passwords))
    assert result.exit_code == USAGE
    assert "nothing was imported" in result.stderr
    for part in ("line 3, skills", "line 4, id", "line 5, endpoint", "line 6, transport", "line 7, id", "line 9, name"):
        assert part in result.stderr
    assert bench.agents() == before
    assert not passwords.exists()


def test_an_import_adds_and_changes_and_writes_new_passwords_for_its_owner_only(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001", "--skill", "de=80")
    old = bench.agents()["agent-1001"].credential
    file = bench.directory / "agents.csv"
    file.write_bytes("\ufeffid,skills,name\r\nagent-1001,de=90 orders,\r\nagent-1002,en=40,Zoë\r\n".encode())
    passwords = bench.directory / "passwords.csv"
    result = bench.run("agent", "import", str(file), "--passwords", str(passwords))
    assert result.exit_code == DONE, result.output
    agents = bench.agents()
    assert agents["agent-1001"].profile.skills == {"de": 90, "orders": 100}
    assert agents["agent-1001"].credential == old
    assert agents["agent-1002"].profile.display_name == "Zoë"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    header, line = passwords.read_text().splitlines()
    assert header == "id,username,password"
    agent, user, password = line.split(",")
    credential = agents["agent-1002"].credential
    assert (agent, user) == ("agent-1002", "agent-1002")
    assert credential is not None
    assert credential.digest == password_digest(user, "ringfair", password)
    assert password not in result.output


def test_an_import_never_overwrites_a_file_of_passwords(bench: Bench) -> None:
    file, passwords = bench.directory / "agents.csv", bench.directory / "passwords.csv"
    file.write_text("id\nagent-1001\n")
    passwords.write_text("kept")
    result = bench.run("agent", "import", str(file), "--passwords", str(passwords))
    assert result.exit_code == REFUSED
    assert passwords.read_text() == "kept"
    assert bench.agents() == {}


def test_an_import_without_a_file_for_them_shows_new_passwords_once(bench: Bench) -> None:
    file = bench.directory / "agents.csv"
    file.write_text("id\nagent-1001\nagent-1002\n")
    result = bench.run("agent", "import", str(file))
    for agent in ("agent-1001", "agent-1002"):
        found = re.search(rf"{agent} +{agent} +(\S+)", result.stdout)
        assert found is not None
        credential = bench.agents()[agent].credential
        assert credential is not None
        assert credential.digest == password_digest(agent, "ringfair", found[1])


def test_no_csv_and_no_utf8_are_told(bench: Bench) -> None:
    file = bench.directory / "agents.csv"
    for content in (b"\xff\xfe", b"", b"name\nx\n", b'id\n"open', b"id,id\na,b\n"):
        file.write_bytes(content)
        assert bench.run("agent", "import", str(file)).exit_code == USAGE
    assert bench.run("agent", "import", str(bench.directory / "missing.csv")).exit_code == USAGE


def test_a_change_is_told_to_the_running_router(bench: Bench, desk: FakeDesk) -> None:
    result = bench.run("agent", "add", "agent-1001")
    assert "The running router has read it." in result.stderr
    assert desk.config_hash == "c0ffee+1"


def test_a_change_is_kept_when_the_router_cannot_take_it_over(bench: Bench, desk: FakeDesk) -> None:
    desk.broken = RuntimeError("a bug of ours")
    result = bench.run("agent", "add", "agent-1001")
    assert result.exit_code == DONE
    assert "did not take it over" in result.stderr
    assert "agent-1001" in bench.agents()


def test_json_of_the_list_names_no_secret(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001", "--auto-answer")
    (agent,) = bench.json("agent", "list", "--json")
    assert agent == {
        "agent_id": "agent-1001",
        "name": "",
        "endpoint": "agent-1001",
        "transport": "udp",
        "skills": {},
        "auto_answer": True,
        "daily_cap": 0,
        "posts": {},
        "active": True,
        "has_password": True,
    }
    credential = bench.agents()["agent-1001"].credential
    assert credential is not None
    assert credential.digest not in json.dumps(agent)


def test_a_post_says_how_an_agent_stands_to_a_queue_and_every_change_is_kept_for_ever(bench: Bench) -> None:
    bench.run("agent", "add", "agent-1001", "--daily-cap", "80")
    result = bench.run("agent", "post", "agent-1001", "shop/orders", "--priority", "2", "--delay-s", "30.5")
    assert result.exit_code == DONE, result.output
    bench.run("agent", "post", "agent-1001", "shop/orders", "--position", "3")
    profile = bench.agents()["agent-1001"].profile
    assert profile.posts == {"shop/orders": Post(priority=2, delay_us=30_500_000, position=3)}
    assert profile.daily_cap == 80
    listed = json.loads(bench.run("agent", "list", "--json").stdout)[0]
    assert listed["posts"] == {"shop/orders": {"priority": 2, "delay_s": 30.5, "position": 3}}
    assert "shop/orders:priority=2:delay_s=30.5:position=3" in bench.run("agent", "list").stdout
    bench.run("agent", "post", "agent-1001", "shop/orders", "--none")
    bench.run("agent", "set", "agent-1001", "--daily-cap", "0")
    profile = bench.agents()["agent-1001"].profile
    assert (profile.posts, profile.daily_cap) == ({}, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["shop/none", "--priority", "1"],
        ["shop/orders", "--priority", "101"],
        ["shop/orders", "--delay-s", "nan"],
        ["shop/orders", "--delay-s", "1e9"],
        ["shop/orders", "--position", "-1"],
        ["shop/orders"],
        ["shop/orders", "--none", "--priority", "1"],
    ],
)
def test_what_is_no_post_is_refused(bench: Bench, arguments: list[str]) -> None:
    bench.run("agent", "add", "agent-1001")
    result = bench.run("agent", "post", "agent-1001", *arguments)
    assert result.exit_code in (REFUSED, USAGE), result.output
    assert bench.agents()["agent-1001"].profile.posts == {}


def test_an_import_brings_posts_and_limits(bench: Bench) -> None:
    file = bench.directory / "agents.csv"
    file.write_text("id,daily_cap,posts\nagent-1001,80,shop/orders:priority=2:delay_s=30 shop/general\nagent-1002,,\n")
    assert bench.run("agent", "import", str(file)).exit_code == DONE
    profile = bench.agents()["agent-1001"].profile
    assert (profile.daily_cap, profile.posts) == (80, {"shop/orders": Post(priority=2, delay_us=30_000_000)})
    for cell in (
        "shop/orders:priority",
        "shop/orders:rank=1",
        "shop/orders:delay_s=1e3",
        "orders",
        "a/b a/b",
        "a/b:position=1.5",
    ):
        file.write_text(f"id,posts\nagent-1001,{cell}\n")
        result = bench.run("agent", "import", str(file))
        assert result.exit_code == USAGE, result.output
        assert "line 2, posts" in result.stderr
    assert bench.agents()["agent-1001"].profile == profile
