"""What a Sentinel failover can lose, and that nothing depends on it: real servers, real Sentinels, a floor in motion.

The floor of a `Room` is the truth, as Asterisk's is on a real site. Each story has an owner whose lease, presence and
journal are kept as in a router, and one who stands by for it and must take nothing while the owner lives.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.journal import RedisJournal
from router.adapters.redis.lease import RedisLease
from router.adapters.redis.presence import RedisPresence
from router.domain.errors import RemoteError
from tests.contracts.failover_story import a_story, written
from tests.contracts.redis_servers import RedisServer, free_port
from tests.contracts.redis_trio import RedisTrio, a_trio

pytest_plugins = ["tests.contracts.redis_trio"]

Record = Callable[[str, object], None]
SETTLED_S = 3.0
"After a promotion, until Redis has the whole truth again."


@pytest.mark.parametrize("trio", ["redis", "valkey"], indirect=True)
async def test_a_killed_master_is_followed_and_the_truth_is_written_again(
    trio: RedisTrio, record_property: Record
) -> None:
    async with a_story(trio) as story:
        trio.kill_master()
        promoted_at = await story.promoted()
        took_s = await story.truth_is_written(promoted_at)
        record_property("settled_s", round(took_s, 2))

        await asyncio.sleep(2.0)  # longer than a lease lives and a standby is polite
        assert took_s < SETTLED_S
        story.nobody_else_took_it()


async def test_what_a_replica_never_heard_of_is_lost_there_and_nowhere_else(
    trio: RedisTrio, record_property: Record
) -> None:
    async with a_story(trio) as story:
        before = story.owner.journal.commits
        trio.stop_replication()
        await asyncio.sleep(2.0)  # longer than the replica's copy of the lease lives
        await story.owner.settled()
        lost = story.owner.journal.commits - before
        trio.kill_master()
        promoted_at = await story.promoted()
        took_s = await story.truth_is_written(promoted_at)
        record_property("acknowledged_and_lost", lost)
        record_property("settled_s", round(took_s, 2))

        await asyncio.sleep(2.0)
        assert lost > 20
        assert story.owner.journal.rewrites >= 1
        assert took_s < SETTLED_S
        story.nobody_else_took_it()


async def test_a_master_that_only_sentinels_and_replicas_have_lost_is_left(
    trio: RedisTrio, record_property: Record
) -> None:
    """The old master goes on taking writes, from everybody: no error would ever tell."""
    async with a_story(trio) as story:
        old = trio.cut_off_master()
        promoted_at = await story.promoted()
        took_s = await story.truth_is_written(promoted_at)
        record_property("settled_s", round(took_s, 2))
        await asyncio.sleep(2.0)
        assert took_s < SETTLED_S
        story.nobody_else_took_it()

        trio.let_in_again(old)
        await asyncio.sleep(2.0)
        story.nobody_else_took_it()
        assert await written(story.address) == story.owner.stands()


async def test_a_master_that_is_frozen_and_wakes_later_changes_nothing(
    trio: RedisTrio, record_property: Record
) -> None:
    async with a_story(trio) as story:
        old = trio.freeze_master()
        promoted_at = await story.promoted()
        took_s = await story.truth_is_written(promoted_at)
        record_property("settled_s", round(took_s, 2))
        old.thaw()
        await asyncio.sleep(2.0)

        assert took_s < SETTLED_S
        story.nobody_else_took_it()
        assert await written(story.address) == story.owner.stands()


async def test_a_loss_on_a_quiet_floor_is_found_without_a_change(trio: RedisTrio) -> None:
    """At night nothing happens for hours; a pause that was lost must not be missed when the router dies as well."""
    async with a_story(trio) as story:
        trio.stop_replication()
        await asyncio.sleep(0.5)
        await story.owner.pause_the_load()
        await story.owner.settled()
        trio.kill_master()
        promoted_at = await story.promoted()

        assert await story.truth_is_written(promoted_at) < SETTLED_S


async def test_an_owner_that_dies_with_its_master_is_followed_in_a_higher_epoch_at_asterisk(trio: RedisTrio) -> None:
    """Who stood by finds the pool as the replica knew it; the epoch it is given may be used up, and Asterisk tells."""
    async with a_story(trio) as story:
        await story.owner.pause_the_load()
        trio.stop_replication()
        raised = await story.owner.tenure.raise_above(6)
        assert raised == 7
        await story.owner.renewal.stop()
        trio.kill_master()
        await story.promoted()
        assert story.turn is not None
        async with asyncio.timeout(20):
            await story.turn

        taken = story.rival.read()
        assert taken.mine
        assert taken.epoch == 2, "a replica that had not heard of 7"
        assert story.rival.raise_above(raised).epoch == 8, "Asterisk had"


async def test_an_owner_whom_the_new_master_never_heard_of_is_the_owner_still(trio: RedisTrio) -> None:
    """It had followed one that hung; the replica knows only that one, and it wakes just now."""
    hung, owner = RedisLease(RedisAddress.parse(trio.url)), RedisLease(RedisAddress.parse(trio.url))
    try:
        assert hung.acquire(1).epoch == 1
        trio.stop_replication()
        await asyncio.sleep(1.6)
        assert owner.acquire(1).epoch == 2
        trio.kill_master()
        await asyncio.to_thread(trio.promoted)

        for lease in (hung, owner):
            with pytest.raises(RemoteError, match="may lack the last writes"):
                lease.read()
        assert hung.renew(1).mine, "as far as this server knows"
        again = owner.renew(2)

        assert (again.mine, again.epoch, again.latest) == (True, 2, 2)
        assert not hung.renew(1).mine
    finally:
        hung.close()
        owner.close()


async def test_a_master_with_too_few_replicas_refuses_and_nothing_it_acknowledged_is_lost() -> None:
    with a_trio(min_replicas_to_write="1", min_replicas_max_lag="1") as trio:
        async with a_story(trio) as story:
            trio.stop_replication()
            async with asyncio.timeout(15):
                while "min-replicas-to-write" not in story.owner.journal.standing:  # noqa: ASYNC110 - told by a word
                    await asyncio.sleep(0.05)
            commits = story.owner.journal.commits
            trio.kill_master()
            promoted_at = await story.promoted()

            assert await story.truth_is_written(promoted_at) < SETTLED_S
            assert story.owner.journal.commits > commits
            story.nobody_else_took_it()


async def test_nothing_is_called_safe_before_a_replica_has_heard_of_it() -> None:
    with a_trio(replicas=1, appendonly="yes") as trio:
        journal = RedisJournal(RedisAddress.parse(trio.url))
        try:
            await journal.append([], epoch=1, now=1, config_hash="")
            assert await journal.sync()
            trio.stop_replication()
            await journal.append([], epoch=1, now=2, config_hash="")
            assert not await journal.sync(), "the one who would be the next master has not heard of it"
        finally:
            await journal.close()


async def in_time(ask: Callable[[], Awaitable[object]]) -> None:
    """A busy machine may need longer to shake hands than a router waits; the next try does it."""
    async with asyncio.timeout(20):
        while True:
            with suppress(RemoteError):
                await ask()
                return
            await asyncio.sleep(0.1)


async def test_over_tls_the_sentinels_and_the_master_have_to_be_whom_they_say_they_are(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(  # noqa: ASYNC221 - the loop has nothing else to do yet
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    key.chmod(0o644)
    master_port, sentinel_port = free_port(), free_port()
    tls = {
        "cert-file": certificate,
        "key-file": key,
        "ca-cert-file": certificate,
        "auth-clients": "no",
        "replication": "yes",
    }

    class Sentinel(RedisServer):
        def arguments(self) -> list[str]:
            own = self.directory / "sentinel.conf"
            lines = [f"port {self.port}", f"tls-port {sentinel_port}", f"dir {self.directory}"]
            lines += [f"pidfile {self.directory}/pid", f"sentinel monitor main 127.0.0.1 {master_port} 1"]
            own.write_text("\n".join([*lines, *(f"tls-{name} {value}" for name, value in tls.items()), ""]))
            self._root.give_to_owner(self.directory)
            return [str(own), "--sentinel"]

    options = [word for name, value in tls.items() for word in (f"--tls-{name}", str(value))]
    master, sentinel = RedisServer("redis", "--tls-port", str(master_port), *options), Sentinel("redis")
    try:
        master.start()
        sentinel.start()
        trusting = f"rediss+sentinel://127.0.0.1:{sentinel_port}/main?ca_file={certificate}"
        lease, presence = RedisLease(RedisAddress.parse(trusting)), RedisPresence(RedisAddress.parse(trusting))
        await in_time(presence.load)
        await in_time(lambda: asyncio.to_thread(lease.acquire, 1))
        assert lease.read().mine
        await presence.close()
        lease.close()

        wary = RedisPresence(RedisAddress.parse(f"rediss+sentinel://127.0.0.1:{sentinel_port}/main"))
        with pytest.raises(RemoteError) as refused:
            await wary.load()
        await wary.close()
        assert refused.value.error_id == "redis-no-master"
    finally:
        sentinel.remove()
        master.remove()
