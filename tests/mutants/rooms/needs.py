"""Needs that speak of the contact, and everybody asked at once."""

from tests.mutants.mutant import Mutant

_SEATING = "router/domain/benches/seating.py"
_GUARD = "tests/domain/test_particulars.py::"

MUTANTS = (
    Mutant(
        name="What is known of a caller changes nothing",
        file=_SEATING,
        find="    if not queue.data:\n        return queue\n",
        replace="    return queue\n",
        guards=(_GUARD + "test_each_caller_gets_who_speaks_their_language",),
        short=True,
    ),
    Mutant(
        name="Callers make lines up with words nobody knows",
        file="router/domain/contacts/particulars.py",
        find=" and census.knows(skill):",
        replace=":",
        guards=(_GUARD + "test_made_up_words_make_no_lines",),
    ),
    Mutant(
        name="A queue may have any number of distinct needs",
        file=_SEATING,
        find="    if len(queue.lines) >= MOST_NEEDS:\n",
        replace="    if False:\n",
        guards=(_GUARD + "test_needs_that_come_one_after_the_other_are_never_too_many",),
    ),
    Mutant(
        name="The line of a need of last year is kept, and who comes today has none",
        file=_SEATING,
        find="        if idle is None:\n            return None\n        _give_back",
        replace="        return None\n        _give_back",
        guards=(_GUARD + "test_needs_that_come_one_after_the_other_are_never_too_many",),
    ),
    Mutant(
        name="Who is rung for loses the line they would come back to",
        file="router/domain/matching.py",
        find="            contact.rung_from, queue.rung = queue, queue.rung + 1\n",
        replace="            pass\n",
        guards=(_GUARD + "test_whoever_is_rung_for_keeps_their_line",),
    ),
    Mutant(
        name="Who found no line of their own waits for their whole life in the general one",
        file="router/domain/engine.py",
        find="    if floor.crowded:\n        seating.give_lines(floor, now)\n",
        replace="",
        guards=(
            _GUARD + "test_who_finds_no_line_has_the_next_that_falls_idle_"
            "the_first_first_and_who_needs_the_same_with_them",
        ),
        short=True,
    ),
    Mutant(
        name="Free agents do not sit down in a line that comes to be",
        file=_SEATING,
        find="                row.sit_down(agent, (0, agent.idle_since, agent.ordinal, agent.turn, agent))\n",
        replace="                pass\n",
        guards=(_GUARD + "test_each_caller_gets_who_speaks_their_language",),
    ),
    Mutant(
        name="Each line of a queue has the room of the whole",
        file="router/domain/lobby/staffing.py",
        find="queue.whole.all_callers:",
        replace="queue.waiting:",
        guards=(_GUARD + "test_the_limit_of_a_queue_counts_all_its_lines",),
    ),
    Mutant(
        name="Who waits is not told that somebody brought the skill along",
        file="router/domain/staff/roster.py",
        find="    if new_skills:\n        look_again(floor, now)\n",
        replace="",
        guards=(_GUARD + "test_a_skill_that_somebody_brings_along_is_meant_by_who_waits_already",),
    ),
    Mutant(
        name="What was told of a caller dies with the router",
        file="router/domain/pictures/recovery.py",
        find="        data=checked(stands.data),\n",
        replace="",
        guards=(_GUARD + "test_what_is_known_of_a_contact_survives_the_router",),
    ),
    Mutant(
        name="Asked all at once the highest level is nobody's",
        file="router/domain/rulebook/census.py",
        find="        return at_least[low] & ~at_least[high + 1]\n",
        replace="        return at_least[low] & ~at_least[high]\n",
        guards=("tests/domain/test_census.py::test_a_set_of_agents_is_those_who_match_one_by_one",),
    ),
    Mutant(
        name="Who left is still counted among those who may be asked",
        file="router/domain/rulebook/census.py",
        find="            self.everybody &= ~(1 << seat)\n",
        replace="",
        guards=("tests/domain/test_census.py::test_a_skill_is_new_once",),
    ),
    Mutant(
        name="Nobody is counted on in the line of a need that came up later",
        file="router/domain/benches/seating.py",
        find=(
            "        serves = (*agents[0].serves, row)\n"
            "        for agent in agents:\n"
            "            agent.serves = serves\n"
            "        enlist(floor.crews, *agents)\n"
        ),
        replace=(
            "        serves = (*agents[0].serves, row)\n"
            "        for agent in agents:\n"
            "            agent.serves = serves\n"
        ),
        guards=(
            "tests/domain/test_expectation.py::"
            "test_callers_of_a_distinct_need_count_on_who_meets_it_and_on_nobody_else",
        ),
    ),
)
