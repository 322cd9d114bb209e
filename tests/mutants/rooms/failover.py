"""A Redis that moves: what is believed of Sentinels, and what a replica that lacks the last writes may spoil."""

from tests.mutants.mutant import Mutant

_SENTINEL = "router/adapters/redis/sentinel.py"
_JOURNAL = "router/adapters/redis/journal.py"
_KEEPER = "router/adapters/redis/journal_keeper.py"
_ASKS = "tests/adapters/redis/test_sentinel.py::"
_KEEPS = "tests/adapters/redis/test_journal_keeper.py::"
_FLOOR = "tests/contracts/test_sentinel.py::"

MUTANTS = (
    Mutant(
        name="The Sentinel that was cut off with the old master is believed, because it answered first",
        file=_SENTINEL,
        find="    latest = max(answer.failovers for answer in told)\n",
        replace="    latest = told[0].failovers\n",
        guards=(_ASKS + "test_the_sentinel_that_knows_the_latest_failover_is_believed",),
    ),
    Mutant(
        name="A router moves to a new master in silence and never learns that it lacks the last writes",
        file=_SENTINEL,
        find="        if before != place and not self.failed:\n",
        replace="        if before == place and not self.failed:\n",
        guards=(_ASKS + "test_a_move_is_told_once_and_only_to_who_has_not_seen_an_error_before",),
    ),
    Mutant(
        name="While a failover is under way nobody asks the Sentinels again for five seconds",
        file=_SENTINEL,
        find="            self._look_at = self._clock() + LOOK_S\n            with",
        replace="            with",
        guards=(_ASKS + "test_while_a_failover_is_under_way_it_is_looked_up_as_often_as_ever",),
    ),
    Mutant(
        name="A replica is spoken to as if it were the master",
        file=_SENTINEL,
        find="""role[0] != b"master":""",
        replace="""role[0] == b"sentinel":""",
        guards=(_ASKS + "test_a_server_that_says_it_is_a_replica_is_not_spoken_to",),
    ),
    Mutant(
        name="An owner whose grant the new master never heard of loses its pool to the owner before it",
        file="router/adapters/redis/lease_scripts.py",
        find="elseif latest() < mine then\n",
        replace="elseif false then\n",
        guards=(
            "tests/contracts/test_lease.py::"
            "test_a_server_that_has_forgotten_the_latest_epoch_learns_it_from_its_owner[redis]",
        ),
    ),
    Mutant(
        name="A caller who has left stands in the journal again, because the new master had not heard of it",
        file=_KEEPER,
        find="                self._sweeps = True\n",
        replace="",
        guards=(_KEEPS + "test_what_a_server_came_back_with_is_taken_out_if_it_is_not_here_any_more",),
        short=True,
    ),
    Mutant(
        name="A loss at night is noticed when the next caller comes in the morning",
        file=_KEEPER,
        find="            self._looks = True\n",
        replace="            pass\n",
        guards=(_KEEPS + "test_a_loss_is_found_out_while_nothing_changes",),
    ),
    Mutant(
        name="A commit of the router before us is taken for ours, because it has the same number",
        file=_JOURNAL,
        find="tonumber(was['epoch']) or 0)\n",
        replace="tonumber(string.match(ARGV[6], ' (.*)')) or 0)\n",
        guards=(
            "tests/contracts/test_journal.py::"
            "test_a_commit_of_the_same_number_by_another_router_is_not_taken_for_ours[redis]",
        ),
    ),
    Mutant(
        name="Something is called safe that the next master has not heard of",
        file=_JOURNAL,
        find=" and heard != [0]\n",
        replace="\n",
        guards=(_FLOOR + "test_nothing_is_called_safe_before_a_replica_has_heard_of_it",),
    ),
    Mutant(
        name="Presence is not written again when the server knows only an older beat",
        file="router/adapters/redis/presence.py",
        find="        lost = before is None or (stands is not None and before != stands)\n",
        replace="        lost = before is None\n",
        guards=(
            "tests/adapters/redis/test_presence.py::"
            "test_a_server_that_knows_only_an_older_beat_has_lost_what_came_after_it[redis]",
        ),
    ),
)
