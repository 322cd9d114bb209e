"""Facts on the local disk until the database has them, and the chain over the records there."""

from tests.mutants.mutant import Mutant

_SPOOL = "router/adapters/sql/spool.py"
_LINE = "router/adapters/sql/spool_line.py"
_WRITER = "router/adapters/sql/writer.py"
_GUARD = "tests/adapters/sql/test_spool.py::"
_OF_LINES = "tests/adapters/sql/test_spool_line.py::"
_WRITES = "tests/adapters/sql/test_writer.py::"

MUTANTS = (
    Mutant(
        name="A record is called kept while it is only in the kernel's memory",
        file=_SPOOL,
        find="            os.fsync(handle)\n",
        replace="",
        guards=(_GUARD + "test_one_append_is_one_fsync_and_a_new_file_makes_its_directory_known",),
    ),
    Mutant(
        name="After a disk that failed the next records go into the same file",
        file=_SPOOL,
        find="                os.ftruncate(handle, segment.size)\n            self._leave()\n            raise\n",
        replace="                os.ftruncate(handle, segment.size)\n            raise\n",
        guards=(_GUARD + "test_after_a_failed_fsync_nothing_more_goes_into_that_file",),
    ),
    Mutant(
        name="An hour without a database fills the disk to its end",
        file=_SPOOL,
        find="                if length + len(line) > room:\n",
        replace="                if length + len(line) > room + (1 << 40):\n",
        guards=(_GUARD + "test_the_bound_turns_away_what_does_not_fit_and_takes_again_what_was_trimmed",),
    ),
    Mutant(
        name="A flipped bit of the disk is billed",
        file=_LINE,
        find='    return line[8:9] == b" " and line[:8] == b"%08x" % zlib.crc32(line[9:])\n',
        replace='    return line[8:9] == b" "\n',
        guards=(_OF_LINES + "test_a_flipped_bit_is_found_wherever_it_is",),
    ),
    Mutant(
        name="A record of a later release is stored without what this one does not know",
        file=_LINE,
        find="        if envelope.v > VERSION:\n",
        replace="        if envelope.v < 0:\n",
        guards=(_OF_LINES + "test_a_whole_line_of_another_release_is_foreign_and_not_damaged",),
    ),
    Mutant(
        name="Records leave the spool before the database has them",
        file=_WRITER,
        find=(
            "                await self._deliver(self._page.facts)\n"
            "                page, self._page = self._page, None\n"
            "                await self._disk.run(self._spool.confirm, page)\n"
        ),
        replace=(
            "                page, self._page = self._page, None\n"
            "                await self._disk.run(self._spool.confirm, page)\n"
            "                await self._deliver(page.facts)\n"
        ),
        guards=(_WRITES + "test_while_the_ledger_is_away_facts_wait_and_then_all_go_in_order",),
        short=True,
    ),
    Mutant(
        name="A changed talk of a billed caller does not break the chain",
        file="router/adapters/sql/chain.py",
        find='    form["segments"] = [{name: row[name] for name in _SEGMENT} for row in found.segments]\n',
        replace='    form["segments"] = len(found.segments)\n',
        guards=("tests/adapters/sql/test_chain.py::test_a_changed_record_is_named[sqlite-a segment]",),
    ),
    Mutant(
        name="Records that changed places do not break the chain",
        file="router/adapters/sql/chain.py",
        find='    return hashlib.sha256(previous.encode() + b"\\n" + canonical(found)).hexdigest()\n',
        replace="    return hashlib.sha256(canonical(found)).hexdigest()\n",
        guards=("tests/adapters/sql/test_chain.py::test_anybody_can_compute_the_hash_of_a_record",),
    ),
)
