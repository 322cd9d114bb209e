"""Exit codes, help, and that no failure is a traceback."""

import os
import subprocess
import sys

import pytest

from router.cli.exits import FAILED, MEANINGS, MISSING, POOL_LOST, REFUSED, USAGE, code_of, first_of_ours
from router.domain.errors import CommandRefused, ConfigError, Fault, InvariantBroken, Overloaded, RemoteError
from tests.cli.conftest import Bench

HEAVY = ("sqlalchemy", "aiohttp", "redis", "pydantic", "uvloop", "panoramisk", "alembic", "phonenumbers")


def python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | environ, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandRefused("agent-unknown", "no"), REFUSED),
        (ConfigError([Fault("f", "k", "v", "e")]), USAGE),
        (RemoteError("redis-unreachable", "no"), MISSING),
        (RemoteError("pool-lost", "no"), POOL_LOST),
        (RemoteError("pool-owned", "no"), POOL_LOST),
        (RemoteError("pool-foreign", "no"), USAGE),
        (RemoteError("canary-lost", "no"), FAILED),
        (Overloaded("full", "no"), FAILED),
        (InvariantBroken("bug", "no"), FAILED),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: Exception, code: int) -> None:
    ours = first_of_ours(ExceptionGroup("tasks", [ExceptionGroup("inner", [ValueError(), error])]))
    assert ours is error
    assert code_of(ours) == code


def test_help_documents_every_exit_code_and_every_command(bench: Bench) -> None:
    shown = bench.run("--help").stdout
    for code, meaning in MEANINGS.items():
        assert f"{code}  {meaning}" in shown
    for command in (
        *("serve", "status", "reload", "canary", "hangup", "records", "explain", "trace", "check-config", "schema"),
        *("doctor", "agent", "export", "pbx", "campaign", "simulate", "prioritise"),
    ):
        assert f" {command} " in shown


@pytest.mark.parametrize(
    "command",
    [
        *(["serve"], ["status"], ["reload"], ["canary"], ["hangup"], ["records"], ["explain"], ["trace"], ["doctor"]),
        *(["agent", "add"], ["agent", "set"], ["agent", "list"], ["agent", "import"], ["agent", "remove"]),
        *(["agent", "password"], ["agent", "login"], ["agent", "pause"], ["export", "pjsip"]),
        *(["campaign", "new"], ["campaign", "shut"], ["campaign", "open"], ["simulate"], ["prioritise"]),
    ],
)
def test_help_of_a_command_has_an_example(bench: Bench, command: list[str]) -> None:
    shown = bench.run(*command, "--help")
    assert shown.exit_code == 0
    assert f"Example: ringfair {' '.join(command)}" in " ".join(shown.stdout.split())
    assert "--config" in shown.stdout


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, router.cli; print(*(set({HEAVY!r}) & set(sys.modules)))"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_something_unexpected_is_one_sentence_and_code_1(bench: Bench) -> None:
    code = (
        "import sys; import router.cli.status as status\n"
        "def broken(config): raise ZeroDivisionError('boom')\n"
        "status.read_site = broken\n"
        "sys.argv = ['ringfair', 'status']\n"
        "from router.__main__ import main; main()"
    )
    done = python("-c", code)
    assert done.returncode == FAILED
    assert done.stderr == "ringfair: unexpected ZeroDivisionError: boom (RINGFAIR_TRACEBACK=1 tells where)\n"
    assert "Traceback" in python("-c", code, RINGFAIR_TRACEBACK="1").stderr


def test_every_fault_of_broken_files_is_told_with_code_2(bench: Bench) -> None:
    bench.settings["http"] = 'listen = "0.0.0.0:9580"\ncontrol_socket = "control.sock"\n'
    bench.settings["router"] = 'pool = "Main Pool"\n'
    (bench.directory / "campaigns" / "support.toml").write_text("[campaign\nname = 'support'\n")
    for command in (["status"], ["records"], ["agent", "list"], ["doctor"], ["export", "pjsip"], ["reload"]):
        result = bench.run(*command)
        assert result.exit_code == USAGE, result.output
        assert result.stdout == ""
        for part in ("http.listen", "router.pool", "campaigns/support.toml"):
            assert part in result.stderr


def test_a_missing_site_says_where_it_was_looked_for(bench: Bench) -> None:
    result = bench.run("status", "--config", "/nonexistent/site")
    assert result.exit_code == USAGE
    assert "/nonexistent/site/ringfair.toml" in result.stderr


def test_the_version_is_told(bench: Bench) -> None:
    assert bench.run("--version").stdout.startswith("ringfair 0.")


def test_serve_without_redis_is_one_sentence_and_code_3(bench: Bench) -> None:
    bench.write()
    done = python("-m", "router", "serve", "--config", str(bench.directory))
    assert done.returncode == MISSING
    assert "No Redis or Valkey can be reached" in done.stderr
    assert "Traceback" not in done.stderr
