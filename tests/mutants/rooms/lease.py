"""The pool's lease: the scripts that give it, the owner's own clock, the thread that renews it."""

from tests.mutants.mutant import Mutant

_SCRIPTS = "router/adapters/redis/lease_scripts.py"
_TENURE = "router/adapters/redis/tenure.py"
_RENEWAL = "router/adapters/redis/renewal.py"
_CONTRACT = "tests/contracts/test_lease.py::"
_KNOWS = "tests/adapters/redis/test_tenure.py::"
_RENEWS = "tests/adapters/redis/test_renewal.py::"

MUTANTS = (
    Mutant(
        name="Who stands by takes a pool that has an owner",
        file=_SCRIPTS,
        find="if owner() == '' then\n  local epoch",
        replace="if owner() ~= me then\n  local epoch",
        guards=(_CONTRACT + "test_two_never_both_hold_it[redis]", _CONTRACT + "test_two_never_both_hold_it[valkey]"),
        short=True,
    ),
    Mutant(
        name="A new owner of a pool gets the epoch of the one before",
        file=_SCRIPTS,
        find="  local epoch = latest() + 1\n",
        replace="  local epoch = math.max(latest(), 1)\n",
        guards=(_CONTRACT + "test_every_new_owner_has_a_higher_epoch_however_the_one_before_ended[redis]",),
    ),
    Mutant(
        name="A router takes back a pool that another owned in between",
        file=_SCRIPTS,
        find="elseif owner() == '' and latest() <= mine then\n",
        replace="elseif owner() == '' then\n",
        guards=(_CONTRACT + "test_one_that_somebody_had_in_between_is_lost_even_if_it_is_free_again[redis]",),
    ),
    Mutant(
        name="Anybody can let go of a pool for its owner",
        file=_SCRIPTS,
        find="if owner() == me then redis.call('DEL', lease) end\n",
        replace="redis.call('DEL', lease)\n",
        guards=(_CONTRACT + "test_only_the_owner_can_let_go[valkey]",),
    ),
    Mutant(
        name="An owner puts its lease back and not the epochs that Redis forgot with it",
        file=_SCRIPTS,
        find="if owner() == me and latest() < mine then give(mine) end\n",
        replace="",
        guards=(_CONTRACT + "test_an_owner_puts_back_what_the_server_has_forgotten[redis]",),
    ),
    Mutant(
        name="An owner acts up to the last moment of its lease, and its action arrives after it",
        file=_TENURE,
        find="asked_at + self._lease.lives_s - MARGIN_S)",
        replace="asked_at + self._lease.lives_s)",
        guards=(_KNOWS + "test_it_may_act_until_its_lease_has_less_left_than_an_action_may_take",),
    ),
    Mutant(
        name="An owner counts its lease from the answer and not from the question",
        file=_TENURE,
        find="            self._ends = asked_at + self._lease.lives_s\n",
        replace="            self._ends = self._clock() + self._lease.lives_s\n",
        guards=(_KNOWS + "test_it_counts_from_when_it_asked_not_from_when_it_was_answered",),
    ),
    Mutant(
        name="A router without a doubt stops when Redis is away",
        file=_TENURE,
        find="                if asked_at < self._until:\n                    self._extend(asked_at)  # rule 3\n",
        replace="",
        guards=(_KNOWS + "test_while_redis_is_away_and_there_is_no_doubt_it_goes_on",),
    ),
    Mutant(
        name="A router whose loop stands still keeps its pool",
        file=_RENEWAL,
        find="            if not asked and now - self._turned_at > STANDS_STILL_S:\n",
        replace="            if not asked and now - self._turned_at > 1000 * STANDS_STILL_S:\n",
        guards=(_RENEWS + "test_a_loop_that_stands_still_loses_its_lease_and_knows_before_it_acts",),
    ),
)
