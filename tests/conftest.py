"""What every test here obeys: which ones need servers is decided in one place, by what they use.

`make check` runs everything that needs no server (`-m "not server"`), `make contracts` and `make integration` the rest.
"""

from pathlib import PurePath

import pytest
from hypothesis import settings

# whoever imports them first, a plugin or not
pytest.register_assert_rewrite("tests.contracts.redis_servers", "tests.contracts.redis_trio")

# no test depends on how fast the machine is just now
settings.register_profile("ringfair", deadline=None)
settings.load_profile("ringfair")

_SERVER_FOLDERS = ("contracts", "integration", "on_asterisk")
# "guarded" and "server" start a redis-server or a valkey-server of their own
_SERVER_FIXTURES = frozenset(
    {"postgres", "redis_server", "presence_server", "pbx", "room", "centre", "valkey", "asterisk", "guarded", "server"}
    | {"promtool"}
)


_SERVER_PARAMETERS = frozenset({"postgresql", "redis", "valkey"})
"Tests that run once for each kind of server name it in their id."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a real Asterisk, Valkey, Redis or PostgreSQL."""
    for item in items:
        folders = PurePath(str(item.path)).parts
        fixtures = getattr(item, "fixturenames", ())
        kinds = item.callspec.params.values() if hasattr(item, "callspec") else ()
        named = any(isinstance(kind, str) and kind in _SERVER_PARAMETERS for kind in kinds)
        if named or any(folder in folders for folder in _SERVER_FOLDERS) or _SERVER_FIXTURES.intersection(fixtures):
            item.add_marker(pytest.mark.server)
