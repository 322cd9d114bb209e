"""What protects the whole, each to be taken away by name: the judge must notice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.dialects import sqlite

from router.adapters.ami.claim import Claim
from router.adapters.ami.telephony import AmiTelephony
from router.adapters.redis import journal
from router.adapters.redis.tenure import LeaseTenure
from router.adapters.sql.writer import LedgerWriter
from router.ports import Acting
from router.receipt import Receipt
from tests.simulation.database import LedgerLine
from tests.simulation.exchange import Exchange

Change = tuple[Any, str, Any]


async def _at_once(self: Any) -> bool:
    return True


def _careless(init: Callable[..., None]) -> Callable[..., None]:
    def whole(self: Any, *given: Any) -> None:
        init(self, *given)
        self.heeds_epochs = False

    return whole


def _believed(append: Any) -> Any:
    async def asked(self: Any, *given: Any, **named: Any) -> bool:
        await append(self, *given, **named)
        return True

    return asked


_UNFENCED = journal._SCRIPT.replace("if given > tonumber(ARGV[1])", "if false")
assert _UNFENCED != journal._SCRIPT


async def _says_safe(self: Any, effect: Any) -> None:
    self._written(effect, True)


PROTECTIONS: dict[str, list[Change]] = {
    "the epoch check in the journal's script": [(journal, "_SCRIPT", _UNFENCED)],
    "the record on disk before the journal forgets the contact": [(LedgerWriter, "on_disk", _at_once)],
    "the bridge's epoch check": [(Exchange, "__init__", _careless(Exchange.__init__))],
    "a fact that is there already stays": [(LedgerLine, "insert", lambda self, table: sqlite.insert(table))],
    "nothing is sent in doubt": [
        (LeaseTenure, "may_act", lambda self: Acting.YES),
        (AmiTelephony, "_on_owner", lambda self, seen: None),
    ],
    "who lost the pool stops": [
        (AmiTelephony, "_depose", lambda self, seen: None),
        (LeaseTenure, "may_act", lambda self: Acting.YES),
    ],
    "a journal that was lost is written again": [
        (journal.RedisJournal, "append", _believed(journal.RedisJournal.append)),
    ],
    "a promise is written down before it is given": [(Receipt, "_write_down", _says_safe)],
    "a claim at Asterisk": [(Claim, "make", lambda self: _no_claim(self))],
}


async def _no_claim(claim: Claim) -> None:
    claim.epoch, claim.stands = claim._tenure.epoch, True


@contextmanager
def without(name: str) -> Iterator[None]:
    """While it lasts, this protection is gone."""
    changes = PROTECTIONS[name]
    before = [(where, what, where.__dict__[what]) for where, what, _ in changes]
    for where, what, instead in changes:
        setattr(where, what, instead)
    try:
        yield
    finally:
        for where, what, was in before:
            setattr(where, what, was)
