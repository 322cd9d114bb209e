"""Facts in the database: once each, never changed, whole."""

from tests.mutants.mutant import Mutant

_DATABASE = "router/adapters/sql/database.py"
_LEDGER = "router/adapters/sql/ledger.py"
_CHAIN = "router/adapters/sql/chain.py"
_CONTRACT = "tests/contracts/test_ledger.py::"
_IN_CHAIN = "tests/contracts/test_ledger_chain.py::"
_CORRECTS = "tests/contracts/test_ledger_corrections.py::"
_OF_CHAIN = "tests/adapters/sql/test_chain.py::"

MUTANTS = (
    Mutant(
        name="A fact that is sent again after its answer was lost is refused",
        file=_DATABASE,
        find="            return sqlite.insert(table).on_conflict_do_nothing()\n",
        replace="            return sqlite.insert(table)\n",
        guards=(_CONTRACT + "test_facts_told_twice_are_kept_once[sqlite]",),
        short=True,
    ),
    Mutant(
        name="A fact that is sent again after its answer was lost is refused by PostgreSQL",
        file=_DATABASE,
        find="        return postgresql.insert(table).on_conflict_do_nothing()\n",
        replace="        return postgresql.insert(table)\n",
        guards=(_CONTRACT + "test_facts_told_twice_are_kept_once[postgresql]",),
    ),
    Mutant(
        name="A second version of a record leaves its tail behind the first",
        file="router/adapters/sql/ledger.py",
        find="for contact_id, record in batch.closed.items() if contact_id in new]",
        replace="for contact_id, record in batch.closed.items()]",
        guards=(_CONTRACT + "test_a_second_version_of_a_fact_changes_nothing[sqlite]",),
    ),
    Mutant(
        name="A committed fact does not survive a power cut",
        file=_DATABASE,
        find='                "synchronous=FULL",\n',
        replace='                "synchronous=NORMAL",\n',
        guards=("tests/adapters/sql/test_upgrade.py::test_sqlite_writes_ahead_and_waits_for_the_disk",),
    ),
    Mutant(
        name="A fact can be replaced by another of the same name",
        file=_DATABASE,
        find='                "recursive_triggers=ON",',
        replace='                "recursive_triggers=OFF",',
        guards=(
            "tests/adapters/sql/test_append_only.py::test_a_fact_can_be_neither_changed_nor_deleted[sqlite-records]",
        ),
    ),
    Mutant(
        name="A caller's number that holds a terminal's control characters is stored as it came",
        file="router/adapters/sql/admission.py",
        find="        ani=clean(fact.ani),\n",
        replace="        ani=fact.ani,\n",
        guards=(_CONTRACT + "test_control_characters_and_half_characters_become_visible[sqlite]",),
    ),
    Mutant(
        name="Two routers that write at once tear the chain of records apart",
        file="router/adapters/sql/ledger.py",
        find='        if self._database.dsn.kind == "postgresql":\n',
        replace='        if self._database.dsn.kind == "":\n',
        guards=(_IN_CHAIN + "test_several_writers_at_once_make_one_chain[postgresql]",),
    ),
    Mutant(
        name="Of two who change an agent at once the second is refused, or audits what never was",
        file=_DATABASE,
        find='"BEGIN IMMEDIATE" if writing else "BEGIN"',
        replace='"BEGIN" if writing else "BEGIN"',
        guards=(
            "tests/contracts/test_directory.py::"
            "test_the_audit_is_a_chain_also_when_two_change_an_agent_at_once[sqlite]",
        ),
    ),
    Mutant(
        name="New records stand in no place of the chain",
        file=_LEDGER,
        find="            await self._chain(connection, fresh)\n",
        replace="",
        guards=(_IN_CHAIN + "test_each_record_carries_the_hash_of_the_one_that_came_before_it[sqlite]",),
    ),
    Mutant(
        name="The chain begins anew with every batch",
        file=_LEDGER,
        find="(0, GENESIS) if found is None else (found.position, found.hash)",
        replace="(0 if found is None else found.position, GENESIS)",
        guards=(
            _IN_CHAIN + "test_each_record_carries_the_hash_of_the_one_that_came_before_it[sqlite]",
            _OF_CHAIN + "test_a_whole_ledger_is_whole_in_pages_of_any_size[sqlite]",
        ),
    ),
    Mutant(
        name="Facts that the ledger has already are counted as new",
        file=_LEDGER,
        find="        return len(fresh)\n",
        replace="        return len(batch.records)\n",
        guards=(_CONTRACT + "test_the_ledger_says_how_many_facts_it_did_not_have[sqlite]",),
    ),
    Mutant(
        name="A record that was changed by hand is called whole",
        file=_CHAIN,
        find="        if link(self.head, link_.found) != link_.hash:\n",
        replace='        if link(self.head, link_.found) == "":\n',
        guards=(_OF_CHAIN + "test_the_last_record_is_protected_like_the_others[sqlite]",),
    ),
    Mutant(
        name="A record taken away together with its place in the chain is not missed",
        file=_CHAIN,
        find="        if link_.position != expected:\n",
        replace="        if link_.position < expected:\n",
        guards=(_OF_CHAIN + "test_a_record_deleted_with_its_place_is_a_gap[sqlite]",),
    ),
    Mutant(
        name="A chain that somebody wrote anew from the middle on is called whole",
        file=_CHAIN,
        find="        if link_.prev_hash != self.head:\n",
        replace="        if not link_.prev_hash:\n",
        guards=(
            _OF_CHAIN + "test_two_records_that_changed_places_are_seen[sqlite]",
            _OF_CHAIN + "test_a_gap_closed_by_moving_the_others_up_is_seen[sqlite]",
        ),
    ),
    Mutant(
        name="A hash that was noted and is in the chain no more is not missed",
        file=_CHAIN,
        find="        if self._noted is not None and self.noted_at is None:\n",
        replace='        if self._noted == "" and self.noted_at is None:\n',
        guards=(_OF_CHAIN + "test_an_end_that_was_cut_off_is_seen_only_by_who_noted_the_hash[sqlite]",),
    ),
    Mutant(
        name="A record that somebody put in by hand is billed",
        file=_CHAIN,
        find="        if unchained is not None:\n",
        replace='        if unchained == "":\n',
        guards=(_OF_CHAIN + "test_a_record_put_in_by_hand_is_seen[sqlite]",),
    ),
    Mutant(
        name="The correction of a correction is not in the story of its contact",
        file=_LEDGER,
        find="        for _ in range(CORRECTIONS):\n",
        replace="        for _ in range(1):\n",
        guards=(_CORRECTS + "test_the_story_of_one_contact_has_the_correction_of_its_correction[sqlite]",),
    ),
    Mutant(
        name="A writer that stands still in its commit keeps all the others out",
        file="router/adapters/sql/ledger.py",
        find='"held": f"{HELD_S}s"',
        replace='"held": "0"',
        guards=(_OF_CHAIN + "test_a_writer_that_stands_still_in_its_commit_does_not_keep_the_others_out",),
    ),
    Mutant(
        name="A batch with one impossible fact is stored but for that one",
        file=_LEDGER,
        find="        batch = rows.batch(admit(fact) for fact in facts)\n",
        replace="        batch = rows.batch(fact for fact in facts if admit(fact) is fact)\n",
        guards=(_CONTRACT + "test_a_number_of_ten_thousand_characters_is_cut_and_marked[sqlite]",),
    ),
    Mutant(
        name="A stranded spool is merged while its router writes to it",
        file="router/adapters/sql/spool_lock.py",
        find="    if writer is not None:\n        raise CommandRefused(",
        replace='    if writer == "":\n        raise CommandRefused(',
        guards=("tests/cli/test_ledger.py::test_a_spool_that_a_router_writes_to_is_refused",),
    ),
    Mutant(
        name="Who takes over reads what an agent wanted first and not what they wanted last",
        file=_LEDGER,
        find="    last = select(func.max(later.c.at))",
        replace="    last = select(func.min(later.c.at))",
        guards=(_CONTRACT + "test_of_each_agent_the_newest_change_is_known_however_many_there_were[sqlite]",),
    ),
)
