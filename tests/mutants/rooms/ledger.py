"""Facts in the database: once each, never changed, whole."""

from tests.mutants.mutant import Mutant

_DATABASE = "router/adapters/sql/database.py"
_CONTRACT = "tests/contracts/test_ledger.py::"

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
        guards=(_CONTRACT + "test_several_writers_at_once_make_one_chain[postgresql]",),
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
)
