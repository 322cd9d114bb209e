"""What the rest stands on: deadlines, the memory of ended legs, the timeline of a record, the line of people."""

from tests.mutants.mutant import Mutant

_TIMERS = "tests/domain/test_timers.py::"
_LINE = "tests/domain/test_line.py::"

MUTANTS = (
    Mutant(
        name="A deadline that was called off falls due all the same",
        file="router/domain/benches/timers.py",
        find="        at = self._due.pop(key, None)\n",
        replace="        at = None\n",
        guards=(_TIMERS + "test_a_key_that_was_called_off_is_not_due_and_hides_none_that_is",),
    ),
    Mutant(
        name="A deadline that is set again is due twice",
        file="router/domain/benches/timers.py",
        find="            self.cancel(key)\n",
        replace="            pass\n",
        guards=(_TIMERS + "test_what_is_put_off_is_due_once",),
    ),
    Mutant(
        name="What is called off again and again piles up",
        file="router/domain/benches/timers.py",
        find="        del later[key]\n        if not later:\n",
        replace="        if not later:\n",
        guards=(_TIMERS + "test_what_is_called_off_again_and_again_is_let_go_of",),
    ),
    Mutant(
        name="The heap of deadlines grows while something is due in hours",
        file="router/domain/benches/timers.py",
        find="                self._throw_out()\n",
        replace="                pass\n",
        guards=(_TIMERS + "test_nor_does_it_pile_up_when_what_is_due_in_hours_was_looked_at",),
    ),
    Mutant(
        name="A deadline is due a moment late, when it is only just reached",
        file="router/domain/benches/timers.py",
        find="            while self._heap and self._heap[0][0] <= now:\n",
        replace="            while self._heap and self._heap[0][0] < now:\n",
        guards=(_TIMERS + "test_a_key_set_again_is_due_at_the_new_time_only",),
    ),
    Mutant(
        name="Ended legs are forgotten all at once, also those that ended just now",
        file="router/domain/benches/past.py",
        find="            self._older, self._younger = self._younger, {}\n",
        replace="            self._older, self._younger = {}, {}\n",
        guards=(_LINE + "test_the_latest_legs_are_remembered_and_the_number_is_bounded",),
    ),
    Mutant(
        name="The memory of ended legs grows for ever",
        file="router/domain/benches/past.py",
        find="            self._older, self._younger = self._younger, {}\n",
        replace="            self._older, self._younger = {**self._older, **self._younger}, {}\n",
        guards=(_LINE + "test_the_latest_legs_are_remembered_and_the_number_is_bounded",),
    ),
    Mutant(
        name="Two segments of a record overlap when news come late",
        file="router/domain/contacts/timeline.py",
        find="        at = max(at, self._from)\n",
        replace="        at = max(at, 0)\n",
        guards=(_TIMERS + "test_segments_are_disjoint_and_cover_the_life_of_the_leg",),
        short=True,
    ),
    Mutant(
        name="A record goes on after its caller's leg has ended",
        file="router/domain/contacts/timeline.py",
        find="        while len(segments) > 1 and segments[-1].from_at >= at:\n            segments.pop()\n",
        replace="",
        guards=(_TIMERS + "test_segments_are_disjoint_and_cover_the_life_of_the_leg",),
    ),
    Mutant(
        name="Two agents' talks with one caller are billed as one",
        file="router/domain/contacts/timeline.py",
        find="        if (self._kind, self._agent, self._queue) == (kind, agent_id, queue):\n",
        replace="        if self._kind is kind:\n",
        guards=(_TIMERS + "test_the_same_kind_with_another_agent_is_another_segment",),
    ),
    Mutant(
        name="Who comes back to an old place in line stands at its end",
        file="router/domain/benches/line.py",
        find="        if not places or places[-1] < place:\n",
        replace="        if True:\n",
        guards=(_LINE + "test_a_line_is_in_order_whoever_comes_back_and_leaves",),
    ),
    Mutant(
        name="A router that lost its pool goes on deciding",
        file="router/domain/engine.py",
        find="    floor.lost = True\n",
        replace="",
        guards=("tests/domain/test_engine.py::test_a_router_that_lost_its_pool_decides_nothing_more",),
    ),
    Mutant(
        name="A leg that got its caller before our hang-up reached it is believed not to talk",
        file="router/domain/contacts/offer.py",
        find="    _S.RESCINDING: {_T.CONNECT: _S.CLOSED, _T.LEG_END: _S.CLOSED},\n",
        replace="    _S.RESCINDING: {_T.LEG_END: _S.CLOSED},\n",
        guards=("tests/domain/test_offering.py::test_an_answer_that_crosses_our_hang_up_is_a_talk_and_no_miss",),
    ),
)
