"""Doors, and what befalls who waits behind them, is rung for meanwhile, or is an emergency."""

from tests.mutants.mutant import Mutant

_DOORS = "tests/domain/test_doors.py::"
_LIMITS = "tests/domain/test_limits.py::"
_RECOVERS = "tests/domain/test_recovery.py::"
_KEPT = "tests/domain/test_acquaintance.py::"
_URGENT = "tests/domain/test_urgency.py::"
_PLATE = "tests/test_doorplate.py::"

MUTANTS = (
    Mutant(
        name="At closing time the target's last place is for whoever came first",
        file="router/domain/lobby/doors.py",
        find="    for *_, contact in sorted(waiting):",
        replace="    for *_, contact in waiting:",
        guards=(_DOORS + "test_at_closing_time_who_stood_first_in_line_goes_first",),
    ),
    Mutant(
        name="The alarm begins anew with every queue",
        file="router/domain/waiting/urgency.py",
        find=' or ("alarm", contact.contact_id) in floor.timers:\n',
        replace=":\n",
        guards=(_URGENT + "test_the_alarm_does_not_begin_anew_with_every_queue_they_are_sent_on_to",),
    ),
    Mutant(
        name="An emergency that only Asterisk tells of is none",
        file="router/domain/lobby/reception.py",
        find="        heed(floor, contact, campaign.name, contact.seen_at)\n",
        replace="        pass\n",
        guards=(_URGENT + "test_an_emergency_caller_whom_only_asterisk_tells_of_is_one",),
        short=True,
    ),
    Mutant(
        name="Who is sent to an emergency number by an agent waits their turn",
        file="router/domain/lobby/transfer.py",
        find="            heed(floor, contact, campaign.name, now)\n",
        replace="            heed(floor, contact, contact.campaign, now)\n",
        guards=(_URGENT + "test_who_is_sent_to_an_emergency_number_by_an_agent_is_an_emergency",),
    ),
    Mutant(
        name="A campaign that a reload makes an emergency is one for who comes next only",
        file="router/domain/new_rules.py",
        find="        urgency.heed(floor, contact, contact.campaign, now)\n",
        replace="",
        guards=(_URGENT + "test_a_reload_makes_emergencies_of_those_who_wait",),
    ),
    Mutant(
        name="An emergency caller is kept for one busy agent while another is free",
        file="router/domain/waiting/acquaintance.py",
        find=" or not campaign.keep_us or contact.urgent:\n",
        replace=" or not campaign.keep_us:\n",
        guards=(_KEPT + "test_an_emergency_caller_is_kept_for_nobody_while_another_is_free",),
    ),
    Mutant(
        name="A reload of the same files forgets who is kept for one agent",
        file="router/domain/new_rules.py",
        find="            acquaintance.keep_on(floor, contact, now)\n",
        replace="            floor.keep_no_more(contact)\n",
        guards=(_KEPT + "test_who_is_kept_for_an_agent_is_so_after_a_reload_and_for_no_longer_than_before",),
    ),
    Mutant(
        name="A caller is kept by new rules for an agent who does not serve them any more",
        file="router/domain/waiting/acquaintance.py",
        find="    return row_in(line_for(floor, queue, contact, now), agent) is not None\n",
        replace="    return True\n",
        guards=(_KEPT + "test_new_rules_by_which_nobody_would_be_kept_so_keep_nobody",),
    ),
    Mutant(
        name="Each reload keeps a caller for one agent from the beginning",
        file="router/domain/waiting/acquaintance.py",
        find="min(due_at, now + keep_us))",
        replace="now + keep_us)",
        guards=(_KEPT + "test_who_is_kept_for_an_agent_is_so_after_a_reload_and_for_no_longer_than_before",),
    ),
    Mutant(
        name="Who was out of sight is still kept for an agent who left meanwhile",
        file="router/domain/floor.py",
        find="            self.keep_no_more(contact)  # whoever",
        replace="            pass  # whoever",
        guards=(_KEPT + "test_who_is_kept_and_goes_out_of_sight_stands_in_line_like_everybody_when_they_are_back",),
    ),
    Mutant(
        name="A caller is kept for an agent who has had the last contact of their day",
        file="router/domain/benches/agent.py",
        find="not 0 < cap <= self.today.contacts + talks\n",
        replace="not 0 < cap < self.today.contacts + talks\n",
        guards=(_KEPT + "test_nobody_is_kept_for_an_agent_who_has_had_the_last_contact_of_their_day",),
    ),
    Mutant(
        name="Who is kept for an agent waits through the last talk of that agent's day",
        file="router/domain/calls/talk.py",
        find="    if agent.awaited and not agent.takes_more:\n",
        replace="    if False:\n",
        guards=(_KEPT + "test_the_last_contact_of_an_agent_s_day_lets_go_of_who_is_kept_for_them",),
    ),
    Mutant(
        name="Who could not be touched at closing time waits on behind the closed door",
        file="router/domain/lobby/meanwhile.py",
        find="            why = must_go(floor, contact, now)\n",
        replace="            why = ''\n",
        guards=(
            _DOORS + "test_who_was_out_of_sight_at_closing_time_goes_when_they_are_seen_again",
            _DOORS + "test_who_waited_when_a_router_died_before_closing_time_goes_when_the_next_one_sees_them",
        ),
        short=True,
    ),
    Mutant(
        name="Who is rung for while the last agent leaves waits for nobody",
        file="router/domain/lobby/meanwhile.py",
        find="            why = why or _nobody_there(floor, contact)\n",
        replace="",
        guards=(_LIMITS + "test_who_is_rung_for_while_the_last_agent_s_shift_ends_goes_on_when_nobody_answered",),
    ),
    Mutant(
        name="Callers are sent on for want of agents before the roll was called",
        file="router/domain/lobby/meanwhile.py",
        find=" or not floor.people or staffed(",
        replace=" or staffed(",
        guards=(_LIMITS + "test_where_the_roll_was_not_called_yet_nobody_goes_on_for_want_of_agents",),
    ),
    Mutant(
        name="Whoever only Asterisk tells of waits behind a closed door",
        file="router/domain/lobby/reception.py",
        find="        if adopted or not comes_anew:\n",
        replace="        if not comes_anew:\n",
        guards=(_DOORS + "test_a_caller_whom_asterisk_tells_of_behind_a_closed_door_is_treated_as_who_waited_there",),
    ),
    Mutant(
        name="Who is rung for when early media has lasted too long is said to have waited too long",
        file="router/domain/lobby/exits.py",
        find="contact.overdue or EARLY  # goes",
        replace='contact.overdue or "wait"  # goes',
        guards=("tests/domain/test_ways_out.py::test_or_they_overflow_but_not_while_somebody_is_rung_for_them",),
    ),
    Mutant(
        name="Nobody hears that a campaign which a dead router had shut is open again",
        file="router/domain/pictures/recovery.py",
        find="        each_door.stood_open = each_door.is_open(now)",
        replace="        each_door.stood_open = True",
        guards=(_DOORS + "test_a_successor_knows_what_was_shut_by_hand_and_tells_of_its_opening",),
    ),
    Mutant(
        name="A stand-by of some days forgets what agents have done today",
        file="router/domain/pictures/recovery.py",
        find='    day_edge(floor, "", now)\n',
        replace="",
        guards=(_RECOVERS + "test_a_stand_by_that_was_told_of_the_days_long_ago_knows_what_agents_have_done_today",),
    ),
    Mutant(
        name="The night line of a campaign is closed at night",
        file="router/domain/lobby/staffing.py",
        find="    return campaign is None or ToQueue(queue=rules.name) not in campaign.closed\n",
        replace="    return True\n",
        guards=(_DOORS + "test_a_queue_that_a_closed_campaign_sends_its_callers_to_is_its_night_line",),
    ),
    Mutant(
        name="An agent who is logged out counts as one whom a call can reach",
        file="router/domain/lobby/staffing.py",
        find="    Staffed.REACHABLE: (Standing.LOGGED_OUT, ",
        replace="    Staffed.REACHABLE: (",
        guards=(_LIMITS + "test_who_comes_waits_only_where_somebody_is_who_counts",),
    ),
    Mutant(
        name="A longer wait by reload is none for who waits already",
        file="router/domain/lobby/reception.py",
        find="due_at - was.rules.max_wait_us + longest_us if same",
        replace="due_at if same",
        guards=(
            "tests/domain/test_reception.py::test_a_reload_that_changes_the_longest_wait_does_so_for_who_waits_already",
        ),
    ),
    Mutant(
        name="A door that was shut by hand is said to open when its hours do",
        file="router/domain/benches/door.py",
        find="        at = max(now, self.shut_until)\n",
        replace="        at = now\n",
        guards=(
            _DOORS + "test_a_door_opens_when_both_its_hours_and_who_shut_it_allow_it",
            _PLATE + "test_who_shut_it_by_hand_goes_before_its_hours_and_it_opens_when_both_allow_it",
        ),
    ),
    Mutant(
        name="The night line is shown as closed",
        file="router/doorplate.py",
        find="    return not is_shut_out(floor, queue, now) or",
        replace="    return view_door(floor, {}, queue.campaign, now).closed_by == '' or",
        guards=(_PLATE + "test_the_night_line_is_open_while_the_door_is_closed",),
    ),
)
