"""The pump: order, bounds, deadlines behind a backlog, nobody who raises."""

from tests.mutants.mutant import Mutant

_HERE = "router/runtime.py"
_GUARD = "tests/test_runtime.py::"

MUTANTS = (
    Mutant(
        name="A caller's ring waits until every subscriber was told of it",
        file=_HERE,
        find="        telephony = self.telephony\n        if telephony is not None:\n            for effect in",
        replace=(
            "        telephony = self.telephony\n"
            "        for event in events:\n"
            "            for subscriber in self._subscribers:\n"
            "                self._guarded(type(event).__name__, subscriber, event, self._clock.now())\n"
            "        events = []\n"
            "        if telephony is not None:\n"
            "            for effect in"
        ),
        guards=(_GUARD + "test_effects_leave_before_events_are_told",),
    ),
    Mutant(
        name="What was seen first is handled last",
        file=_HERE,
        find="            self._handle(inbox.popleft())\n",
        replace="            self._handle(inbox.pop())\n",
        guards=(_GUARD + "test_observations_are_handled_in_the_order_they_were_seen",),
    ),
    Mutant(
        name="An overflow of the inbox forgets that a node was lost",
        file=_HERE,
        find="if isinstance(seen, OwnerSeen | NodeLost))",
        replace="if isinstance(seen, OwnerSeen))",
        guards=(_GUARD + "test_an_overflow_forgets_neither_a_new_owner_nor_a_lost_node",),
    ),
    Mutant(
        name="An overflow of the inbox forgets that the pool has a new owner",
        file=_HERE,
        find="if isinstance(seen, OwnerSeen | NodeLost))",
        replace="if isinstance(seen, NodeLost))",
        guards=(_GUARD + "test_an_overflow_forgets_neither_a_new_owner_nor_a_lost_node",),
    ),
    Mutant(
        name="An overflow of the inbox loses what was in it, and nobody asks Asterisk for the truth",
        file=_HERE,
        find='                self._guarded("LookAgain", self.telephony.perform, LookAgain(node=node))\n',
        replace="                pass\n",
        guards=(_GUARD + "test_an_overflow_throws_the_past_away_and_asks_for_the_truth",),
    ),
    Mutant(
        name="An inbox without a bound grows until the machine has no memory left",
        file=_HERE,
        find="        if len(inbox) > self._inbox_limit:\n            self._overflow()\n",
        replace="",
        guards=(_GUARD + "test_an_overflow_throws_the_past_away_and_asks_for_the_truth",),
    ),
    Mutant(
        name="An agent who answered in time is hung up because the answer was behind a backlog",
        file=_HERE,
        find="        if (self._inbox or self.behind()) and self._loop is not None:\n",
        replace="        if self.behind() and self._loop is not None:\n",
        guards=(_GUARD + "test_an_answer_behind_a_backlog_is_heard_before_the_deadline_that_passed_meanwhile",),
        short=True,
    ),
    Mutant(
        name="An agent who answered in time is hung up because the answer was not parsed yet",
        file=_HERE,
        find="        if (self._inbox or self.behind()) and self._loop is not None:\n",
        replace="        if self._inbox and self._loop is not None:\n",
        guards=(_GUARD + "test_a_deadline_waits_for_what_was_heard_and_is_not_parsed_yet",),
    ),
    Mutant(
        name="A deadline is looked at when the one before it would have been due",
        file=_HERE,
        find="        if loop is None or due == self._armed_for:\n",
        replace="        if loop is None or self._timer is not None:\n",
        guards=(_GUARD + "test_one_timer_is_armed_for_the_nearest_deadline_and_follows_it",),
    ),
    Mutant(
        name="A full disk of one subscriber keeps the others from being told",
        file=_HERE,
        find='            log.exception("whoever was told failed", extra={"told": what})\n',
        replace='            log.exception("whoever was told failed", extra={"told": what})\n            raise\n',
        guards=(_GUARD + "test_a_subscriber_that_raises_costs_the_others_nothing",),
    ),
    Mutant(
        name="A bug in one decision ends the pump",
        file=_HERE,
        find='            log.exception("the engine failed on an observation",',
        replace='            raise\n            log.exception("the engine failed on an observation",',
        guards=(_GUARD + "test_an_engine_that_fails_on_one_observation_handles_the_next",),
    ),
    Mutant(
        name="A burst keeps the sockets from being read until all of it is decided",
        file=_HERE,
        find="            if time.perf_counter() > until:\n                break\n",
        replace="            if not inbox:\n                break\n",
        guards=(_GUARD + "test_a_burst_of_twenty_thousand_gives_the_loop_its_turn_all_the_time",),
    ),
    Mutant(
        name="The heart stops for good when a metric fails",
        file=_HERE,
        find='            self._guarded("lag", self.lagged, late)\n',
        replace="            self.lagged(late)\n",
        guards=(_GUARD + "test_the_heart_beats_at_the_start_and_goes_on_whatever_raises",),
    ),
    Mutant(
        name="The router's clock steps back when somebody sets the system's",
        file=_HERE,
        find="        return (self._offset + time.monotonic_ns()) // 1000\n",
        replace="        return time.time_ns() // 1000\n",
        guards=(_GUARD + "test_the_clock_never_steps_back_when_the_systems_clock_does",),
    ),
)
