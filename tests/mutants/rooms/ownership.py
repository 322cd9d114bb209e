"""Whose pool it is, proved at Asterisk: epochs, claims, the heart, the gate."""

from tests.mutants.mutant import Mutant

_CLAIM = "router/adapters/ami/claim.py"
_TELEPHONY = "router/adapters/ami/telephony.py"
_GATE = "router/adapters/ami/gate.py"
_CALLS = "tests/adapters/ami/test_telephony_calls.py::"
_RIVALS = "tests/adapters/ami/test_telephony_rivals.py::"
_AT_GATE = "tests/adapters/ami/test_gate.py::"

MUTANTS = (
    Mutant(
        name="A claim is obeyed whatever its epoch",
        file=_CLAIM,
        find="        return self._rival > (self.epoch, self._tenure.owner)\n",
        replace='        return self._rival > (0, "")\n',
        guards=(_CALLS + "test_the_same_epoch_a_lower_one_and_another_pool_depose_nobody",),
        short=True,
    ),
    Mutant(
        name="The owner of another pool deposes us",
        file=_TELEPHONY,
        find="        if seen.pool != self._pool or seen.router",
        replace="        if seen.router",
        guards=(_CALLS + "test_the_same_epoch_a_lower_one_and_another_pool_depose_nobody",),
    ),
    Mutant(
        name="A router that was deposed goes on ringing agents",
        file=_TELEPHONY,
        find="        if self._deposed or not self._owns:\n",
        replace="        if not self._owns:\n",
        guards=(_CALLS + "test_a_higher_epoch_deposes_and_from_then_on_nothing_is_done",),
    ),
    Mutant(
        name="A router that comes back writes its old epoch over its successor's",
        file=_CLAIM,
        find="        if self.epoch and seen > self.epoch:\n",
        replace="        if self.epoch and seen < 0:\n",
        guards=(_CALLS + "test_a_successor_found_at_the_return_is_obeyed_and_not_overwritten",),
    ),
    Mutant(
        name="A router takes over with the epoch of the owner before it",
        file=_CLAIM,
        find="            epoch = await self._tenure.raise_above(seen)\n",
        replace="            epoch = seen\n",
        guards=(_RIVALS + "test_an_epoch_that_redis_has_forgotten_is_exceeded_never_used_again",),
    ),
    Mutant(
        name="A router whose epoch was overtaken during its claim does not look a second time",
        file=_CLAIM,
        find="        if stands > epoch:\n",
        replace="        if stands < 0:\n",
        guards=(_RIVALS + "test_who_was_overtaken_between_its_claim_and_its_second_look_gives_way",),
    ),
    Mutant(
        name="The heart of a pool is beaten by a router that has not claimed it",
        file=_TELEPHONY,
        find="        if self.session.connected and self._claim.stands and not self._deposed:\n",
        replace="        if self.session.connected and not self._deposed:\n",
        guards=("tests/adapters/ami/test_telephony.py::test_the_heart_beats_only_for_a_pool_that_is_ours",),
    ),
    Mutant(
        name="An Asterisk of another name is claimed, and its callers get ids that are not theirs",
        file="router/adapters/ami/fitness.py",
        find="    if systemname != node:\n",
        replace="    if not systemname:\n",
        guards=("tests/adapters/ami/test_telephony.py::test_a_wrong_systemname_is_said_and_nothing_is_claimed",),
    ),
    Mutant(
        name="A router that does not know whether the pool is still its own acts nevertheless",
        file=_GATE,
        find="            and (self._held or self._tenure.may_act() is not Acting.YES)\n",
        replace="            and (self._held or self._tenure.may_act() is Acting.NO)\n",
        guards=(_AT_GATE + "test_in_doubt_effects_are_thrown_away_once_the_pool_is_another_s",),
    ),
    Mutant(
        name="What waited at the gate is forgotten once the pool is known to be ours",
        file=_GATE,
        find="            self._perform(effect)\n",
        replace="            self._missed = True\n",
        guards=(_AT_GATE + "test_in_doubt_effects_wait_and_leave_in_their_order_once_the_pool_is_ours",),
    ),
    Mutant(
        name="What is decided later overtakes what waits at the gate",
        file=_GATE,
        find="            and (self._held or self._tenure.may_act() is not Acting.YES)\n",
        replace="            and self._tenure.may_act() is not Acting.YES\n",
        guards=(_AT_GATE + "test_who_is_behind_those_who_wait_waits_too",),
    ),
    Mutant(
        name="A router that stands by tells of every call as if it owned the pool",
        file=_TELEPHONY,
        find="        if not self._owns:\n            return\n        seen = observe(",
        replace="        seen = observe(",
        guards=(_RIVALS + "test_who_stands_by_is_logged_in_and_neither_claims_nor_tells_anything",),
    ),
    Mutant(
        name="A router that stands by claims the pool at Asterisk",
        file=_TELEPHONY,
        find="            return\n        owner = await",
        replace="            pass\n        owner = await",
        guards=(_RIVALS + "test_who_stands_by_is_logged_in_and_neither_claims_nor_tells_anything",),
    ),
    Mutant(
        name="Of two that claim a pool at once both believe that it is theirs",
        file=_CLAIM,
        find="        if self._rival > (epoch, self._tenure.owner):\n",
        replace="        if self._rival > (epoch + 1, self._tenure.owner):\n",
        guards=(_RIVALS + "test_of_two_that_read_the_same_epoch_the_higher_nonce_stays",),
    ),
    Mutant(
        name="A claim that was overwritten from below is taken for good",
        file=_CLAIM,
        find="        if stands < epoch:\n            raise",
        replace="        if stands < 0:\n            raise",
        guards=(_RIVALS + "test_who_was_overwritten_from_below_claims_once_more",),
    ),
    Mutant(
        name="The lease's epoch is not the one that is claimed at Asterisk",
        file=_CLAIM,
        find="        epoch = self.epoch or self._tenure.epoch\n",
        replace="        epoch = self.epoch or seen + 1\n",
        guards=(_RIVALS + "test_the_lease_s_epoch_is_claimed_when_it_is_higher_than_any_before",),
    ),
    Mutant(
        name="A new owner does not announce itself",
        file=_CLAIM,
        find="        await self._asking.ask(actions.owner(self._pool, epoch, self._tenure.owner))\n",
        replace="",
        guards=(_RIVALS + "test_who_comes_later_deposes_who_was_there",),
    ),
    Mutant(
        name="A return of the connection writes the epoch a second time, over a later one's",
        file=_CLAIM,
        find="        if seen != epoch:\n",
        replace="        if seen:\n",
        guards=(
            "tests/adapters/ami/test_telephony.py::test_a_return_does_not_write_an_epoch_that_stands_there_already",
        ),
    ),
    Mutant(
        name="What was too much to wait is forgotten, and nobody asks Asterisk for the truth",
        file=_GATE,
        find="            self.overflows += 1\n            self._missed = True\n",
        replace="            self.overflows += 1\n",
        guards=(_AT_GATE + "test_what_is_too_much_is_dropped_and_the_truth_asked_for",),
    ),
    Mutant(
        name="Orders wait without a bound while it is in doubt whose the pool is",
        file=_GATE,
        find="        if len(self._held) >= MOST_HELD:\n",
        replace="        if len(self._held) < 0:\n",
        guards=(_AT_GATE + "test_what_is_too_much_is_dropped_and_the_truth_asked_for",),
    ),
    Mutant(
        name="A router that lost its pool without doing anything does not notice",
        file=_GATE,
        find="            self._held.clear()\n            self._deposed(0)\n",
        replace="            self._held.clear()\n",
        guards=(_AT_GATE + "test_a_pool_that_is_lost_is_told_though_nothing_was_to_be_done",),
    ),
    Mutant(
        name="In doubt not even Asterisk may be asked whose the pool is",
        file=_GATE,
        find='{"Getvar", "Status", ',
        replace='{"Status", ',
        guards=(_AT_GATE + "test_in_doubt_nothing_is_claimed_and_questions_are_still_asked",),
    ),
    Mutant(
        name="Who is alone finds a later epoch at Asterisk and goes on",
        file=_GATE,
        find="                if epoch > self._tenure.epoch:\n",
        replace="                if epoch > self._tenure.epoch + 1:\n",
        guards=(_AT_GATE + "test_who_is_alone_and_finds_a_higher_epoch_at_asterisk_has_lost_the_pool",),
    ),
    Mutant(
        name="Without Redis and without doubt about Asterisk a router waits for ever",
        file=_GATE,
        find="        self._tenure.unanswered()\n        self.look()\n",
        replace="        self.look()\n",
        guards=(_AT_GATE + "test_when_nobody_answers_whose_the_pool_is_asterisk_is_asked",),
    ),
    Mutant(
        name="A ring that waited when the connection went is waited for by its agent",
        file=_GATE,
        find="        self._missed = False\n        self._let_go()\n",
        replace="        self._missed = False\n",
        guards=(_AT_GATE + "test_without_a_connection_what_waits_fails_at_once",),
    ),
)
