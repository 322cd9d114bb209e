"""The pool's lease: the scripts that give it, the owner's own clock, the thread that renews it, who stands by."""

from tests.mutants.mutant import Mutant

_SCRIPTS = "router/adapters/redis/lease_scripts.py"
_TENURE = "router/adapters/redis/tenure.py"
_RENEWAL = "router/adapters/redis/renewal.py"
_STANDBY = "router/adapters/redis/standby.py"
_CONTRACT = "tests/contracts/test_lease.py::"
_KNOWS = "tests/adapters/redis/test_tenure.py::"
_IN_REDIS = "tests/adapters/redis/test_lease.py::"
_WAITS = "tests/adapters/redis/test_standby.py::"
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
    Mutant(
        name="The lease of a router that died never ends",
        file=_SCRIPTS,
        find="'since_at', since)\n  redis.call('PEXPIRE', lease, lives)\n",
        replace="'since_at', since)\n",
        guards=(
            _IN_REDIS + "test_it_lapses_by_itself[redis]",
            _IN_REDIS + "test_a_lease_of_a_foreign_type_or_without_an_end_is_nobody_s[redis]",
            _IN_REDIS + "test_the_keys_are_what_the_documentation_says[redis]",
        ),
    ),
    Mutant(
        name="The epochs are forgotten some seconds after the last owner has gone",
        file=_SCRIPTS,
        find="string.format('%.0f', epoch))\nend\n\nlocal function hold",
        replace="string.format('%.0f', epoch), 'PX', lives)\nend\n\nlocal function hold",
        guards=(_IN_REDIS + "test_the_keys_are_what_the_documentation_says[valkey]",),
    ),
    Mutant(
        name="An owner who renews its lease has it no longer for that",
        file=_SCRIPTS,
        find="if owner() == me then\n  redis.call('PEXPIRE', lease, lives)\nelseif owner() == ''",
        replace="if owner() == me then\n  redis.call('PTTL', lease)\nelseif owner() == ''",
        guards=(_IN_REDIS + "test_a_renewal_gives_it_its_whole_life_again[redis]",),
    ),
    Mutant(
        name="An epoch that was used at Asterisk is given out again by a Redis that forgot it",
        file=_SCRIPTS,
        find="give(math.max(latest(), tonumber(ARGV[3])) + 1)",
        replace="give(latest() + 1)",
        guards=(_CONTRACT + "test_an_epoch_used_elsewhere_is_exceeded_for_good[redis]",),
    ),
    Mutant(
        name="Who does not own a pool raises its epoch and deposes its owner",
        file=_SCRIPTS,
        find="if owner() == me then\n  give(math.max",
        replace="if owner() ~= '' then\n  give(math.max",
        guards=(_CONTRACT + "test_who_does_not_own_it_raises_nothing[valkey]",),
    ),
    Mutant(
        name="A counter of epochs that is none is counted on",
        file=_SCRIPTS,
        find="if not latest() or not (latest() >= 0 and latest() < 1e15) then",
        replace="if not latest() then",
        guards=(_IN_REDIS + "test_epochs_that_cannot_be_counted_on_are_an_error_and_are_left_alone",),
    ),
    Mutant(
        name="A pool under whose key somebody left rubbish is nobody's to take",
        file=_SCRIPTS,
        find="if kind(lease) ~= 'hash' or redis.call('PTTL', lease) < 0 then",
        replace="if kind(lease) ~= 'hash' then",
        guards=(_IN_REDIS + "test_a_lease_of_a_foreign_type_or_without_an_end_is_nobody_s[redis]",),
    ),
    Mutant(
        name="A lease that was lost is believed to be ours again",
        file=_TENURE,
        find=(
            "            if self.lost:\n"
            "                return\n"
            "            if self.trouble is not None:\n"
            "                log.info("
        ),
        replace="            self.lost = False\n            if self.trouble is not None:\n                log.info(",
        guards=(_KNOWS + "test_one_that_was_lost_stays_lost_when_redis_went_away_and_came_back",),
    ),
    Mutant(
        name="A proof that was asked for before the doubt ends it",
        file=_TENURE,
        find="self._doubt_at is None or asked_at < self._doubt_at:\n                return\n            self._extend",
        replace="self._doubt_at is None:\n                return\n            self._extend",
        guards=(_KNOWS + "test_a_proof_from_just_before_a_later_epoch_was_met_proves_nothing",),
    ),
    Mutant(
        name="A question from before the doubt that nobody answered is taken for Redis being away",
        file=_TENURE,
        find="            if self.alone or asked_at < self._doubt_at:\n",
        replace="            if self.alone:\n",
        guards=(_KNOWS + "test_an_attempt_from_before_the_doubt_that_nobody_answered_says_nothing",),
    ),
    Mutant(
        name="Who meets a later epoch acts on until its lease is over",
        file=_TENURE,
        find='        with self._guard:\n            self._until = float("-inf")\n        self._doubt()',
        replace="        self._doubt()",
        guards=(_KNOWS + "test_who_meets_a_later_epoch_acts_no_more_until_redis_has_told_whose_the_pool_is",),
    ),
    Mutant(
        name="A router that has lost its pool goes on as if it were in doubt",
        file=_TENURE,
        find="            if self.lost:\n                return Acting.NO\n",
        replace="",
        guards=(_KNOWS + "test_in_doubt_and_somebody_else_owns_it_then_it_is_lost_for_good",),
    ),
    Mutant(
        name="An epoch that was raised is not the owner's own",
        file=_TENURE,
        find="        self.epoch = view.epoch\n        self._renewed(asked_at, view)\n        return",
        replace="        self._renewed(asked_at, view)\n        return",
        guards=(_KNOWS + "test_a_raised_epoch_is_the_tenure_s_from_then_on",),
    ),
    Mutant(
        name="The end of a doubt is told to nobody",
        file=_TENURE,
        find="        if doubted:\n            self._tell()\n",
        replace="",
        guards=(_KNOWS + "test_in_doubt_it_has_redis_asked_and_a_renewal_ends_the_doubt",),
    ),
    Mutant(
        name="Who is in doubt waits for the next renewal",
        file=_TENURE,
        find="                self.asked.set()\n",
        replace="                pass\n",
        guards=(_KNOWS + "test_in_doubt_it_has_redis_asked_and_a_renewal_ends_the_doubt",),
    ),
    Mutant(
        name="One bug in a renewal ends the thread, and the pool is lost",
        file=_RENEWAL,
        find="        except Exception:\n",
        replace="        except ValueError:\n",
        guards=(_RENEWS + "test_a_bug_in_an_attempt_does_not_end_the_thread",),
    ),
    Mutant(
        name="A router that has left goes on renewing its lease",
        file=_RENEWAL,
        find="        self._stopping = True\n",
        replace="",
        guards=(_RENEWS + "test_at_its_end_the_thread_is_gone",),
    ),
    Mutant(
        name="Who starts as Redis comes back takes the pool from an owner who is well",
        file=_STANDBY,
        find="        if await asyncio.to_thread(self._lease.is_young):\n",
        replace="        if False:\n",
        guards=(
            _WAITS + "test_who_starts_as_redis_comes_back_empty_leaves_the_pool_to_an_owner_who_is_well",
            _WAITS + "test_who_starts_after_redis_was_away_for_longer_than_a_lease_leaves_it_to_the_owner",
        ),
    ),
    Mutant(
        name="A Redis that was away says that the pool is nobody's, and is believed",
        file=_STANDBY,
        find="self._left_us = error, True, None, None",
        replace="self._left_us = error, False, None, None",
        guards=(_WAITS + "test_an_owner_who_died_while_the_server_was_away_is_followed_after_that_time",),
    ),
    Mutant(
        name="A Redis that was emptied says that the pool is nobody's, and is believed",
        file=_STANDBY,
        find="        forgotten = view.latest < self.view.latest\n",
        replace="        forgotten = False\n",
        guards=(_WAITS + "test_a_server_that_was_emptied_is_not_taken_at_its_word",),
    ),
    Mutant(
        name="Who stands by looks for a dead owner's lease a little too late",
        file=_STANDBY,
        find="            return min(POLL_S, view.left_us / SECOND + 0.001)\n",
        replace="            return POLL_S\n",
        guards=(_WAITS + "test_an_owner_whose_lease_lapses_between_two_looks_is_followed_at_that_moment",),
    ),
    Mutant(
        name="An owner who leaves does not know that somebody stands by, and drains for minutes",
        file=_STANDBY,
        find="stands_by=registers)",
        replace="stands_by=False)",
        guards=(_WAITS + "test_the_owner_learns_that_somebody_stands_by",),
    ),
    Mutant(
        name="Who got the pool and not the answer stands by for itself",
        file=_STANDBY,
        find="        if view.mine:\n            return None",
        replace="        if view.mine:\n            return POLL_S",
        guards=(_WAITS + "test_one_whose_answer_was_lost_finds_that_it_owns_the_pool",),
    ),
    Mutant(
        name="A standby that could not serve is counted, and the owner hands the pool over to it",
        file=_STANDBY,
        find="registers = now >= self._register_at and self._fit()\n",
        replace="registers = now >= self._register_at\n",
        guards=(_WAITS + "test_who_could_not_serve_is_not_counted_and_lets_others_go_first",),
    ),
    Mutant(
        name="A standby that could not serve takes the pool before one that could",
        file=_STANDBY,
        find="forgotten or self._doubtful or not self._fit()",
        replace="forgotten or self._doubtful",
        guards=(_WAITS + "test_who_could_not_serve_is_not_counted_and_lets_others_go_first",),
    ),
    Mutant(
        name="A lease that a promoted replica has from before is taken for an owner who is there",
        file=_STANDBY,
        find="self._doubtful = self._doubtful and (seen_us is None or view.left_us < seen_us)\n",
        replace="self._doubtful = False\n",
        guards=(_WAITS + "test_a_lease_that_is_there_again_but_not_renewed_there_is_not_followed_at_once",),
    ),
)
