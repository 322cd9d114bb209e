"""Who gets whom: order of the line, order of the bench, needs and shifts."""

from tests.mutants.mutant import Mutant

_HERE = "router/domain/matching.py"
_QUEUE = "router/domain/benches/queue.py"
_FLOOR = "router/domain/floor.py"
_GUARD = "tests/domain/test_matching.py::"
_ROSTER = "tests/domain/test_roster.py::"

MUTANTS = (
    Mutant(
        name="Of two callers who came in the same instant the later is served first",
        file=_QUEUE,
        find="points * rules.priority_point_us, contact.ordinal\n",
        replace="points * rules.priority_point_us, -contact.ordinal\n",
        guards=(_GUARD + "test_the_first_in_line_is_served_first",),
        short=True,
    ),
    Mutant(
        name="A caller given back after a missed ring stands behind who came later",
        file=_QUEUE,
        find="        return 0, aged_from - ",
        replace="        return 0, contact.news_at - ",
        guards=(_GUARD + "test_a_caller_whose_ring_was_missed_stands_before_who_came_later",),
    ),
    Mutant(
        name="Priority is worth nothing",
        file=_QUEUE,
        find=" - points * rules.priority_point_us",
        replace="",
        guards=(_GUARD + "test_a_point_of_priority_is_worth_a_minute_of_waiting",),
    ),
    Mutant(
        name="An agent of two queues is given the one who has waited shortest",
        file=_HERE,
        find="place < first",
        replace="first < place",
        guards=(
            _GUARD + "test_priority_does_not_beat_who_has_waited_longer_than_it_is_worth",
            _GUARD + "test_a_point_of_priority_is_worth_a_minute_of_waiting",
        ),
    ),
    Mutant(
        name="Whoever became free last is asked first",
        file="router/domain/rulebook/choice.py",
        find="    Choice.LONGEST_IDLE: None,\n",
        replace="    Choice.LONGEST_IDLE: lambda agent, row: (0, -agent.idle_since),\n",
        guards=(_GUARD + "test_who_has_been_idle_longest_is_asked_first",),
    ),
    Mutant(
        name="An agent who is being rung is offered a second caller",
        file="router/domain/benches/agent.py",
        find="        if self.offer is not None or self.assignment is not None:\n            return _ON_CONTACT",
        replace="        if self.assignment is not None:\n            return _ON_CONTACT",
        guards=(_GUARD + "test_who_has_been_idle_longest_is_asked_first",),
    ),
    Mutant(
        name="A router that is about to leave goes on ringing agents",
        file=_HERE,
        find="    if not floor.offering or floor.lost:\n",
        replace="    if floor.lost:\n",
        guards=(_GUARD + "test_nothing_is_offered_once_the_process_is_about_to_leave",),
    ),
    Mutant(
        name="A caller whose node is out of reach is offered to agents",
        file=_FLOOR,
        find="            elif not contact.parked:\n                self.line_up",
        replace="            else:\n                self.line_up",
        guards=("tests/domain/test_resync.py::test_a_caller_on_a_node_not_seen_yet_is_offered_once_it_is",),
    ),
    Mutant(
        name="The proficiency asked for is not enough",
        file="router/domain/rulebook/need.py",
        find='            case ">=":\n                low, high = level,',
        replace='            case ">=":\n                low, high = min(level + 1, PROFICIENCY_MAX),',
        guards=("tests/domain/test_need.py::test_comparisons_hold_at_their_edges",),
    ),
    Mutant(
        name="Who does not have a skill has it at level zero",
        file="router/domain/rulebook/sieve.py",
        find="    return lambda skills: low <= skills.get(skill, -1) <= high\n",
        replace="    return lambda skills: low <= skills.get(skill, 0) <= high\n",
        guards=("tests/domain/test_need.py::test_no_comparison_is_true_of_a_skill_that_is_not_held",),
    ),
    Mutant(
        name="Nobody notices that a shift begins or ends",
        file=_FLOOR,
        find='            self.calendar.set(("entitlement", agent.agent_id), change)\n',
        replace='            self.calendar.cancel(("entitlement", agent.agent_id))\n',
        guards=(_ROSTER + "test_a_shift_that_begins_finds_who_waits",),
    ),
    Mutant(
        name="Only what happens after the end of a shift turns the page",
        file="router/domain/benches/timers.py",
        find="return self._heap[0][0] <= now",
        replace="return self._heap[0][0] < now",
        guards=("tests/domain/test_timers.py::test_what_is_due_now_is_worth_asking_for",),
    ),
    Mutant(
        name="A shift goes on in the moment it ends, and then for ever",
        file="router/domain/rulebook/entitlement.py",
        find="if interval.from_at <= now < interval.to_at)",
        replace="if interval.from_at <= now <= interval.to_at)",
        guards=(
            _ROSTER + "test_a_shift_that_ends_while_it_rings_or_in_the_talk_lets_it_go_on_and_offers_nothing_more",
        ),
    ),
    Mutant(
        name="An identity that ran out is good for ever",
        file="router/domain/rulebook/entitlement.py",
        find="        if now >= self.identity_valid_until:\n            return ()\n",
        replace="",
        guards=(_ROSTER + "test_an_identity_that_ran_out_stops_offers",),
    ),
    Mutant(
        name="A shift for one client's calls is a shift for everybody's",
        file="router/domain/rulebook/entitlement.py",
        find="    return any(not interval.campaigns or campaign in interval.campaigns for interval in intervals)\n",
        replace="    return any(not interval.campaigns or interval.campaigns for interval in intervals)\n",
        guards=(_ROSTER + "test_a_shift_for_one_campaign_is_for_no_other",),
    ),
)
