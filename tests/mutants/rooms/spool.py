"""Facts on the local disk until the database has them, and the chain over the records there."""

from tests.mutants.mutant import Mutant

_SPOOL = "router/adapters/sql/spool.py"
_LINE = "router/adapters/sql/spool_line.py"
_WRITER = "router/adapters/sql/writer.py"
_GUARD = "tests/adapters/sql/test_spool.py::"
_OF_DAMAGE = "tests/adapters/sql/test_spool_damage.py::"
_OF_LINES = "tests/adapters/sql/test_spool_line.py::"
_WRITES = "tests/adapters/sql/test_writer.py::"
_OF_BARRIERS = "tests/adapters/sql/test_writer_barriers.py::"
_OF_OUTAGES = "tests/adapters/sql/test_writer_outages.py::"
_SAVER = "router/adapters/sql/saver.py"
_FILES = "router/adapters/sql/segments.py"
_LOCK = "router/adapters/sql/spool_lock.py"
_DRAWERS = "router/adapters/sql/drawers.py"
_OF_DRAWERS = "tests/adapters/sql/test_drawers.py::"

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
    Mutant(
        name="A new file of the spool is not in its directory after a power cut",
        file=_SPOOL,
        find="            sync_directory(self.directory)\n        except",
        replace="            pass\n        except",
        guards=(_GUARD + "test_one_append_is_one_fsync_and_a_new_file_makes_its_directory_known",),
    ),
    Mutant(
        name="Half a line that a full disk took is left for the next one to stand behind",
        file=_SPOOL,
        find="                os.ftruncate(handle, segment.size)\n            self._leave()\n",
        replace="                os.fstat(handle)\n            self._leave()\n",
        guards=(_GUARD + "test_what_a_write_that_failed_left_behind_is_not_there_after_a_restart",),
    ),
    Mutant(
        name="What a disk takes only in part is called kept",
        file=_SPOOL,
        find="                left = left[os.write(handle, left) :]\n",
        replace="                os.write(handle, left)\n                break\n",
        guards=(_GUARD + "test_a_disk_that_takes_a_little_at_a_time_is_given_the_rest",),
    ),
    Mutant(
        name="Facts are written into a file that somebody took away",
        file=_SPOOL,
        find=" or _is_gone(self._active):\n",
        replace=":\n",
        guards=(_OF_DAMAGE + "test_the_file_that_is_written_to_may_be_taken_away_too",),
    ),
    Mutant(
        name="A file is taken away when part of it is in the database",
        file=_SPOOL,
        find="            if self.confirmed < segment.end:\n                return\n",
        replace="            if self.confirmed < segment.base:\n                return\n",
        guards=(
            _GUARD + "test_a_file_goes_as_soon_as_all_of_it_is_confirmed_and_an_idle_spool_is_empty",
            _GUARD + "test_what_was_read_and_not_confirmed_is_read_again",
            _GUARD + "test_facts_come_back_in_their_order_over_many_files",
        ),
    ),
    Mutant(
        name="A restarted router begins its spool over the one before",
        file=_SPOOL,
        find="        self._number = highest_number(self.directory)\n",
        replace="        self._number = 0\n",
        guards=(
            _GUARD + "test_numbers_of_files_grow_also_over_restarts_and_damage",
            _GUARD + "test_a_restart_begins_with_what_was_not_confirmed",
        ),
    ),
    Mutant(
        name="What waits from the run before is not known after a restart",
        file=_SPOOL,
        find="        self._segments.append(_Segment(path, self.end, size))\n        self.end += size\n",
        replace="        self.end += size\n",
        guards=(_GUARD + "test_a_restart_begins_with_what_was_not_confirmed",),
    ),
    Mutant(
        name="The last line that a crash tore off is told as a damaged disk",
        file=_FILES,
        find="            if damaged and not closed and end == size:\n",
        replace="            if damaged and closed and end == size:\n",
        guards=(_OF_DAMAGE + "test_a_line_torn_at_any_byte_is_dropped_and_counted_and_the_others_are_there",),
    ),
    Mutant(
        name="One damaged line costs all that stand behind it in the file",
        file=_FILES,
        find="                page.damaged += damaged\n",
        replace="                page.damaged += damaged\n                page.offset = size\n                break\n",
        guards=(
            _OF_DAMAGE + "test_a_damaged_line_is_set_aside_as_it_was_and_stands_there_once",
            _OF_DAMAGE + "test_rubbish_between_lines_holds_nothing_up",
        ),
    ),
    Mutant(
        name="Two routers write into one spool",
        file=_LOCK,
        find="LOCK_EX | fcntl.LOCK_NB)\n            return True\n",
        replace="LOCK_SH | fcntl.LOCK_NB)\n            return True\n",
        guards=(_GUARD + "test_a_second_process_is_told_who_has_it_and_gets_it_when_that_one_is_killed",),
    ),
    Mutant(
        name="Callers' numbers in the spool can be read by everybody on the machine",
        file=_FILES,
        find="FILE_MODE = 0o600\n",
        replace="FILE_MODE = 0o644\n",
        guards=(_GUARD + "test_directory_and_files_are_for_their_owner_only",),
    ),
    Mutant(
        name="Facts that a full disk did not take are forgotten",
        file=_SAVER,
        find="            self._pass(done)\n",
        replace="            self._pass(len(facts))\n",
        guards=(
            _WRITES + "test_a_spool_that_ran_full_takes_facts_again_when_the_ledger_is_back",
            _WRITES + "test_with_disk_and_memory_full_the_newest_are_lost_and_the_log_says_which",
        ),
    ),
    Mutant(
        name="A fact goes past a full disk and overtakes an older one that is on it",
        file=_SAVER,
        find="            if self._spool.end == self._spool.confirmed:\n",
        replace="            if self._spool.end >= self._spool.confirmed:\n",
        guards=(_WRITES + "test_nothing_goes_past_the_disk_while_something_older_is_on_it",),
    ),
    Mutant(
        name="What was offered only just now is said to be on the disk",
        file=_SAVER,
        find="        wanted = self.offered\n",
        replace="        wanted = self.passed\n",
        guards=(
            _OF_BARRIERS + "test_what_is_on_the_disk_survives_and_what_waits_for_it_is_hurried",
            _OF_BARRIERS + "test_whoever_waits_is_told_when_the_fact_was_turned_away",
        ),
    ),
    Mutant(
        name="Memory grows without a bound while neither disk nor database takes anything",
        file=_SAVER,
        find="        self.turned_away = len(self._fresh) >= self._limit\n",
        replace="        self.turned_away = len(self._fresh) < 0\n",
        guards=(_WRITES + "test_with_disk_and_memory_full_the_newest_are_lost_and_the_log_says_which",),
    ),
    Mutant(
        name="A disk that fails once costs what was to be written then",
        file=_SAVER,
        find="                self._failed(error)\n                return False\n            self._pass(done)",
        replace=(
            "                self._failed(error)\n                done, refused = len(facts), []\n"
            "            self._pass(done)"
        ),
        guards=(_OF_OUTAGES + "test_a_disk_that_fails_for_a_moment_costs_no_fact",),
    ),
    Mutant(
        name="What is only on the disk is said to be in the ledger",
        file=_WRITER,
        find="        saved, wanted = await self._saver.all_passed(), self._spool.end\n",
        replace="        saved, wanted = await self._saver.all_passed(), self._spool.confirmed\n",
        guards=(_OF_BARRIERS + "test_nothing_is_in_the_ledger_while_it_is_away",),
    ),
    Mutant(
        name="A bug in the ledger's adapter ends the only task that sends facts",
        file=_WRITER,
        find="        except Exception as error:  # a fault",
        replace="        except ValueError as error:  # a fault",
        guards=(_WRITES + "test_a_bug_in_the_adapter_neither_ends_the_writer_nor_costs_a_fact",),
    ),
    Mutant(
        name="A router that stops loses what it has not sent yet",
        file=_WRITER,
        find="                await self._empty()\n",
        replace="                pass\n",
        guards=(
            _OF_BARRIERS + "test_closing_writes_what_is_left",
            _OF_BARRIERS + "test_a_writer_whose_task_was_cancelled_can_still_be_closed_without_loss",
        ),
    ),
    Mutant(
        name="One fact that no ledger takes costs those that came with it",
        file="router/adapters/sql/delivery.py",
        find="        await _deliver(ledger, facts[middle:], delivery)\n",
        replace="",
        guards=(_WRITES + "test_a_fact_the_ledger_itself_refuses_is_set_aside_and_the_others_go_on",),
    ),
    Mutant(
        name="What a killed router left is taken over while it still writes",
        file=_DRAWERS,
        find="            files = _left(drawer) if free else []\n",
        replace="            files = _left(drawer)\n",
        guards=(
            _OF_DRAWERS + "test_what_a_killed_router_left_is_taken_over_in_its_order_and_only_once_it_is_dead",
            _OF_DRAWERS + "test_the_single_spool_of_an_older_release_is_taken_over_unless_that_one_still_runs",
        ),
    ),
    Mutant(
        name="A spool that another router holds is thought to be free",
        file=_LOCK,
        find="            free = False\n",
        replace="            free = True\n",
        guards=(
            _OF_DRAWERS + "test_what_a_killed_router_left_is_taken_over_in_its_order_and_only_once_it_is_dead",
            _OF_DRAWERS + "test_the_single_spool_of_an_older_release_is_taken_over_unless_that_one_still_runs",
        ),
    ),
    Mutant(
        name="An heir takes over more than it has room for",
        file=_DRAWERS,
        find="        room = self.spool.max_bytes // 2 - self.spool.size\n",
        replace="        room = self.spool.max_bytes * 99\n",
        guards=(_OF_DRAWERS + "test_no_more_is_taken_over_than_leaves_room_for_our_own",),
    ),
    Mutant(
        name="Facts of a router that died while its standby ran stay on the disk until the next start",
        file=_WRITER,
        find="            await self.adopt()\n",
        replace="            self._look()\n",
        guards=(_OF_DRAWERS + "test_a_writer_brings_what_a_killed_router_left_to_the_ledger_within_seconds",),
    ),
    Mutant(
        name="Facts of another site on the same machine turn up in our bills",
        file=_DRAWERS,
        find='            if whose not in ("", self._ledger):\n',
        replace='            if whose == "never":\n',
        guards=(_OF_DRAWERS + "test_facts_for_another_ledger_are_left_and_told_once",),
    ),
    Mutant(
        name="What a dead router left fills the spool of its heir to the last byte",
        file=_DRAWERS,
        find="            if room < 0 and (fitting or self.spool.waiting):\n",
        replace="            if room < -(1 << 40) and (fitting or self.spool.waiting):\n",
        guards=(_OF_DRAWERS + "test_no_more_is_taken_over_than_leaves_room_for_our_own",),
    ),
    Mutant(
        name="One drawer that cannot be read keeps the others from being taken over",
        file=_DRAWERS,
        find="            except OSError as error:\n                sentence",
        replace="            except ValueError as error:\n                sentence",
        guards=(_OF_DRAWERS + "test_a_drawer_that_cannot_be_read_holds_neither_the_others_up_nor_the_router",),
    ),
)
