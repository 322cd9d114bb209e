"""The journal: what is written, when, in whose name, and what is called safe."""

from tests.mutants.mutant import Mutant

_JOURNAL = "router/adapters/redis/journal.py"
_KEEPER = "router/adapters/redis/journal_keeper.py"
_PICTURE = "router/domain/picture.py"
_CONTRACT = "tests/contracts/test_journal.py::"
_KEEPS = "tests/adapters/redis/test_journal_keeper.py::"
_IN_REDIS = "tests/adapters/redis/test_journal.py::"

MUTANTS = (
    Mutant(
        name="A router whose time is over writes into its successor's journal",
        file=_JOURNAL,
        find="if given > tonumber(ARGV[1])",
        replace="if given < 0",
        guards=(_CONTRACT + "test_a_later_epoch_fences_an_earlier_router[redis]",),
        short=True,
    ),
    Mutant(
        name="A Redis that lost the journal is believed to have it",
        file=_JOURNAL,
        find="        return bool(kept)\n",
        replace="        return True\n",
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
        name="A change is told of in the journal and not in the snapshot, which recovery reads",
        file=_JOURNAL,
        find="    redis.call('HSET', KEYS[3], key, kind .. ' ' .. body)\n",
        replace="",
        guards=(_CONTRACT + "test_a_successor_reads_everybody_as_they_stood_at_the_last_commit[redis]",),
    ),
    Mutant(
        name="A snapshot that was lost cannot be made good by the stream",
        file=_JOURNAL,
        find="'type', kind, 'body', body)",
        replace="'type', kind)",
        guards=(_IN_REDIS + "test_without_a_snapshot_the_stream_alone_will_do[valkey]",),
    ),
    Mutant(
        name="A snapshot put back from a backup is believed to be the newest there is",
        file=_JOURNAL,
        find='if _whole(fields.get(b"seq")) > seq]',
        replace='if _whole(fields.get(b"seq")) > seq + KEPT]',
        guards=(_IN_REDIS + "test_a_snapshot_older_than_the_stream_is_brought_up_to_date[redis]",),
    ),
    Mutant(
        name="The journal grows until Redis has no memory left",
        file=_JOURNAL,
        find="'MAXLEN', '~', ARGV[4], ",
        replace="",
        guards=(_IN_REDIS + "test_the_stream_does_not_grow_without_end[redis]",),
    ),
    Mutant(
        name="Who has left the journal comes back with the next router",
        file=_JOURNAL,
        find="  if kind == 'ContactGone' or kind == 'AgentGone' then\n",
        replace="  if kind == 'AgentGone' then\n",
        guards=(_CONTRACT + "test_the_newest_picture_counts_and_who_is_gone_is_gone[valkey]",),
    ),
    Mutant(
        name="Who takes over counts commits from the beginning and takes the journal for lost",
        file=_JOURNAL,
        find="        self._seq, self._epoch = commit.seq, commit.epoch\n        self._sent = max(",
        replace="        self._sent = max(",
        guards=(_CONTRACT + "test_a_commit_after_a_load_goes_on_where_the_last_router_stopped[redis]",),
    ),
    Mutant(
        name="An owner is kept out of its own journal",
        file=_JOURNAL,
        find="if given > tonumber(ARGV[1])",
        replace="if given >= tonumber(ARGV[1])",
        guards=(_CONTRACT + "test_a_later_epoch_fences_an_earlier_router[valkey]",),
    ),
    Mutant(
        name="One picture of a newer release keeps a router from starting",
        file=_JOURNAL,
        find="    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):\n",
        replace="    except (UnicodeDecodeError, RecursionError):\n",
        guards=(_IN_REDIS + "test_what_anybody_may_have_written_is_counted_and_the_rest_counts[redis]",),
    ),
    Mutant(
        name="Agents of the release before are forgotten because it wrote no reason where there was none",
        file=_PICTURE,
        find="    idle_since: Micros\n    reason: str | None = None\n",
        replace='    idle_since: Micros\n    reason: str = ""\n',
        guards=(_IN_REDIS + "test_a_journal_of_the_first_release_is_read[redis]",),
    ),
    Mutant(
        name="A Redis that did not get it onto its disk in time is said to have it there",
        file=_JOURNAL,
        find="on_disk[0] >= 1",
        replace="on_disk[0] >= 0",
        guards=(_IN_REDIS + "test_a_server_that_does_not_wait_for_its_disk_is_not_believed_to_have_it_there",),
    ),
    Mutant(
        name="A disk that is slow is taken for a Redis that is gone",
        file=_JOURNAL,
        find="SYNC_S = 0.3\n",
        replace="SYNC_S = 1.0\n",
        guards=(_IN_REDIS + "test_a_server_that_does_not_wait_for_its_disk_is_not_believed_to_have_it_there",),
    ),
    Mutant(
        name="What stood on the floor before the first change is never written",
        file=_KEEPER,
        find="            self._owed[key_of(picture)] = picture\n        while True:\n",
        replace="            pass\n        while True:\n",
        guards=(_KEEPS + "test_the_floor_is_written_first_and_then_what_changes",),
    ),
    Mutant(
        name="A thousand changes go in one commit, and calls wait for it",
        file=_KEEPER,
        find="dict(islice(self._owed.items(), AT_ONCE))",
        replace="dict(self._owed)",
        guards=(_KEEPS + "test_many_changes_go_in_portions[450]",),
    ),
    Mutant(
        name="A pause is called safe because something else was",
        file=_KEEPER,
        find="        if not await asyncio.shield(flushing):\n            return False\n",
        replace="        await asyncio.shield(flushing)\n",
        guards=(_KEEPS + "test_a_fenced_journal_makes_nothing_safe",),
    ),
    Mutant(
        name="A router that is fenced from its journal does not ask whose the pool is",
        file=_KEEPER,
        find="                    self._fenced(",
        replace="                    log.error(",
        guards=(_KEEPS + "test_a_fenced_journal_is_left_as_it_is_and_whoever_runs_us_is_told",),
    ),
    Mutant(
        name="Callers whom the router before left, and who hung up since, stay in the journal for ever",
        file=_KEEPER,
        find="            if key_of(picture) not in here:\n",
        replace="            if not here:\n",
        guards=(_KEEPS + "test_who_is_not_on_the_floor_any_more_is_taken_out_of_the_journal",),
    ),
    Mutant(
        name="How long nothing was written down is counted anew with each attempt",
        file=_KEEPER,
        find="        if self._owed and self.behind_since is None:\n",
        replace="        if self._owed:\n",
        guards=(_KEEPS + "test_what_changed_while_nothing_could_be_written_is_behind_since_it_changed",),
    ),
    Mutant(
        name="Nobody tells the journal that the floor has changed",
        file="router/runtime.py",
        find="            self.stirred()\n",
        replace="            pass\n",
        guards=("tests/test_runtime.py::test_who_writes_the_floor_down_is_told_of_each_change_after_its_effects",),
    ),
    Mutant(
        name="A change of an agent is not among what must be written",
        file="router/domain/engine.py",
        find="                floor.unwritten[agent] = None\n",
        replace="                pass\n",
        guards=(
            _KEEPS + "test_the_floor_is_written_first_and_then_what_changes",
            "tests/domain/test_router_deaths.py::test_no_change_of_the_floor_goes_unwritten",
        ),
    ),
    Mutant(
        name="An offer that was made is not written down, and a successor does not hang up its leg",
        file="router/domain/floor.py",
        find="        if contact is not None:\n            self.unwritten[contact] = None\n",
        replace="        if contact is not None:\n            pass\n",
        guards=("tests/domain/test_router_deaths.py::test_no_change_of_the_floor_goes_unwritten",),
    ),
    Mutant(
        name="What a server has lost since it was written is called safe",
        file=_JOURNAL,
        find="        if seq and (commit is None",
        replace="        if not seq and (commit is None",
        guards=(_IN_REDIS + "test_nothing_is_called_safe_that_the_server_has_lost_since",),
    ),
    Mutant(
        name="One end whose record no disk takes holds everything else back",
        file=_KEEPER,
        find="                if held_back:\n",
        replace="                if held_back:\n                    return\n                if held_back:\n",
        guards=(_KEEPS + "test_an_end_whose_record_no_disk_takes_holds_nothing_else_up",),
    ),
    Mutant(
        name="While Redis is away each caller who has left takes memory, without end",
        file=_KEEPER,
        find="        if len(self._owed) > MOST_GONE + ",
        replace="        if len(self._owed) > 10**9 + ",
        guards=(_KEEPS + "test_who_has_left_while_the_server_was_away_takes_no_memory_without_end",),
    ),
    Mutant(
        name="Who left while Redis was away, and was one too many to remember, stays in the journal",
        file=_KEEPER,
        find="if not _has_ended(picture)}\n            self._sweeps = True\n",
        replace="if not _has_ended(picture)}\n",
        guards=(_KEEPS + "test_who_was_forgotten_because_there_were_too_many_is_taken_out_once_the_server_is_back",),
    ),
    Mutant(
        name="An answer that came too late for a phone breaks the commit off for everybody",
        file=_KEEPER,
        find="        if not await asyncio.shield(flushing):\n",
        replace="        if not await flushing:\n",
        guards=(_KEEPS + "test_who_loses_patience_does_not_break_a_commit_off",),
    ),
    Mutant(
        name="A mistake of ours in the journal ends the router",
        file=_KEEPER,
        find="            except Exception:\n",
        replace="            except RecursionError:\n",
        guards=(_KEEPS + "test_a_mistake_of_ours_costs_an_error_and_not_the_process",),
    ),
    Mutant(
        name="A commit whose answer was lost is taken for a loss, and everything is written again",
        file=_JOURNAL,
        find="local kept = last == ARGV[6] or stands_on == ARGV[6]\n",
        replace="local kept = last == ARGV[6]\n",
        guards=(_IN_REDIS + "test_a_commit_whose_answer_was_lost_is_no_loss[redis]",),
    ),
    Mutant(
        name="A commit whose answer was lost hides that everything before it was lost, too",
        file=_JOURNAL,
        find="kept and ARGV[7] or ARGV[8])",
        replace="ARGV[7])",
        guards=(_IN_REDIS + "test_a_commit_whose_answer_was_lost_hides_no_loss_before_it[redis-0]",),
    ),
    Mutant(
        name="What was lost under a commit nobody answered is called safe",
        file=_JOURNAL,
        find=" or not commit.stands_on):\n",
        replace="):\n",
        guards=(_IN_REDIS + "test_nothing_is_called_safe_that_the_server_has_lost_since",),
    ),
)
