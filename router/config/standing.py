"""What a running router obeys from its start to its end, as opposed to what `ringfair reload` puts in force.

Connections, sockets and the name of the node are made once. A reload that let them differ from the files would report
rules that are not in force; so it is refused, and every such key is named.
"""

from router.config.site import Site

RELOADED = frozenset(
    {
        "router.drain_s",
        "router.reject_hold_s",
        "router.fault_hold_s",
        "router.rescind_grace_s",
        "router.connect_grace_s",
        "router.give_up_s",
        "router.sweep_s",
        "asterisk.max_calls",
        "asterisk.reserved_calls",
        "trunk",
        "shifts",
        "agents",
        "pause_reasons",
        "pause",
    }
)
"Tables and keys of ringfair.toml a reload applies. A key that is new takes a restart until it is named here."

_SECRETS = {
    "asterisk.secret_file": "asterisk",
    "telemetry.secret_file": "telemetry",
    "redis.password_file": "redis",
    "redis.sentinel_password_file": "redis_sentinel",
    "ledger.password_file": "ledger",
}
"Where a secret stands does not matter to a router that has read it; what it says does."


def needs_restart(running: Site, read: Site) -> tuple[str, ...]:
    """Keys whose new values only a restart puts in force, in the order of the file: `("asterisk.port",)`."""
    before, after = running.settings.model_dump(), read.settings.model_dump()
    changed: list[str] = []
    for table, keys in after.items():
        if table in RELOADED:
            continue
        for key in keys:
            name = f"{table}.{key}"
            if name in _SECRETS:
                differs = getattr(running.secrets, _SECRETS[name]) != getattr(read.secrets, _SECRETS[name])
            else:
                differs = before[table][key] != after[table][key]
            if differs and name not in RELOADED:
                changed.append(name)
    return tuple(changed)
