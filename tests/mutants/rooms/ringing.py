"""Orders to ring an agent, so many at a time: the others in their turn, none for ever, none against our will."""

from tests.mutants.mutant import Mutant

_HERE = "router/adapters/ami/ringing.py"
_GUARD = "tests/adapters/ami/test_ringing.py::"

MUTANTS = (
    Mutant(
        name="As many agents are rung at once as there are orders",
        file=_HERE,
        find="        if self.on_way < self._most:\n",
        replace="        if self.on_way < 10**6:\n",
        guards=(_GUARD + "test_no_more_than_so_many_are_on_their_way_and_the_others_follow_in_their_order",),
        short=True,
    ),
    Mutant(
        name="A failed order to ring keeps its place for ever",
        file=_HERE,
        find="        self.on_way -= 1\n",
        replace="        self.on_way -= 0 if _.cancelled() or _.exception() else 1\n",
        guards=(_GUARD + "test_an_answer_of_whatever_kind_makes_room",),
    ),
    Mutant(
        name="An order that was taken back is given all the same",
        file=_HERE,
        find="            self._failed(order, WITHDRAWN)\n",
        replace="            self._failed(order, WITHDRAWN)\n            self.ring(order)\n",
        guards=(_GUARD + "test_an_order_that_is_withdrawn_is_never_given",),
    ),
    Mutant(
        name="An order to ring waits for its turn until the agent has no time left to answer",
        file=_HERE,
        find="_PATIENCE = 0.25\n",
        replace="_PATIENCE = 1000\n",
        guards=(_GUARD + "test_who_waits_a_quarter_of_the_ring_comes_back_and_is_not_given_any_more",),
    ),
    Mutant(
        name="An agent's leg that was never ordered is hung up and its order follows",
        file="router/adapters/ami/telephony.py",
        find="            case EndLeg() if self.ringing.withdraw(OfferId(effect.leg)):\n                pass\n",
        replace="",
        guards=(_GUARD + "test_a_hang_up_of_a_leg_that_was_not_ordered_yet_takes_the_order_back",),
    ),
)
