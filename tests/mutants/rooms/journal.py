"""The journal, and the floor that a successor puts together from it."""

from tests.mutants.mutant import Mutant

_JOURNAL = "router/adapters/redis/journal.py"
_KEEPER = "router/adapters/redis/journal_keeper.py"
_RECOVERY = "router/domain/recovery.py"
_CONTRACT = "tests/contracts/test_journal.py::"
_KEEPS = "tests/adapters/redis/test_journal_keeper.py::"
_RECOVERS = "tests/domain/test_recovery.py::"
_RESTORED = _RECOVERS + "test_a_restored_floor_is_the_one_that_was_written"

MUTANTS = (
    Mutant(
        name="A router whose time is over writes into its successor's journal",
        file=_JOURNAL,
        find="if given > tonumber(ARGV[1]) then return {given, 0} end\n",
        replace="",
        guards=(_CONTRACT + "test_a_later_epoch_fences_an_earlier_router[redis]",),
    ),
    Mutant(
        name="A Redis that lost the journal is believed to have it",
        file=_JOURNAL,
        find="        whole, self._seq = before == self._seq, commit.seq\n",
        replace="        whole, self._seq = True, commit.seq\n",
        guards=(_CONTRACT + "test_a_server_that_lost_it_all_says_so_at_the_next_commit[redis]",),
    ),
    Mutant(
        name="That a contact has ended is written before its record is safe",
        file=_KEEPER,
        find="                await self._records_on_disk()\n",
        replace="                pass\n",
        guards=(_KEEPS + "test_that_a_contact_has_ended_waits_for_its_record_to_be_on_disk",),
    ),
    Mutant(
        name="What the journal could not take is forgotten",
        file=_KEEPER,
        find="            some = dict(islice(self._owed.items(), AT_ONCE))\n",
        replace=(
            "            some = dict(islice(self._owed.items(), AT_ONCE))\n"
            "            for key in some:\n"
            "                del self._owed[key]\n"
        ),
        guards=(_KEEPS + "test_what_cannot_be_written_is_owed_newest_first_come_and_written_later",),
    ),
    Mutant(
        name="A Redis that came back empty is given only what changes from then on",
        file=_KEEPER,
        find="                    self._owed.setdefault(key_of(picture), picture)\n",
        replace="                    pass\n",
        guards=(_KEEPS + "test_a_server_that_came_back_empty_is_given_everything_again",),
    ),
    Mutant(
        name="A pause is called safe before it is on any disk",
        file=_KEEPER,
        find="            return await self._journal.sync()\n",
        replace="            return True\n",
        guards=(_KEEPS + "test_nothing_is_called_safe_that_the_server_cannot_promise",),
    ),
    Mutant(
        name="A hold is not written down, and a successor bills it as talk",
        file="router/domain/talk.py",
        find="        contact.begins(kind, seen.at, assignment.agent_id)\n        floor.stir(contact)\n",
        replace="        contact.begins(kind, seen.at, assignment.agent_id)\n",
        guards=("tests/domain/test_router_deaths.py::test_no_change_of_the_floor_goes_unwritten",),
    ),
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
)
