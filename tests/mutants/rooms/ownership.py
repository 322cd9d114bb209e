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
        find="        if self._deposed:\n            return\n        try:\n",
        replace="        try:\n",
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
)
