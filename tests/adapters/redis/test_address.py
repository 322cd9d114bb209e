"""Which URLs are taken, and that no secret of theirs is ever shown."""

import pytest

from router.adapters.redis.address import RedisAddress
from router.domain.errors import ConfigError

SECRET = "s3cr3t/with:odd@signs"
QUOTED = "s3cr3t%2Fwith%3Aodd%40signs"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1", "redis://127.0.0.1:6379/0"),
        ("redis://", "redis://127.0.0.1:6379/0"),
        ("redis://[::1]:6380/3", "redis://[::1]:6380/3"),
        (f"redis://ringfair:{QUOTED}@db.example:6380/2", "redis://db.example:6380/2"),
        (f"redis://:{QUOTED}@db.example?db=4", "redis://db.example:6379/4"),
        (f"rediss://x:{QUOTED}@db.example?ca_file=/etc/ssl/ca.pem", "rediss://db.example:6379/0"),
        ("unix:///run/redis/redis.sock?db=1", "unix:///run/redis/redis.sock?db=1"),
        (f"redis+sentinel://x:{QUOTED}@a:1,b,[::1]:3/main/2", "redis+sentinel://a:1,b:26379,[::1]:3/main/2"),
        (f"rediss+sentinel://:{QUOTED}@a/main?ca_file=/ca.pem", "rediss+sentinel://a:26379/main/0"),
    ],
)
def test_a_url_is_read_and_shown_without_its_password(url: str, shown: str) -> None:
    address = RedisAddress.parse(url)

    assert str(address) == shown
    assert SECRET not in repr(address)
    assert QUOTED not in repr(address)
    assert address.password in (None, SECRET)


def test_a_password_of_the_secrets_file_goes_before_one_in_the_url() -> None:
    address = RedisAddress.parse("redis://ringfair:old@127.0.0.1", password="new")

    assert (address.username, address.password) == ("ringfair", "new")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:6379",
        f"http://x:{QUOTED}@127.0.0.1",
        f"redis://:{QUOTED}@127.0.0.1:port",
        f"redis://:{QUOTED}@127.0.0.1:99999",
        f"redis://:{QUOTED}@[::1",
        f"redis://:{QUOTED}@127.0.0.1/main",
        f"redis://:{QUOTED}@127.0.0.1/-1",
        f"redis://:{QUOTED}@127.0.0.1/²",
        f"redis://:{QUOTED}@127.0.0.1?socket_timeout=60",
        "redis://127.0.0.1?ca_file=/etc/ssl/ca.pem",
        f"redis://127.0.0.1?password={QUOTED}",
        "unix://",
        "unix://run/redis.sock",
        f"redis+sentinel://:{QUOTED}@a,b",
        f"redis+sentinel://:{QUOTED}@a,b/main/x",
        f"redis+sentinel://:{QUOTED}@a,b/main/0/0",
        f"redis+sentinel://:{QUOTED}@a,b:99999/main",
        f"redis+sentinel://:{QUOTED}@a b/main",
        f"redis+sentinel://:{QUOTED}@/main",
        f"redis+sentinel://:{QUOTED}@[::1/main",
        f"redis+sentinel://:{QUOTED}@a/main?password={QUOTED}",
        f"redis+sentinel://:{QUOTED}@a/main#0",
    ],
)
def test_what_is_no_url_of_ours_is_a_fault_with_its_key_and_without_its_secret(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        RedisAddress.parse(url)

    assert [fault.key for fault in refused.value.faults] == ["redis.url"]
    assert "s3cr3t" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


async def test_a_client_never_repeats_a_command_and_waits_half_a_second() -> None:
    client = RedisAddress.parse("redis://127.0.0.1:1").client()
    settings = client.connection_pool.connection_kwargs
    await client.aclose()

    assert settings["socket_timeout"] == 0.5
    assert settings["retry"].get_retries() == 0
    assert settings["protocol"] == 2, "maintenance notifications come with RESP3 only"


async def test_a_client_that_asks_the_sentinels_keeps_the_same_limits() -> None:
    address = RedisAddress.parse("redis+sentinel://a,b,c/main/3", password="new", sentinel_password=SECRET)
    client, threads = address.client(), address.thread_client(0.3)
    settings, thread_settings = client.connection_pool.connection_kwargs, threads.connection_pool.connection_kwargs
    await client.aclose()
    threads.close()

    assert (settings["socket_timeout"], settings["db"], settings["password"]) == (0.5, 3, "new")
    assert (thread_settings["socket_timeout"], thread_settings["socket_connect_timeout"]) == (0.3, 0.3)
    for kept in (settings, thread_settings):
        assert kept["retry"].get_retries() == 0
        assert kept["protocol"] == 2
    assert SECRET not in f"{address} {address!r}"
