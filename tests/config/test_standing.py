"""What a reload applies and what takes a restart: every key of ringfair.toml is one of the two."""

from dataclasses import replace
from pathlib import Path

import pytest

from router.config import Site, load
from router.config.conduct import After, CapacityTable, InterruptTable
from router.config.settings import Settings
from router.config.standing import RELOADED, needs_restart
from tests.config.site_files import SECRET, SETTINGS, site_writer

KEYS = [
    f"{table}.{key}"
    for table, field in Settings.model_fields.items()
    if isinstance(field.annotation, type)
    for key in getattr(field.annotation, "model_fields", {})
]
OTHER = {
    "router.pool": "north",
    "router.country": "AT",
    "router.time_zone": "Europe/Vienna",
    "asterisk.systemname": "pbx_2",
    "asterisk.host": "127.0.0.2",
    "asterisk.user": "acd",
    "asterisk.tls_ca_file": "/etc/ssl/certs/ca-certificates.crt",
    "telemetry.user": "acd-reports",
    "redis.url": "redis://127.0.0.1:6380/0",
    "ledger.dsn": "sqlite:////var/lib/other.sqlite3",
    "ledger.spool_dir": "/var/spool/ringfair",
    "queue_log.file": "/var/log/other/queue_log",
    "queue_log.agent_prefix": "Agent/",
    "http.listen": "127.0.0.1:9581",
    "http.control_socket": "/run/other.sock",
    "shifts.time_zone": "Europe/Vienna",
    "agents.realm": "other",
    "agents.after": After(missed=["nothing", "pause"]),
    "agents.capacity": CapacityTable(chat=1),
    "agents.interrupt": InterruptTable(chat=["voice"]),
}
"Another value for each key whose default is no number."
FILES = {
    *("asterisk.secret_file", "telemetry.secret_file", "redis.password_file", "redis.sentinel_password_file"),
    "ledger.password_file",
}
"Compared by what is in them."


def site(directory: Path, settings: str = SETTINGS) -> Site:
    directory.mkdir(exist_ok=True)
    return load(site_writer(directory)(settings), SECRET)


def test_every_name_that_a_reload_applies_is_a_key() -> None:
    assert set(KEYS) | set(Settings.model_fields) >= RELOADED


def test_the_same_files_need_no_restart(tmp_path: Path) -> None:
    assert needs_restart(site(tmp_path / "one"), site(tmp_path / "one")) == ()


@pytest.mark.parametrize("name", [name for name in KEYS if name not in FILES | {"shifts.file"}])
def test_a_change_of_any_key_is_applied_or_named(tmp_path: Path, name: str) -> None:
    before = site(tmp_path / "site")
    table, _, key = name.partition(".")
    held = getattr(getattr(before.settings, table), key)
    value = (not held) if isinstance(held, bool) else OTHER.get(name, 4321)
    changed = getattr(before.settings, table).model_copy(update={key: value})
    after = replace(before, settings=before.settings.model_copy(update={table: changed}))
    applied = name in RELOADED or table in RELOADED

    assert value != held
    assert needs_restart(before, after) == (() if applied else (name,))
