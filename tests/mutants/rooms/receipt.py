"""The receipt: nobody is told "done" before it is safe."""

from tests.mutants.mutant import Mutant

_HERE = "router/receipt.py"
_GUARD = "tests/test_receipt.py::"
_PUMP = "tests/test_runtime.py::"

MUTANTS = (
    Mutant(
        name="A promise that is not on the disk within an instant is never said to be written down",
        file=_HERE,
        find="                    await asyncio.sleep(AGAIN_S)  # rule 4\n",
        replace="                    break\n",
        guards=(_GUARD + "test_what_only_the_journal_keeps_waits_for_a_server_that_syncs_once_a_second",),
    ),
    Mutant(
        name="A phone says that the pause is in force though it would be forgotten",
        file=_HERE,
        find="        if await self.safe(ledger_knows=effect.a_fact):\n            self._speak(effect)\n",
        replace="        await self.safe()\n        self._speak(effect)\n",
        guards=(_GUARD + "test_a_phone_is_not_told_what_would_be_forgotten",),
        short=True,
    ),
    Mutant(
        name="A phone says that the pause is in force before it is written down",
        file=_HERE,
        find="        if await self.safe(ledger_knows=effect.a_fact):\n            self._speak(effect)\n",
        replace="        self._speak(effect)\n        await self.safe()\n",
        guards=(_GUARD + "test_a_phone_is_answered_once_it_is_safe_and_not_before",),
    ),
    Mutant(
        name="A command that nobody could write down is answered like any other",
        file=_HERE,
        find="        if not await self.safe(ledger_knows=ledger_knows):\n",
        replace="        if await self.safe(ledger_knows=ledger_knows) is None:\n",
        guards=(_GUARD + "test_what_neither_can_write_down_in_time_is_said_to_be_unsafe",),
    ),
    Mutant(
        name="What took too long to write down is said to be written down",
        file=_HERE,
        find="        except TimeoutError:\n            pass\n",
        replace="        except TimeoutError:\n            return True\n",
        guards=(_GUARD + "test_what_neither_can_write_down_in_time_is_said_to_be_unsafe",),
    ),
    Mutant(
        name="A Redis that keeps no file makes every command fail though the database has it",
        file=_HERE,
        find="if ledger_knows and await self._in_ledger() and self._ours():",
        replace="if False:",
        guards=(_GUARD + "test_a_journal_that_cannot_promise_leaves_it_to_the_ledger",),
    ),
    Mutant(
        name="How a wrap-up went is said to be written down while it is in memory only",
        file=_HERE,
        find="if await self._journalled() and await self._is_on_disk():",
        replace="if await self._journalled():",
        guards=(_GUARD + "test_what_no_journal_has_must_be_on_our_own_disk_or_in_the_ledger",),
    ),
    Mutant(
        name="A command given while the floor is being taken up covers what the router before left",
        file="router/desk.py",
        find="        if not self._pump.runs:\n",
        replace="        if False:\n",
        guards=("tests/test_desk.py::test_while_the_pool_changes_hands_no_command_is_taken",),
    ),
    Mutant(
        name="A command waits for ever when neither Redis nor the database answers",
        file=_HERE,
        find="            async with asyncio.timeout(self._safe_s):\n",
        replace="            async with asyncio.timeout(None):\n",
        guards=(_GUARD + "test_what_neither_can_write_down_in_time_is_said_to_be_unsafe",),
    ),
    Mutant(
        name="A feature code is answered behind the back of who knows that it is safe",
        file="router/runtime.py",
        find='                    self._guarded("AnswerPhone", self.speak, effect)\n',
        replace='                    self._guarded("AnswerPhone", telephony.perform, effect)\n',
        guards=(_PUMP + "test_the_answer_to_a_feature_code_is_left_to_whoever_knows_that_it_is_safe",),
    ),
    Mutant(
        name="Two call-backs of three are refused by a Redis that syncs once a second",
        file=_HERE,
        find="                    if ledger_knows:\n                        break\n",
        replace="                    break\n",
        guards=(_GUARD + "test_what_only_the_journal_keeps_waits_for_a_server_that_syncs_once_a_second",),
    ),
    Mutant(
        name="A command over HTTP is answered before it is written down",
        file="router/desk.py",
        find="        await self._safe(ledger_knows=not isinstance(command, _IN_NO_LEDGER))\n",
        replace="",
        guards=("tests/test_desk.py::test_a_command_nobody_could_write_down_is_in_force_and_says_that_it_is_not_safe",),
    ),
    Mutant(
        name="What the ledger got after the pool was lost is called safe",
        file=_HERE,
        find="if ledger_knows and await self._in_ledger() and self._ours():",
        replace="if ledger_knows and await self._in_ledger():",
        guards=(_GUARD + "test_what_came_into_the_ledger_after_the_pool_was_lost_is_not_called_safe",),
    ),
    Mutant(
        name="A campaign is said to be shut for good by a ledger that knows nothing of it",
        file=_HERE,
        find="if ledger_knows and await",
        replace="if await",
        guards=(_GUARD + "test_what_is_no_fact_is_not_safe_by_the_ledger_s_word",),
    ),
)
