"""What is believed of what Sentinels say, and when a client must be told that its master has moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from router.adapters.redis.address import RedisAddress
from router.adapters.redis.presence import RedisPresence
from router.adapters.redis.sentinel import (
    LOOK_S,
    Answer,
    MasterMoved,
    NoMaster,
    Told,
    Whereabouts,
    absence,
    newest,
    read,
)
from router.domain.errors import RemoteError

OLD, NEW = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


def told(place: tuple[str, int] = OLD, failovers: int = 0, *, up: bool = True) -> Told:
    return Told(place=place, failovers=failovers, up=up, replicas=2, sentinels=3)


def said(**changes: str) -> list[bytes]:
    """`SENTINEL MASTER`, as it comes over the wire."""
    fields = {"name": "ringfair", "ip": "10.0.0.1", "port": "6379", "flags": "master", "config-epoch": "4"}
    fields |= {
        "num-slaves": "2",
        "num-other-sentinels": "2",
        **{key.replace("_", "-"): value for key, value in changes.items()},
    }
    return [part.encode() for pair in fields.items() for part in pair]


def spoken(words: list[bytes]) -> bytes:
    """An answer of many words, as it goes over the wire."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def test_the_sentinel_that_knows_the_latest_failover_is_believed() -> None:
    assert newest([told(OLD, 3), told(NEW, 4)], of=3).place == NEW
    assert newest([told(NEW, 4), told(OLD, 3), "silent"], of=3).place == NEW


def test_one_that_finds_the_master_dead_does_not_outvote_one_that_reaches_it() -> None:
    assert newest([told(up=False), told()], of=3).up


def test_a_master_that_most_find_dead_is_none() -> None:
    with pytest.raises(NoMaster, match="down"):
        newest([told(up=False), told(up=False)], of=3)


def test_a_lone_sentinel_is_believed_when_nobody_else_answers() -> None:
    assert newest(["silent", told(up=False), "silent"], of=3).place == OLD


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([], "silent"),
        (["silent", "silent"], "silent"),
        (["silent", "unknown"], "unknown"),
        (["login", "silent"], "login"),
        (["silent", absence(RedisConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate"))], "untrusted"),
        (["foreign", "foreign"], "foreign"),
    ],
)
def test_who_cannot_be_asked_says_why(answers: list[Answer], why: str) -> None:
    with pytest.raises(NoMaster) as nobody:
        newest(answers, of=3)
    assert nobody.value.why == why


def test_what_a_sentinel_says_is_read() -> None:
    assert read(said()) == told(failovers=4)
    assert read(said(flags="master,s_down,disconnected")) == told(failovers=4, up=False)
    assert read(said(ip="redis-1.example", port="6380")) == told(("redis-1.example", 6380), 4)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"OK",
        [],
        [b"ip"],
        [b"ip", b"10.0.0.1", b"port"],
        said(port="0"),
        said(port="65536"),
        said(port="²"),
        said(ip=""),
        said(ip="10.0.0.1\r\nX"),
        [[b"ip"], b"x"],
        [b"x" * 5000] * 2,
    ],
)
def test_what_is_no_answer_of_a_sentinel_is_none(answer: object) -> None:
    assert read(answer) == "foreign"


def test_a_move_is_told_once_and_only_to_who_has_not_seen_an_error_before() -> None:
    quiet, warned = Whereabouts(), Whereabouts()
    for knows in (quiet, warned):
        knows.found(OLD)
        knows.failed = False
    warned.failed = True

    with pytest.raises(MasterMoved):
        quiet.found(NEW)
    assert quiet.found(NEW) == NEW
    assert warned.found(NEW) == NEW


def test_it_is_looked_up_again_after_a_while_and_by_one_at_a_time() -> None:
    at = [100.0]
    knows = Whereabouts(lambda: at[0])
    knows.found(OLD)
    assert not knows.look_is_due()
    at[0] += LOOK_S
    assert knows.look_is_due()
    assert not knows.look_is_due(), "somebody else looks already"
    at[0] += 10
    assert knows.look_is_due()


def test_while_a_failover_is_under_way_it_is_looked_up_as_often_as_ever() -> None:
    at = [100.0]
    knows = Whereabouts(lambda: at[0])
    knows.found(OLD)
    knows.failed = False
    at[0] += LOOK_S
    assert knows.look_is_due()
    knows.looked([told(up=False), told(up=False)], of=3)
    at[0] += LOOK_S
    assert knows.look_is_due()
    knows.looked(["silent", told(NEW, 1), "silent"], of=3)
    assert knows.place == OLD, "one of three is not enough to leave a connection that stands"
    at[0] += LOOK_S
    assert not knows.look_is_due()
    at[0] += 10
    assert knows.look_is_due()
    with pytest.raises(MasterMoved):
        knows.looked([told(NEW, 1), told()], of=3)


@asynccontextmanager
async def a_sentinel(answer: bytes) -> AsyncIterator[str]:
    """A server that answers everything in the same way; gives HOST:PORT."""

    there: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.append(writer)
        with suppress(ConnectionError):
            while await reader.read(4096):
                writer.write(answer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in there:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"-ERR No such master with that name\r\n", "know no master of this name"),
        (b"-NOAUTH Authentication required.\r\n", "redis.sentinel_password_file"),
        (b"-ERR unknown command 'SENTINEL', with args beginning with: 's3cr3t'\r\n", "no Sentinel"),
        (b"+OK\r\n", "no Sentinel"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no Sentinel"),
        (b"", "None of the Sentinels"),
    ],
)
async def test_each_trouble_with_sentinels_has_its_sentence(answer: bytes, words: str) -> None:
    async with a_sentinel(answer) as where:
        address = RedisAddress.parse(f"redis+sentinel://{where}/main")
        presence = RedisPresence(address)
        with pytest.raises(RemoteError, match=words) as refused:
            await presence.load()
        await presence.close()
    assert refused.value.error_id == "redis-no-master"
    assert "s3cr3t" not in f"{refused.value} {refused.value.details}"


async def test_a_server_that_says_it_is_a_replica_is_not_spoken_to() -> None:
    async with a_sentinel(spoken([b"slave", b"10.0.0.9", b"6379", b"connected", b"0"])) as replica:
        host, _, port = replica.partition(":")
        async with a_sentinel(spoken(said(ip=host, port=port))) as where:
            presence = RedisPresence(RedisAddress.parse(f"redis+sentinel://{where}/main"))
            with pytest.raises(RemoteError) as refused:
                await presence.load()
            await presence.close()
    assert (refused.value.error_id, refused.value.retryable) == ("redis-moved", True)
