"""Presence in Redis: what other processes read, what a server that comes back empty gets, what a successor keeps."""

from tests.mutants.mutant import Mutant

_HERE = "router/adapters/redis/presence.py"
_KEEPER = "router/adapters/redis/keeper.py"
_GUARD = "tests/adapters/redis/test_presence.py::"
_KEEPS = "tests/adapters/redis/test_keeper.py::"

MUTANTS = (
    Mutant(
        name="After Redis was away only what changes from then on is written",
        file=_KEEPER,
        find="        if emptied or self.last_error is not None or now >= self._rewrite_at:\n",
        replace="        if emptied or now >= self._rewrite_at:\n",
        guards=(_KEEPS + "test_while_redis_is_away_nothing_piles_up",),
    ),
    Mutant(
        name="A Redis that lost everything between two beats is believed to have it all",
        file=_HERE,
        find="lost = before is None or (",
        replace="lost = before is not None and (",
        guards=(
            "tests/contracts/test_presence.py::test_a_server_that_came_back_empty_is_noticed_at_the_next_beat[redis]",
        ),
    ),
    Mutant(
        name="An agent who does nothing for a week is gone from Redis",
        file=_KEEPER,
        find="dict.fromkeys(self._known), dict(self._left)",
        replace="dict(self._changed), dict(self._gone)",
        guards=(_KEEPS + "test_everything_is_written_again_each_hour_so_that_nothing_in_use_expires",),
    ),
    Mutant(
        name="An older picture of an agent is written over the newer one after a write that failed",
        file=_KEEPER,
        find=(
            "                for agent in changed:\n"
            "                    if agent in self._known:\n"
            "                        self._changed[agent] = None\n"
        ),
        replace=(
            "                for row in rows:\n"
            "                    self._known[row.agent_id] = row\n"
            "                    self._changed[row.agent_id] = None\n"
        ),
        guards=(_KEEPS + "test_a_change_during_a_write_that_fails_is_not_overwritten_by_the_older_one",),
        short=True,
    ),
    Mutant(
        name="A foreign field under an agent's key is read for ever",
        file=_HERE,
        find="            if written or left:\n",
        replace="            if left:\n",
        guards=(
            _GUARD + "test_a_foreign_type_or_field_under_an_agents_key_is_gone_with_the_next_write[redis]",
            _GUARD + "test_a_foreign_type_or_field_under_an_agents_key_is_gone_with_the_next_write[valkey]",
        ),
    ),
    Mutant(
        name="A router that is dead seems to keep presence for ever",
        file=_HERE,
        find="self._beat, px=BEAT_LIVES_MS, get=True)",
        replace="self._beat, get=True)",
        guards=(_GUARD + "test_the_beat_expires_in_seconds_and_an_agent_in_days[redis]",),
    ),
    Mutant(
        name="A router that leaves takes its successor's beat away",
        file=_HERE,
        find="                    if self._beat is not None and await client.get(self._router) == self._beat:\n",
        replace="                    if self._beat is not None:\n",
        guards=(_GUARD + "test_a_router_that_leaves_says_so_at_once_but_not_for_its_successor[valkey]",),
    ),
)
