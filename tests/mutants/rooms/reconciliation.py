"""Reconciliation: Asterisk's own event log against the records, and the records made of what only it saw."""

from tests.mutants.mutant import Mutant

_COMPARES = "router/domain/truth/reconciliation.py"
_COMPLETES = "router/domain/truth/completion.py"
_CALLS = "router/adapters/cel/calls.py"
_LINES = "router/adapters/cel/lines.py"
_DAY = "router/cli/reconciling.py"
_GUARD = "tests/domain/test_reconciliation.py::"
_OF_COMPLETION = "tests/domain/test_completion.py::"
_OF_CALLS = "tests/adapters/cel/test_calls.py::"
_OF_LINES = "tests/adapters/cel/test_lines.py::"
_OF_DAY = "tests/cli/test_reconcile.py::"

MUTANTS = (
    Mutant(
        name="A record may be two seconds wrong and agrees",
        file=_COMPARES,
        find="ALWAYS: Micros = 250_000\n",
        replace="ALWAYS: Micros = 2_500_000\n",
        guards=(_GUARD + "test_a_quarter_of_a_second_is_allowed_and_to_a_guess_whatever_is_asked_for",),
        short=True,
    ),
    Mutant(
        name="What one of the two does not know at all agrees with everything",
        file=_COMPARES,
        find="self.ledger is None or self.asterisk is None or abs(",
        replace="self.ledger is not None and self.asterisk is not None and abs(",
        guards=(_GUARD + "test_a_talk_only_one_of_them_knows_is_named",),
    ),
    Mutant(
        name="A call is compared on the day it ended and on the day after",
        file=_COMPARES,
        find="        if not self.is_ours(call.last_at):\n            return\n",
        replace="",
        guards=(_GUARD + "test_a_pair_belongs_to_the_day_asterisk_saw_it_end_in",),
    ),
    Mutant(
        name="A second correction takes the place of the first",
        file=_COMPARES,
        find='    return ContactId(f"{contact}~{int(number) + 1}")',
        replace='    return ContactId(f"{contact}~{int(number)}")',
        guards=(_GUARD + "test_corrections_are_numbered_and_name_their_contact",),
    ),
    Mutant(
        name="A record is missing because it was read before its call",
        file=_COMPARES,
        find="        record = self._records.pop(call.contact_id, None)\n",
        replace="        record = self._records.pop(call.contact_id, None) if self._calls else None\n",
        guards=(_GUARD + "test_a_day_in_any_order_has_one_verdict",),
    ),
    Mutant(
        name="An end that went down with Asterisk is held against the record",
        file=_COMPARES,
        find="    if not call.lost:\n        yield",
        replace="    if call.last_at:\n        yield",
        guards=(_GUARD + "test_an_end_that_went_down_with_asterisk_is_not_held_against_the_record",),
    ),
    Mutant(
        name="What the router saw itself is overruled by the event log",
        file=_COMPLETES,
        find="    return pair.record.end_estimated and pair",
        replace="    return pair",
        guards=(_OF_COMPLETION + "test_only_a_guess_is_corrected_and_only_by_who_saw_it_all",),
    ),
    Mutant(
        name="A corrected record bills the hold as talk",
        file=_COMPLETES,
        find="_held(_segments(call, agents), old)",
        replace="_segments(call, agents)",
        guards=(_OF_COMPLETION + "test_a_guessed_end_gives_way_to_the_one_asterisk_saw",),
    ),
    Mutant(
        name="The end of a call that went down with Asterisk is told as seen",
        file=_COMPLETES,
        find="        end_estimated=call.lost,\n",
        replace="        end_estimated=False,\n",
        guards=(_OF_COMPLETION + "test_a_call_that_went_down_with_asterisk_ends_at_its_last_sign_of_life_as_a_guess",),
    ),
    Mutant(
        name="A caller who was sent to the closing message counts as one who gave up",
        file=_COMPLETES,
        find="outcome=old.outcome if decided else _outcome(call)",
        replace="outcome=_outcome(call)",
        guards=(_OF_COMPLETION + "test_what_the_router_decided_stays_decided",),
    ),
    Mutant(
        name="A caller whom the fallback served gets no record",
        file=_COMPLETES,
        find="not (call.answered or call.talks or call.announced)",
        replace="not (call.answered or call.talks)",
        guards=(_OF_COMPLETION + "test_a_number_nobody_served_was_refused_and_a_caller_who_left_was_not",),
    ),
    Mutant(
        name="A correction has an end that is still called a guess",
        file=_COMPLETES,
        find="        end_estimated=False,\n        segments=segments,\n        legs=old.legs",
        replace="        segments=segments,\n        legs=old.legs",
        guards=(_OF_COMPLETION + "test_a_guessed_end_gives_way_to_the_one_asterisk_saw",),
    ),
    Mutant(
        name="A talk is billed to the phone's name although the router knew its agent",
        file=_COMPLETES,
        find="dict(agents) | {talk.endpoint: named[talk.leg] for talk in call.talks if talk.leg in named}",
        replace="dict(agents)",
        guards=(_OF_COMPLETION + "test_a_correction_keeps_the_agent_that_the_router_knew",),
    ),
    Mutant(
        name="Calls that were up when Asterisk died are open for ever",
        file=_CALLS,
        find="                self._lose(leg, node)\n",
        replace="                pass\n",
        guards=(_OF_CALLS + "test_calls_that_were_up_when_asterisk_died_are_lost_and_those_after_it_are_not",),
    ),
    Mutant(
        name="The restart of one Asterisk ends the calls of all",
        file=_CALLS,
        find="            for leg in list(node.open.values()):\n",
        replace="            for leg in [leg for each in self._nodes.values() for leg in each.open.values()]:\n",
        guards=(_OF_CALLS + "test_a_call_of_another_node_lives_on_when_an_asterisk_is_restarted",),
    ),
    Mutant(
        name="Calls whose end was never written fill the memory",
        file=_CALLS,
        find="            if len(node.open) <= self._open_max and leg.last_at",
        replace="            if leg.last_at",
        guards=(_OF_CALLS + "test_a_file_without_any_end_needs_no_memory",),
    ),
    Mutant(
        name="One row with a wrong clock tears every call of that moment in two",
        file=_CALLS,
        find="leg.last_at > node.recent_at - QUIET",
        replace="leg.last_at > node.last_at - QUIET",
        guards=(_OF_CALLS + "test_one_row_with_a_wrong_clock_ends_no_call",),
    ),
    Mutant(
        name="Records of a node with a hyphen in its name are never covered by its file",
        file=_COMPARES,
        find='record.contact_id.rpartition("-")[0]',
        replace='record.contact_id.partition("-")[0]',
        guards=(_GUARD + "test_the_name_of_a_node_may_have_hyphens_itself",),
    ),
    Mutant(
        name="A record that was made up shuts the true one out for ever",
        file=_COMPLETES,
        find="    return held.config_hash == RECONCILED and own.config_hash != RECONCILED and own.corrects is None\n",
        replace="    return False\n",
        guards=(
            "tests/contracts/test_ledger_corrections.py::"
            "test_a_routers_own_record_that_comes_late_corrects_the_one_that_was_made_up[sqlite]",
        ),
    ),
    Mutant(
        name="A record that was made up cannot be told from a router's own",
        file=_COMPLETES,
        find="        config_hash=RECONCILED,\n",
        replace='        config_hash="",\n',
        guards=(
            "tests/cli/test_reconcile_on_the_way.py::"
            "test_what_was_on_another_machines_disk_corrects_the_record_that_was_made_up_for_it",
        ),
    ),
    Mutant(
        name="A whole day's event log is held in memory",
        file=_CALLS,
        find="                self._legs.pop(leg.uniqueid, None)\n                yield from _call(leg)\n",
        replace="                self._legs.setdefault(leg.uniqueid, leg)\n                yield from ()\n",
        guards=(_OF_CALLS + "test_a_call_is_given_away_soon_after_its_end_and_only_once",),
    ),
    Mutant(
        name="One line that a kill tore off costs the whole line behind it",
        file=_LINES,
        find="        if record and at_begin and piece.startswith(MARK):\n",
        replace="        if not piece:\n",
        guards=(_OF_LINES + "test_a_line_torn_anywhere_swallows_none_of_those_behind_it",),
    ),
    Mutant(
        name="A record that is still on its way is written a second time",
        file=_DAY,
        find="finding.at >= settled_before:",
        replace="finding.at >= settled_before + (1 << 60):",
        guards=(_OF_DAY + "test_what_ended_only_now_is_left_alone_for_a_while",),
    ),
    Mutant(
        name="What would complete a day is written though nobody asked",
        file=_DAY,
        find="        if finding.completion is None:\n            yield finding\n            continue\n",
        replace="        if finding.completion is None:\n            continue\n",
        guards=(
            _OF_DAY + "test_an_end_that_was_only_guessed_is_corrected_by_a_new_record",
            _OF_DAY + "test_what_the_router_saw_itself_is_left_to_a_person",
        ),
    ),
    Mutant(
        name="A record whose correction agrees is told as wrong for ever",
        file=_DAY,
        find="    return story.corrections[-1] if story.corrections else story.record\n",
        replace="    return story.record\n",
        guards=(_OF_DAY + "test_an_end_that_was_only_guessed_is_corrected_by_a_new_record",),
    ),
    Mutant(
        name="Of a hundred instants two may be farther apart than one may",
        file="router/domain/truth/agreement.py",
        find="        left = -(-self.count * percent // 100)\n",
        replace="        left = self.count * percent // 100\n",
        guards=(_GUARD + "test_one_in_a_hundred_may_be_farther_apart",),
    ),
    Mutant(
        name="An end that was only guessed spoils the figure of how closely a day agrees",
        file=_COMPARES,
        find=" and not seen.guessed:\n",
        replace=":\n",
        guards=(_GUARD + "test_how_closely_a_day_agrees_is_counted_over_all_instants_seen_and_the_worst_are_named",),
    ),
)
