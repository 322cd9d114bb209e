"""A call-back: somebody in line is promised to be called, and hangs up; their place stays in line.

    ASKED → PROMISED → CALLING → REACHED → CLOSED
               ⇅          ↓
            RESTING ←─────┘                 and from every state → CLOSED

ASKED: they pressed the key, and it is being written down: until that is done nobody is told anything.
PROMISED: a contact without anybody on the phone, a *place*, stands in line at the old age: one order for all who wait.
RESTING: not to be called now (the phone was busy, it is late); it has no place in line, and gets the old one back.
CALLING: their phone rings, by our order or, as the first look at Asterisk may tell, by that of the router before us.
REACHED: they are on the phone, a caller like any other, at the front.

Rule 1: a promise belongs to the number that called. While one is owed to it there is no second. Who calls again by
themselves has the place, and is not called meanwhile. When they talk to an agent the promise is withdrawn; if they
go before, it stands at its old place again.
Rule 2: the leg of each try has an id that is known before (`<contact>_cb<try>`), so a successor cannot call anybody
whose phone rings already: Asterisk refuses a second leg with that id. It is the id of the contact, too.
Asterisk also refuses an id with which a living one *begins* (22.10.1), so agents' legs are not named after the place:
they are `<contact>_cb.<attempt>`, counted through all places of the promise. No other leg can have such a name, not
even one that was made for the contact itself, `<contact>.<attempt>`, by whatever router.
Rule 3: a person is reached once. Whoever answered and went before an agent talked to them is not rung again.
Rule 4: what an agent does with an offer (misses it, rejects it) is no try: only what the called phone does is.
Rule 5: each state has its deadline, ("promise", id); REACHED has those of its contact.
Rule 6: a promise that was given is kept. New rules that know no call-backs do not end it: it goes on by the terms it
had. Whose queue is gone stands where its callers stand then; only with its campaign, or with the last trunk that leads
outside, a promise is given up (terms.py).
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from router.domain.contacts.offer import Offer
from router.domain.ids import MARK, AgentId, CampaignName, ContactId, Micros, OfferId, QueueName
from router.domain.message import message
from router.domain.rulebook.rules import CallbackRules
from router.domain.tables import Table


class PromiseState(StrEnum):
    ASKED = "asked"
    PROMISED = "promised"
    RESTING = "resting"
    CALLING = "calling"
    REACHED = "reached"
    CLOSED = "closed"


class PromiseStep(StrEnum):
    STAND = "stand"
    REST = "rest"
    CALL = "call"
    REACH = "reach"
    CLOSE = "close"


class PromiseEnd(StrEnum):
    KEPT = "kept"
    "They talked to an agent."
    LEFT = "left"
    "They were reached, and went before an agent talked to them."
    GIVEN_UP = "given_up"
    "Every try failed, or the rules have no place for it any more."
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    "They talked to somebody before, or somebody cancelled it."
    UNWRITTEN = "unwritten"
    "It could not be made safe, so it was never given."


class TryResult(StrEnum):
    """What came of one call."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"


_S, _T = PromiseState, PromiseStep
PROMISE: Table[PromiseState, PromiseStep] = {
    _S.ASKED: {_T.STAND: _S.PROMISED, _T.REST: _S.RESTING, _T.CLOSE: _S.CLOSED},
    _S.PROMISED: {_T.REST: _S.RESTING, _T.CALL: _S.CALLING, _T.CLOSE: _S.CLOSED},
    _S.RESTING: {_T.STAND: _S.PROMISED, _T.REST: _S.RESTING, _T.CALL: _S.CALLING, _T.CLOSE: _S.CLOSED},
    _S.CALLING: {_T.REST: _S.RESTING, _T.REACH: _S.REACHED, _T.CLOSE: _S.CLOSED},
    _S.REACHED: {_T.CLOSE: _S.CLOSED},
    _S.CLOSED: {},
}


NOWHERE = ContactId("")
DIALABLE = re.compile(r"\+[1-9][0-9]{6,14}")
"E.164, long enough to be somebody's."


def named_for(promise_id: ContactId) -> ContactId:
    """What the offers of its places are named after: rule 2."""
    return ContactId(f"{promise_id}{MARK}")


@message
class Terms:
    """How somebody is called who was promised it: of the rules, what their promise is kept by (rule 6)."""

    trunk: str
    caller_id: str
    agent_first: bool
    tries: int
    ring_us: Micros
    retry_after_us: Micros


def terms_of(rules: CallbackRules) -> Terms:
    return Terms(
        trunk=rules.trunk,
        caller_id=rules.caller_id,
        agent_first=rules.agent_first,
        tries=rules.tries,
        ring_us=rules.ring_us,
        retry_after_us=rules.retry_after_us,
    )


@dataclass(slots=True, kw_only=True, eq=False)
class Promise:
    promise_id: ContactId
    "The contact that asked."
    campaign: CampaignName
    queue: QueueName
    number: str
    "E.164"
    dnis: str
    node: str
    arrived_at: Micros
    entered_at: Micros
    asked_at: Micros
    expires_at: Micros
    "By the hours as they stand (expiry.py)."
    left_us: Micros
    "Of the time in which they may be called, when it was last read."
    counted_at: Micros
    "When that was."
    terms: Terms
    "Of the rules in force, or of the last that had any for its queue."
    priority: int = 0
    state: PromiseState = PromiseState.ASKED
    tries: int = 0
    "Calls begun."
    next_at: Micros = 0
    "Not before."
    place_id: ContactId = NOWHERE
    "Of its place in line, and of the call that comes of it; empty while it rests."

    data: tuple[tuple[str, str], ...] = ()
    "What was told of them (particulars.py): their place stands in the line of their own need."
    waited_before_us: Micros = 0
    "So long they had waited in a call before that one (redial.py)."
    attempts: int = 0
    "Offers made for its places; an offer's id is unique for ever."
    open_offers: dict[OfferId, Offer] = field(default_factory=dict)
    "Of its place while it has none: the legs of those given up may take a moment to end."
    here: ContactId = NOWHERE
    "The call by which they have called again: while it lives, rule 1."
    rings_at: Micros = 0
    "When Asterisk made the leg that their phone rings by; 0: not yet, or nobody knows."
    meant_for: AgentId | None = None
    "Caller first, while their phone rings: an agent who was free for them. No two have the same one."
    read_back: bool = False
    "From what a router before us wrote down: it needs no writing down any more."

    @property
    def caller(self) -> tuple[CampaignName, str]:
        """Whom it is owed to."""
        return self.campaign, self.number

    def place_of(self, number: int) -> ContactId:
        """Rule 2."""
        return ContactId(f"{self.promise_id}{MARK}{number}")


_BUSY, _NO_ANSWER = frozenset({17}), frozenset({18, 19, 20, 127, 16})
"Causes of Q.850; 16: we let it ring long enough and hung up."


def result_of(cause: int | None, tech_cause: str | None) -> TryResult:
    """How a call that nobody answered ended, by Asterisk's cause and the status of the carrier (RFC 3261)."""
    for word in (tech_cause or "").split():
        if word in ("486", "600"):
            return TryResult.BUSY
        if word in ("408", "480", "487"):
            return TryResult.NO_ANSWER
    if cause in _BUSY:
        return TryResult.BUSY
    return TryResult.NO_ANSWER if cause in _NO_ANSWER else TryResult.FAILED
