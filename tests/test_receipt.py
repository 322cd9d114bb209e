"""Nobody is told "done" before it is on a disk: by the journal's word, else by the ledger's, else not at all."""

import asyncio

import pytest

from router.domain.errors import RemoteError
from router.domain.ids import ContactId, LegId
from router.domain.messages.effects import AnswerPhone, WriteDown
from router.receipt import Receipt


class Room:
    """What can be written where, and what was said."""

    def __init__(
        self, *, journal: bool | None, ledger: bool | None, disk: bool | None = True, safe_s: float = 5.0
    ) -> None:
        self.said: list[AnswerPhone] = []
        self.asked: list[str] = []
        self.written: list[tuple[ContactId, bool]] = []
        self.ours = True
        self.answers = {"journal": journal, "disk": disk, "ledger": ledger}
        self.receipt = Receipt(
            journalled=lambda: self._answer("journal"),
            on_disk=lambda: self._answer("disk"),
            in_ledger=lambda: self._answer("ledger"),
            ours=lambda: self.ours,
            speak=self.said.append,
            written=lambda effect, safe: self.written.append((effect.promise_id, safe)),
            safe_s=safe_s,
        )

    async def _answer(self, who: str) -> bool:
        self.asked.append(who)
        answer = self.answers[who]
        if answer is None:
            await asyncio.Event().wait()
        return bool(answer)


SAID = AnswerPhone(leg=LegId("pbx-1.1"), node="pbx", result="paused")


async def test_what_the_journal_has_on_disk_is_safe() -> None:
    room = Room(journal=True, ledger=None)
    await room.receipt.must_be_safe()
    assert room.asked == ["journal", "disk"]


@pytest.mark.parametrize("disk", [False, None])
async def test_what_no_journal_has_must_be_on_our_own_disk_or_in_the_ledger(
    disk: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How a wrap-up went is in no picture: only a fact says it."""
    monkeypatch.setattr("router.receipt.DISK_S", 0.01)
    room = Room(journal=True, disk=disk, ledger=True)
    await room.receipt.must_be_safe()
    assert room.asked == ["journal", "disk", "ledger"]


async def test_what_is_no_fact_is_not_safe_by_the_ledger_s_word() -> None:
    room = Room(journal=False, ledger=True, safe_s=0.05)
    with pytest.raises(RemoteError):
        await room.receipt.must_be_safe(ledger_knows=False)
    assert set(room.asked) == {"journal"}


async def test_what_only_the_journal_keeps_waits_for_a_server_that_syncs_once_a_second() -> None:
    room = Room(journal=False, ledger=None)
    room.receipt.write_down(WriteDown(promise_id=ContactId("pbx-1.1")))
    async with asyncio.timeout(5):
        while len(room.asked) < 3:  # noqa: ASYNC110 - tasks of the receipt's own
            await asyncio.sleep(0)
    assert not room.written
    room.answers["journal"] = True
    while not room.written:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert room.written == [(ContactId("pbx-1.1"), True)]


@pytest.mark.parametrize("journal", [True, False])
async def test_a_promise_is_as_safe_as_the_journal_says_whatever_the_ledger_has(journal: bool) -> None:
    room = Room(journal=journal, ledger=True, safe_s=0.05)
    room.receipt.write_down(WriteDown(promise_id=ContactId("pbx-1.1")))
    while not room.written:  # noqa: ASYNC110 - tasks of the receipt's own
        await asyncio.sleep(0)
    assert room.written == [(ContactId("pbx-1.1"), journal)]
    assert "ledger" not in room.asked


async def test_a_journal_that_cannot_promise_leaves_it_to_the_ledger() -> None:
    room = Room(journal=False, ledger=True)
    await room.receipt.must_be_safe()
    assert room.asked == ["journal", "ledger"]


@pytest.mark.parametrize(("journal", "ledger"), [(False, False), (False, None), (None, True)])
async def test_what_neither_can_write_down_in_time_is_said_to_be_unsafe(
    journal: bool | None, ledger: bool | None
) -> None:
    room = Room(journal=journal, ledger=ledger, safe_s=0.05)
    async with asyncio.timeout(5):
        with pytest.raises(RemoteError) as told:
            await room.receipt.must_be_safe()
    assert (told.value.error_id, told.value.retryable) == ("not-written-down", True)
    assert room.receipt.unsafe == 1


async def test_a_phone_is_answered_once_it_is_safe_and_not_before() -> None:
    room = Room(journal=None, ledger=True)
    room.receipt.speak(SAID)
    await asyncio.sleep(0)
    assert room.said == []
    await room.receipt.close()
    assert room.said == []

    room.answers["journal"] = True
    room.receipt.speak(SAID)
    async with asyncio.timeout(5):
        while not room.said:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert room.said == [SAID]


async def test_a_phone_is_not_told_what_would_be_forgotten() -> None:
    room = Room(journal=False, ledger=False)
    room.receipt.speak(SAID)
    async with asyncio.timeout(5):
        while room.receipt.unsafe == 0:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert room.said == []


async def test_what_came_into_the_ledger_after_the_pool_was_lost_is_not_called_safe() -> None:
    room = Room(journal=False, ledger=True)
    room.ours = False
    assert not await room.receipt.safe()
