"""The wire to Asterisk: framing, the one encoder, actions in flight, the session, the ring's card."""

from tests.mutants.mutant import Mutant

_WIRE = "router/adapters/ami/wire.py"
_PENDING = "router/adapters/ami/pending.py"
_TELEPHONY = "router/adapters/ami/telephony.py"
_GUARD = "tests/adapters/ami/"

MUTANTS = (
    Mutant(
        name="A caller's name with a line break in it becomes an action of its own",
        file=_WIRE,
        find='    if text.count("\\r") != len(lines) + 1 or text.count("\\n") != len(lines) + 1 or "\\0" in text:\n',
        replace='    if "\\0" in text:\n',
        guards=(_GUARD + "test_wire.py::test_a_value_that_could_become_a_header_is_refused_without_being_quoted",),
        short=True,
    ),
    Mutant(
        name="A line longer than Asterisk reads is sent, and its end read as a new line",
        file=_WIRE,
        find="    if 4 * max(map(len, lines)) > LINE_LIMIT and max(",
        replace="    if max(map(len, lines)) > 4 * LINE_LIMIT and max(",
        guards=(_GUARD + "test_wire.py::test_the_longest_line_and_the_most_headers_pass_and_one_more_does_not",),
    ),
    Mutant(
        name="An event whose end is split over two segments is never read",
        file=_WIRE,
        find="            seam = max(0, len(tail) - 3)\n",
        replace="            seam = len(tail)\n",
        guards=(_GUARD + "test_wire.py::test_a_stream_split_at_every_offset_gives_the_same_blocks",),
    ),
    Mutant(
        name="A name with umlauts reaches the record as rubbish",
        file=_WIRE,
        find='raw.decode("utf-8", "replace")',
        replace='raw.decode("latin-1")',
        guards=(_GUARD + "test_wire.py::test_a_name_with_characters_of_several_bytes_survives_every_split",),
    ),
    Mutant(
        name="A header that a dialplan adds shadows Asterisk's own",
        file=_WIRE,
        find="            repeated[name] = (*repeated.get(name, (first[name],)), value)\n",
        replace=(
            "            repeated[name] = (*repeated.get(name, (first[name],)), value)\n"
            "            first[name] = value\n"
        ),
        guards=(_GUARD + "test_parse.py::test_a_second_header_of_a_name_cannot_shadow_asterisks_own",),
    ),
    Mutant(
        name="A reply is taken for that of another action",
        file=_PENDING,
        find='        asked = self._asked.get(action_id)\n        starts = block.get("eventlist")',
        replace=(
            "        action_id, asked = next(iter(self._asked.items()), (action_id, None))\n"
            '        starts = block.get("eventlist")'
        ),
        guards=(_GUARD + "test_pending.py::test_answers_that_come_in_another_order_reach_those_who_asked",),
    ),
    Mutant(
        name="An action is answered twice, the second time with what is none",
        file=_PENDING,
        find="        if asked is None or asked.head is not None:\n            self._counters.strays += 1\n",
        replace="        if asked is None:\n            self._counters.strays += 1\n",
        guards=(_GUARD + "test_pending.py::test_a_second_answer_to_a_list_under_way_does_not_end_it",),
    ),
    Mutant(
        name="A list that broke off in the middle is taken for the whole truth",
        file=_PENDING,
        find='        elif mark == "complete":\n',
        replace='        elif mark in ("complete", "cancelled"):\n',
        guards=(
            _GUARD + "test_pending.py::test_a_list_broken_off_or_without_measure_is_an_error_and_never_half_a_truth",
        ),
    ),
    Mutant(
        name="Late items of a list that was given up are taken for news",
        file=_PENDING,
        find="            self._lists.discard(action_id)\n            self._abandon(action_id)\n",
        replace="            self._lists.discard(action_id)\n",
        guards=(_GUARD + "test_pending.py::test_late_items_of_a_list_given_up_are_not_taken_for_news",),
    ),
    Mutant(
        name="An action that may have been carried out before the line broke is said to be safe to repeat",
        file=_PENDING,
        find="            self._fail(action_id, asked, Lost(written=True))\n",
        replace="            self._fail(action_id, asked, Lost(written=False))\n",
        guards=(
            _GUARD + "test_session.py::test_a_lost_connection_fails_what_is_in_flight_at_once_and_repeats_nothing",
        ),
    ),
    Mutant(
        name="Whoever listens on Asterisk's port can tell us events before we have logged in",
        file="router/adapters/ami/intake.py",
        find="            if not self.open or event.lower() not in self._wanted:\n",
        replace="            if event.lower() not in self._wanted:\n",
        guards=(_GUARD + "test_session.py::test_events_before_the_login_is_answered_are_not_believed",),
    ),
    Mutant(
        name="The two halves of a masquerade are taken for legs of people",
        file="router/adapters/ami/parse.py",
        find='    return channel.startswith(_NOBODY) or channel.endswith("<ZOMBIE>")\n',
        replace="    return channel.startswith(_NOBODY)\n",
        guards=(_GUARD + "test_parse.py::test_channels_of_a_masquerade_are_nobody",),
    ),
    Mutant(
        name="A prompt's name with our separator in it moves every value on the ring's card",
        file="router/adapters/ami/ring_card.py",
        find="    if _CLEAN.fullmatch(card) and card.count(BETWEEN) == len(FIELDS) - 1:\n",
        replace="    if _CLEAN.fullmatch(card):\n",
        guards=(_GUARD + "test_actions.py::test_nothing_anybody_writes_adds_a_header_a_variable_or_an_expression",),
    ),
    Mutant(
        name="A leg that we hang up looks like one whose audio stopped",
        file="router/adapters/ami/actions.py",
        find='NORMAL_CLEARING = "16"\n',
        replace='NORMAL_CLEARING = "44"\n',
        guards=(_GUARD + "test_actions.py::test_we_hang_up_with_normal_clearing_and_by_unique_id",),
    ),
    Mutant(
        name="A ring whose fate nobody knows is called failed, and a second agent rung for the caller",
        file=_TELEPHONY,
        find="                self.failed_actions += 1\n            elif not done.result().ok:\n",
        replace='                self._not_rung(effect, "")\n            elif not done.result().ok:\n',
        guards=(_GUARD + "test_telephony.py::test_a_ring_in_flight_when_the_connection_goes_is_not_called_failed",),
    ),
    Mutant(
        name="A ring that Asterisk refused because its leg lives is told as a plain failure",
        file=_TELEPHONY,
        find="        exists = EXISTS in why.lower()\n",
        replace="        exists = False\n",
        guards=(_GUARD + "test_telephony_calls.py::test_a_ring_refused_because_the_leg_exists_is_to_be_adopted",),
    ),
    Mutant(
        name="A snapshot says that it was asked for when it was answered",
        file=_TELEPHONY,
        find="                epoch=self.epoch,\n                asked_at=asked_at,\n",
        replace="                epoch=self.epoch,\n                asked_at=self._clock.now(),\n",
        guards=(_GUARD + "test_telephony.py::test_what_is_heard_while_the_snapshot_is_taken_is_newer_than_it",),
    ),
    Mutant(
        name="A number taken off while the router was down is served for ever",
        file="router/adapters/ami/routes.py",
        find="        await self._clear([name for name in self._published if name not in wanted])\n",
        replace="",
        guards=(
            _GUARD + "test_telephony_routes.py::"
            "test_a_number_taken_off_while_the_router_was_down_is_unknown_after_its_start",
        ),
    ),
    Mutant(
        name="A wish from before a blind spot hangs somebody up who may talk by now",
        file=_TELEPHONY,
        find="            case EndLeg() | SendCaller() if not self.synced:\n",
        replace="            case EndLeg() | SendCaller() if self.epoch < 0:\n",
        guards=(
            _GUARD + "test_telephony.py::test_between_a_login_and_its_snapshot_nobody_is_hung_up_or_sent_anywhere",
        ),
    ),
    Mutant(
        name="A line that is cut again and again is dialled later and later, and callers fall back",
        file="router/adapters/ami/session.py",
        find="min(failures, self.limits.flapping_failures)",
        replace="failures",
        guards=(_GUARD + "test_cuts.py::test_a_line_that_is_cut_again_and_again_is_back_before_any_caller_falls_back",),
    ),
    Mutant(
        name="A caller is offered to one agent after the other over a line that is gone",
        file=_TELEPHONY,
        find="            if not self.session.connected:\n                self._out_of_sight()\n",
        replace="",
        guards=(
            _GUARD + "test_cuts.py::test_a_caller_is_not_offered_to_one_agent_after_the_other_over_a_line_that_is_gone",
        ),
    ),
    Mutant(
        name="What was decided in a blind spot and not done is never done",
        file=_TELEPHONY,
        find="needs another look\n                if self.session.connected:\n",
        replace="needs another look\n                if self.epoch < 0:\n",
        guards=(
            _GUARD + "test_telephony.py::test_what_was_wished_for_after_asterisk_was_asked_has_it_asked_once_more",
        ),
    ),
    Mutant(
        name="With every reload the legs are doubted, and ends that were a moment away are estimated",
        file=_TELEPHONY,
        find="            self._start_resync(legs=False)\n",
        replace="            self._start_resync()\n",
        guards=(_GUARD + "test_telephony.py::test_new_rules_are_no_reason_to_doubt_what_was_told_of_the_legs",),
    ),
    Mutant(
        name="Asterisk's answer overtakes its own news of who has just ended",
        file=_TELEPHONY,
        find="            await asyncio.sleep(_NEWS_FIRST_S)\n",
        replace="            pass\n",
        guards=(_GUARD + "test_telephony.py::test_who_ended_just_before_the_answer_is_told_of_before_it",),
    ),
    Mutant(
        name="New rules that come at the same moment make a wish to look at the legs be forgotten",
        file="router/adapters/ami/rounds.py",
        find="        self._legs = self._legs or legs\n",
        replace="        self._legs = legs\n",
        guards=(_GUARD + "test_telephony.py::test_who_wishes_to_look_while_new_rules_are_published_is_given_the_legs",),
    ),
)
