"""How long a caller will wait, who is turned away for it, and who has their place back."""

from tests.mutants.mutant import Mutant

_WAIT, _REDIAL = "tests/domain/test_expectation.py::", "tests/domain/test_redial.py::"

MUTANTS = (
    Mutant(
        name="Everybody in line is told what the last one waits",
        file="router/domain/waiting/expectation.py",
        find="    mine = (queue.before(key) + 1) * own.busy_us\n",
        replace="    mine = (queue.waiting + 1) * own.busy_us\n",
        guards=(_WAIT + "test_each_in_line_is_told_by_their_own_place",),
        short=True,
    ),
    Mutant(
        name="Shared agents are counted as if they served one queue only",
        file="router/domain/waiting/expectation.py",
        find="            work += before[other] * each_us\n",
        replace="            work += 0.0\n",
        guards=(_WAIT + "test_callers_of_another_queue_of_the_same_agents_stand_before_by_age",),
    ),
    Mutant(
        name="Who pauses is counted on",
        file="router/domain/benches/crew.py",
        find="(Standing.FREE, Standing.ON_CONTACT, Standing.HELD_OFF)",
        replace="(Standing.FREE, Standing.ON_CONTACT, Standing.HELD_OFF, Standing.PAUSED)",
        guards=(_WAIT + "test_only_agents_who_take_contacts_now_or_next_are_counted_on",),
    ),
    Mutant(
        name="Who goes home after the contact in hand is counted on",
        file="router/domain/benches/agent.py",
        find="_ON_CONTACT if self.next_status is None else _LAST_CONTACT\n",
        replace="_ON_CONTACT\n",
        guards=(
            _WAIT + "test_who_will_be_gone_after_the_contact_in_hand_is_not_counted_on_until_they_think_better_of_it",
        ),
    ),
    Mutant(
        name="A row that opens much later helps from now on",
        file="router/domain/waiting/expectation.py",
        find="        opens_us = 0.0 if row.index <= opened else",
        replace="        opens_us = 0.0 if True else",
        guards=(_WAIT + "test_a_row_that_opens_later_helps_from_then_on",),
    ),
    Mutant(
        name="Who comes is dissuaded though an agent is free for them",
        file="router/domain/lobby/staffing.py",
        find="not queue.waiting or is_free(floor, queue)",
        replace="not queue.waiting",
        guards=(_REDIAL + "test_where_an_agent_is_free_nobody_is_dissuaded",),
    ),
    Mutant(
        name="A place is given back as often as somebody calls",
        file="router/domain/lobby/reception.py",
        find="        floor.gave_up.take_back(campaign.name, seen.ani)\n",
        replace="        pass\n",
        guards=(_REDIAL + "test_a_place_is_given_back_once",),
    ),
    Mutant(
        name="Who calls again and finds the line full has lost the time they had waited",
        file="router/domain/lobby/reception.py",
        find="    if credit_us and contact.is_waiting:\n",
        replace="    if credit_us:\n",
        guards=(_REDIAL + "test_who_calls_again_and_finds_no_room_has_their_time_back_when_they_call_once_more",),
    ),
    Mutant(
        name="Walking about between two calls counts as waiting",
        file="router/domain/lobby/reception.py",
        find="credit_us = floor.gave_up.credit(campaign.name, seen.ani, now)\n",
        replace="credit_us = floor.gave_up.credit(campaign.name, seen.ani, now) and 60_000_000\n",
        guards=(_REDIAL + "test_the_time_between_hanging_up_and_calling_again_is_not_waiting",),
    ),
    Mutant(
        name="What a queue alone in its campaign has learned is lost when it gets a neighbour",
        file="router/domain/benches/pace.py",
        find="                self._paces[campaign] = replace(",
        replace="                replace(",
        guards=(_WAIT + "test_a_queue_alone_in_its_campaign_leaves_its_pace_to_those_who_come_later",),
    ),
    Mutant(
        name="Of every caller the expected wait is reckoned out, whether anybody hears of it or not",
        file="router/domain/benches/queue.py",
        find="        self._begun = self.rules.foretell_one_in - 1\n",
        replace="",
        guards=(_WAIT + "test_where_nothing_is_done_by_the_wait_it_is_put_down_of_some_callers_alone",),
    ),
    Mutant(
        name="Who has done with a contact and gets no other sits free and is counted as busy",
        file="router/domain/floor.py",
        find="            self.count(agent)\n            agent.turn",
        replace="            agent.turn",
        guards=("tests/domain/test_talk.py::test_wrap_up_can_be_finished_early_with_a_disposition",),
    ),
)
