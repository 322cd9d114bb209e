"""The floor that a successor puts together from what a dead router wrote down."""

from tests.mutants.mutant import Mutant

_RECOVERY = "router/domain/recovery.py"
_INHERITANCE = "router/inheritance.py"
_RECOVERS = "tests/domain/test_recovery.py::"
_SUCCEEDS = "tests/domain/test_succession.py::"
_INHERITS = "tests/test_inheritance.py::"
_RESTORED = _RECOVERS + "test_a_restored_floor_is_the_one_that_was_written"

MUTANTS = (
    Mutant(
        name="Wrap-up that a dead router began never ends",
        file=_RECOVERY,
        find='        floor.timers.set(("wrapup", agent.agent_id), _not_yet(stands.wrapup_at, now))\n',
        replace="        pass\n",
        guards=(_RESTORED,),
    ),
    Mutant(
        name="A caller whom a dead router left waiting waits for ever",
        file=_RECOVERY,
        find='        floor.timers.set(("wait", contact.contact_id), _not_yet(stands.wait_at, now))\n',
        replace="        pass\n",
        guards=(_RESTORED,),
        short=True,
    ),
    Mutant(
        name="A caller of a dead router begins to wait anew",
        file=_RECOVERY,
        find="        arrived_at=stands.arrived_at,\n",
        replace="        arrived_at=now,\n",
        guards=(_RESTORED,),
    ),
    Mutant(
        name="Deadlines of a dead router fire before anybody has looked what lives",
        file=_RECOVERY,
        find="    return now + GRACE_US if at is None else max(at, now + GRACE_US)\n",
        replace="    return now if at is None else max(at, now)\n",
        guards=(_RECOVERS + "test_no_deadline_of_a_dead_router_fires_before_somebody_has_looked_what_lives",),
    ),
    Mutant(
        name="Who takes over lets the dead router's phones ring",
        file=_RECOVERY,
        find="        rescind(floor, offer, OfferResult.RESCINDED, now)\n",
        replace="        pass\n",
        guards=(_RECOVERS + "test_who_takes_over_hangs_up_what_the_dead_router_rang",),
    ),
    Mutant(
        name="A pause that an agent chose is forgotten by the next router",
        file=_RECOVERY,
        find="    agent.status, agent.reason, agent.next_status = status, stands.reason, next_status\n",
        replace="    agent.status, agent.next_status = status, next_status\n",
        guards=(_RECOVERS + "test_what_a_person_chose_is_still_chosen", _RESTORED),
    ),
    Mutant(
        name="A talk that a dead router began has no longest time any more",
        file=_RECOVERY,
        find="        limit_call(floor, contact, now)\n",
        replace="        pass\n",
        guards=(_SUCCEEDS + "test_the_longest_talk_ends_under_a_successor_too",),
    ),
    Mutant(
        name="An agent whose phone was at fault under the dead router is never asked again",
        file=_RECOVERY,
        find='        floor.timers.set(("held", agent.agent_id), stands.held_until)\n',
        replace="        pass\n",
        guards=(_SUCCEEDS + "test_an_agent_whose_phone_was_at_fault_is_asked_again_when_that_time_is_over",),
    ),
    Mutant(
        name="An agent who rejected a caller of the dead router is never asked about them again",
        file=_RECOVERY,
        find='        floor.timers.set(("skip", (contact.contact_id, agent_id)), until)\n',
        replace="        pass\n",
        guards=(_SUCCEEDS + "test_an_agent_who_rejected_a_caller_is_asked_again_when_that_time_is_over",),
    ),
    Mutant(
        name="A caller whose agent was dismissed while no router lived hears silence",
        file=_RECOVERY,
        find='        floor.timers.set(("return", contact.contact_id), _not_yet(None, now))\n',
        replace="        pass\n",
        guards=(_SUCCEEDS + "test_a_caller_whose_agent_has_left_the_directory_is_fetched_back",),
    ),
    Mutant(
        name="An agent talks on to nobody because their caller hung up while no router lived",
        file=_RECOVERY,
        find='        floor.timers.set(("leg", assignment.leg), ',
        replace='        _ = (("leg", assignment.leg), ',
        guards=(_SUCCEEDS + "test_a_talk_whose_caller_is_gone_is_ended",),
    ),
    Mutant(
        name="A leg that the dead router gave up keeps its agent for ever",
        file=_RECOVERY,
        find='        floor.timers.set(("rescind", made.offer_id), ',
        replace='        _ = (("rescind", made.offer_id), ',
        guards=(_SUCCEEDS + "test_a_leg_that_was_given_up_and_never_ended_keeps_nobody_for_ever",),
    ),
    Mutant(
        name="Callers of one instant stand in line as the journal happens to tell of them",
        file=_RECOVERY,
        find="sorted(newest.contacts.values(), key=lambda contact: contact.ordinal)",
        replace="newest.contacts.values()",
        guards=(_SUCCEEDS + "test_callers_of_one_instant_stand_in_line_as_they_came_however_the_journal_is_read",),
    ),
    Mutant(
        name="Nobody looks whether the callers of a dead router are still there",
        file=_RECOVERY,
        find="    floor.sweep(contact.node, now)\n",
        replace="",
        guards=(_SUCCEEDS + "test_a_restored_caller_is_looked_after_also_when_nobody_else_ever_calls",),
    ),
    Mutant(
        name="A caller who had ended stands in line again after a restart",
        file=_RECOVERY,
        find="                self.contacts.pop(picture.contact_id, None)\n",
        replace="                pass\n",
        guards=(_SUCCEEDS + "test_who_has_ended_does_not_come_back",),
    ),
    Mutant(
        name="Who takes over rings agents before Asterisk has told what lives",
        file=_RECOVERY,
        find="        parked=stands.node not in floor.nodes,\n",
        replace="",
        guards=(_SUCCEEDS + "test_nobody_is_rung_before_asterisk_has_told_what_lives", _RESTORED),
    ),
    Mutant(
        name="Who takes over gives offers the numbers that the dead router may have given",
        file="router/domain/resync.py",
        find="                known.attempts = seen.epoch * _ATTEMPTS_AN_EPOCH\n",
        replace="                pass\n",
        guards=(_SUCCEEDS + "test_offers_for_a_caller_known_from_the_journal_are_numbered_from_the_new_epoch",),
    ),
    Mutant(
        name="What a caller waited and talked before the takeover is not in their record",
        file=_RECOVERY,
        find="        timeline=Timeline.going_on(stands.segments),\n",
        replace="        timeline=Timeline.going_on(stands.segments[-1:]),\n",
        guards=(_RESTORED,),
    ),
    Mutant(
        name="A caller who was answered before the takeover counts as one who gave up waiting",
        file=_RECOVERY,
        find="        answered_at=stands.answered_at,\n",
        replace="",
        guards=(_RESTORED,),
    ),
    Mutant(
        name="Who was sent on from a queue before the takeover is sent into it again",
        file=_RECOVERY,
        find="        overflowed_from=stands.overflowed_from,\n",
        replace="",
        guards=(_RESTORED,),
    ),
    Mutant(
        name="One picture that cannot be ours keeps everybody else from being taken over",
        file=_RECOVERY,
        find="            _contact(floor, each, now)\n        except ValueError:\n",
        replace="            _contact(floor, each, now)\n        except KeyError:\n",
        guards=(_RECOVERS + "test_a_picture_that_cannot_be_ours_is_left_out_and_named",),
    ),
    Mutant(
        name="A successor whose clock is behind ends records before they began",
        file=_INHERITANCE,
        find="        clock.not_before(left.written_at)\n",
        replace="        pass\n",
        guards=(_INHERITS + "test_our_clock_does_not_go_back_behind_the_one_before_unless_that_one_was_mad",),
    ),
    Mutant(
        name="A clock that was years ahead is believed, and every record from now on is of that year",
        file=_INHERITANCE,
        find="    if 0 < ahead_us < _AHEAD_US:\n",
        replace="    if 0 < ahead_us:\n",
        guards=(_INHERITS + "test_our_clock_does_not_go_back_behind_the_one_before_unless_that_one_was_mad",),
    ),
    Mutant(
        name="A successor's clock steps back for an old journal",
        file="router/runtime.py",
        find="        self._offset += max(0, (at - self.now()) * 1000)\n",
        replace="        self._offset += (at - self.now()) * 1000\n",
        guards=("tests/test_runtime.py::test_a_successors_clock_is_never_behind_what_the_dead_router_wrote_down",),
    ),
    Mutant(
        name="Every takeover tells each agent's status to the ledger once more",
        file=_INHERITANCE,
        find="        floor.agents[agent_id].told = floor.agents[agent_id].visible()",
        replace="        floor.agents[agent_id].told = None",
        guards=(_INHERITS + "test_what_was_told_before_is_not_told_again",),
    ),
    Mutant(
        name="An older word of presence goes before what the journal knows of an agent",
        file=_INHERITANCE,
        find="    _remember(pump, rows, besides=journalled)\n    now = clock.now()\n"
        "    strange = restore(floor, left.pictures, now)\n",
        replace="    now = clock.now()\n    strange = restore(floor, left.pictures, now)\n"
        "    _remember(pump, rows, besides=())\n",
        guards=(_INHERITS + "test_the_journal_goes_before_presence_and_presence_speaks_for_the_rest",),
    ),
    Mutant(
        name="A database that is away keeps a successor from taking over",
        file=_INHERITANCE,
        find="    except RemoteError as error:\n",
        replace="    except ValueError as error:\n",
        guards=(_INHERITS + "test_a_directory_that_is_away_costs_no_caller",),
    ),
    Mutant(
        name="Who takes over leaves the dead router's offers as they were, and their callers with nobody",
        file=_INHERITANCE,
        find="    take_over(floor, now)\n",
        replace="",
        guards=(_INHERITS + "test_a_phone_that_rang_when_its_router_died_is_hung_up_and_its_caller_waits_again",),
    ),
    Mutant(
        name="Who waited too long under the dead router is sent on before Asterisk was asked",
        file=_RECOVERY,
        find="        if contact.overdue and contact.state is ContactState.QUEUED:\n",
        replace="        if not contact.contact_id:\n",
        guards=(_RECOVERS + "test_who_waits_too_long_already_is_not_sent_on_before_asterisk_was_asked",),
    ),
)
