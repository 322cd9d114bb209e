"""What the site's files mean: rules, numbers, shifts."""

from tests.mutants.mutant import Mutant

_RULES = "router/config/rulebook.py"
_FAULTS = "tests/config/test_faults.py::"

MUTANTS = (
    Mutant(
        name="Overflow that leads round in a circle is accepted",
        file=_RULES,
        find="    _check_circles(queues, faults)\n",
        replace="",
        guards=(_FAULTS + "test_overflow_in_a_circle_is_told_once_with_the_way_round",),
    ),
    Mutant(
        name="A number is dialled for two clients at once",
        file=_RULES,
        find="            if number in taken:\n",
        replace="            if taken.get(number) == name:\n",
        guards=(_FAULTS + "test_a_number_of_two_campaigns_is_told",),
        short=True,
    ),
    Mutant(
        name="A record is priced with rules whose hash does not know all of them",
        file=_RULES,
        find='        "router": settings.router.model_dump(),\n',
        replace="",
        guards=("tests/config/test_rules.py::test_the_hash_follows_the_rules_and_nothing_else",),
    ),
    Mutant(
        name="The times of a file are cut to whole seconds",
        file=_RULES,
        find="    return round(seconds * SECOND)\n",
        replace="    return int(seconds) * SECOND\n",
        guards=("tests/config/test_rules.py::test_a_queue_compiles_to_what_its_table_says",),
    ),
    Mutant(
        name="An hour that the clocks skip is guessed, and somebody's working time with it",
        file="router/config/shifts.py",
        find="    if not exists:\n",
        replace="    if not text:\n",
        guards=("tests/config/test_shifts.py::test_a_bad_line_is_told_with_its_number_and_the_others_are_still_read",),
    ),
    Mutant(
        name="Two shifts that overlap end when the first of them does",
        file="router/config/shifts.py",
        find="to_at=max(last.to_at, interval.to_at)",
        replace="to_at=min(last.to_at, interval.to_at)",
        guards=("tests/config/test_shifts.py::test_shifts_that_touch_are_one",),
    ),
    Mutant(
        name="A caller who asked to be shown to nobody is shown",
        file="router/config/numbers.py",
        find='    if is_withheld(raw):\n        return ""\n',
        replace="",
        guards=(
            "tests/config/test_numbers.py::test_an_anonymous_caller_stays_anonymous_before_the_networks_assertion",
        ),
    ),
    Mutant(
        name="Who is to be called back is counted among those who wait when a reload tells whom it touched",
        file="router/domain/recount.py",
        find="        if contact.is_waiting and not contact.place\n",
        replace="        if contact.is_waiting\n",
        guards=("tests/domain/test_recount.py::test_who_is_rung_for_waits_and_who_is_to_be_called_back_is_no_caller",),
    ),
    Mutant(
        name="A reload does not tell of callers whom it sent off",
        file="router/domain/recount.py",
        find="        sent_off=len(was.waiting) - len(stayed),\n",
        replace="",
        guards=("tests/domain/test_recount.py::test_whose_campaign_is_gone_is_sent_off_and_others_wait_on",),
    ),
)
