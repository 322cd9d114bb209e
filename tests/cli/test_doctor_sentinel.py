"""The doctor looks at the Sentinels: who is the master, who answers, and what a failover would lose."""

from __future__ import annotations

import pytest

from router.adapters.redis.sentinel import Answer, Told
from router.cli.checkup.finding import Finding
from router.cli.checkup.sentinel import judge_replication, judge_sentinels
from tests.cli.conftest import Bench
from tests.contracts.redis_trio import a_trio


def told(host: str = "10.0.0.1", *, failovers: int = 1, up: bool = True, replicas: int = 2, sentinels: int = 3) -> Told:
    return Told(place=(host, 6379), failovers=failovers, up=up, replicas=replicas, sentinels=sentinels)


def judged(*answers: Answer) -> dict[str, Finding]:
    said = [(f"s{number}:26379", answer) for number, answer in enumerate(answers, 1)]
    found: dict[str, Finding] = {}
    for finding in judge_sentinels(said, "main"):
        found.setdefault(finding.check, finding)
    return found


def test_three_of_one_mind_are_as_it_should_be() -> None:
    found = judged(told(), told(), told())
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert "10.0.0.1:6379 is the master main" in found["redis.master"].found
    assert "2 replicas" in found["redis.master"].found


@pytest.mark.parametrize(
    ("answers", "check", "verdict", "words"),
    [
        (("silent", told(), told()), "redis.sentinels", "warn", "s1:26379 does not answer"),
        (("silent", "login", told()), "redis.sentinels", "fail", "s2:26379 does not accept our password"),
        (("unknown",) * 3, "redis.sentinels", "fail", "s1:26379 knows no master of this name"),
        ((told("10.0.0.9", failovers=0), told(), told()), "redis.sentinels", "warn", "s1:26379 named another server"),
        ((told(), told()), "redis.sentinels", "warn", "2 of them"),
        ((told(up=False),) * 3, "redis.master", "fail", "10.0.0.1:6379 is down"),
        ((told(replicas=0),) * 3, "redis.replicas", "fail", "none"),
    ],
)
def test_each_fault_is_told(answers: tuple[Answer, ...], check: str, verdict: str, words: str) -> None:
    finding = judged(*answers)[check]
    assert finding.verdict == verdict
    assert words in finding.found
    assert finding.mend


@pytest.mark.parametrize(
    ("info", "verdict"),
    [({}, "warn"), ({"min_slaves_good_slaves": 0}, "fail"), ({"min_slaves_good_slaves": 2}, "ok")],
)
def test_a_master_that_would_take_writes_alone_is_told(info: dict[str, int], verdict: str) -> None:
    assert judge_replication(info).verdict == verdict


@pytest.mark.server
def test_a_site_with_sentinels_is_looked_at(bench: Bench) -> None:
    with a_trio(replicas=1, min_replicas_to_write="1") as trio:
        bench.settings["redis"] = f'url = "{trio.url}"\n'
        found = bench.findings(exit_code=1)  # there is no Asterisk
        for check in ("redis", "redis.master", "redis.sentinels", "redis.min-replicas", "redis.write", "redis.lease"):
            assert found[check]["verdict"] == "ok", found[check]
        assert f"127.0.0.1:{trio.master.port} is the master ringfair" in found["redis.master"]["found"]
        assert found["redis.persistence"]["verdict"] == "warn"
        trio.sentinels[0].stop()
        assert bench.findings(exit_code=1)["redis.sentinels"]["verdict"] == "warn"
        for sentinel in trio.sentinels:
            sentinel.stop()
        found = bench.findings(exit_code=1)
        assert found["redis.sentinels"]["verdict"] == found["redis"]["verdict"] == "fail"
