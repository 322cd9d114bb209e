"""What we answer with: names of fields as in the records, instants ISO 8601 UTC with microseconds, durations `_s`.

Inside everything is integer microseconds; here, and only here, it becomes text and seconds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from router.domain.ids import SECOND, Micros
from router.domain.record import BillingRecord, CallbackFact, DecisionFact, OfferFact, OverflowFact, WrapUpFact
from router.ports import AgentView, CallbackView, ContactStory, ContactView, LeaseView, QueueView, Reloaded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_799 * SECOND
"The end of the year 9999; instants beyond it mean `always`."


def instant(at: Micros | None) -> str | None:
    """`2026-11-21T10:00:00.000000Z`, or None for none and for never."""
    if at is None or not 0 <= at <= _LAST:
        return None
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON; what it cannot hold (an exception in a detail, a path) goes as text."""
    return web.Response(
        body=encode(body),
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
    )


def answer_list(items: Sequence[object], after: str | None = None) -> web.Response:
    """`{"items":[…],"next":null}`; `next` is what `after=` of the next question takes."""
    return answer({"items": items, "next": after})


def encode(body: object) -> bytes:
    """Encode; half a surrogate pair (undecodable bytes from a phone) is replaced, integers of any size are text."""
    try:
        return msgspec.json.encode(body, enc_hook=str)
    except (UnicodeEncodeError, OverflowError, msgspec.EncodeError):
        return msgspec.json.encode(_plain(body), enc_hook=str)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    if isinstance(value, dict):
        return {str(_plain(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def agent_view(view: AgentView) -> dict[str, Any]:
    agent = view.change
    return {
        "agent_id": agent.agent_id,
        "status": agent.status,
        "reason": agent.reason,
        "next_status": agent.next_status,
        "next_reason": agent.next_reason,
        "reach": agent.reach,
        "link": agent.link,
        "work": agent.work,
        "contact_id": agent.contact_id,
        "since": instant(agent.since_at),
        "standing": view.standing,
        "paid": agent.paid if agent.status == "PAUSED" else None,
        "until": instant(view.until_at),
        "wrapup": view.wrapup,
        "disposition": view.disposition,
        "paused_today_s": {reason: used_us / SECOND for reason, used_us in view.paused_today.items()},
        "in_hand": view.in_hand,
        "skills": view.skills,
        "queues": view.queues,
    }


def queue_view(view: QueueView) -> dict[str, Any]:
    shut = not view.is_open
    return {
        "queue": view.queue,
        "campaign": view.door.campaign,
        "open": view.is_open,
        "closed_by": view.door.closed_by if shut else None,
        "closed_note": (view.door.note or None) if shut else None,
        "opens_at": instant(view.door.opens_at) if shut else None,
        "time_zone": view.door.time_zone,
        "waiting": view.waiting,
        "longest_wait_s": view.longest_wait_us / SECOND,
        "free_agents": view.free_agents,
        "entitled_agents": view.entitled_agents,
    }


def pool_view(view: LeaseView) -> dict[str, Any]:
    return {
        "mine": view.mine,
        "host": view.host or None,
        "epoch": view.epoch,
        "since": instant(view.since_at or None),
        "lease_left_s": view.left_us / SECOND,
        "standbys": view.standbys,
    }


def contact_view(view: ContactView) -> dict[str, Any]:
    return {
        "contact_id": view.contact_id,
        "campaign": view.campaign,
        "queue": view.queue,
        "state": view.state,
        "agent_id": view.agent_id,
        "arrived_at": instant(view.arrived_at),
    }


def callback_view(view: CallbackView) -> dict[str, Any]:
    """Whose number it is stands in the record of the contact that asked, not here."""
    return {
        "callback_id": view.promise_id,
        "campaign": view.campaign,
        "queue": view.queue,
        "state": view.state,
        "tries": view.tries,
        "arrived_at": instant(view.arrived_at),
        "expires_at": instant(view.expires_at),
        "due_at": instant(view.due_at),
        "contact_id": view.place_id,
    }


def reloaded(done: Reloaded) -> dict[str, Any]:
    touched, roll = done.touched, done.roll
    return {
        "config_hash": done.config_hash,
        "callers": {"waiting": touched.waiting, "moved": touched.moved, "sent_off": touched.sent_off},
        "callbacks": {
            "owed": touched.owed,
            "moved": touched.owed_moved,
            "kept": touched.owed_kept,
            "given_up": touched.given_up,
        },
        "agents": {
            "enrolled": roll.enrolled,
            "dismissed": roll.dismissed,
            "kept_on_contact": roll.kept_on_contact,
            "without_phone": roll.without_phone,
        },
    }


def record(fact: BillingRecord) -> dict[str, Any]:
    """The billing record with the field names it has everywhere outside."""
    return {
        "schema": fact.schema,
        "contact_id": fact.contact_id,
        "medium": fact.medium,
        "campaign": fact.campaign,
        "queue": fact.queue,
        "ani": fact.ani,
        "dnis": fact.dnis,
        "direction": "out" if fact.is_our_call else "in",
        "arrived_at": instant(fact.arrived_at),
        "answered_at": instant(fact.answered_at),
        "ended_at": instant(fact.ended_at),
        "outcome": fact.outcome.value,
        "ended_by": fact.ended_by.value,
        "config_hash": fact.config_hash,
        "end_estimated": fact.end_estimated,
        "segments": [
            {
                "kind": segment.kind.value,
                "from": instant(segment.from_at),
                "to": instant(segment.to_at),
                "agent": segment.agent_id,
                "queue": segment.queue,
            }
            for segment in fact.segments
        ],
        "legs": [
            {"uniqueid": leg.uniqueid, "linkedid": leg.linkedid, "node": leg.node, "agent": leg.agent_id}
            for leg in fact.legs
        ],
        "corrects": fact.corrects,
        # Where the hash of the record before this one will stand once records are chained; null until then.
        "prev_hash": None,
    }


def _offer(fact: OfferFact) -> dict[str, Any]:
    return {
        "offer_id": fact.offer_id,
        "agent": fact.agent_id,
        "queue": fact.queue,
        "from": instant(fact.from_at),
        "to": instant(fact.to_at),
        "result": fact.result.value,
        "cause": fact.cause,
        "tech_cause": fact.tech_cause,
    }


def _wrapup(fact: WrapUpFact) -> dict[str, Any]:
    return {
        "agent": fact.agent_id,
        "from": instant(fact.from_at),
        "to": instant(fact.to_at),
        "disposition": fact.disposition,
        "ended": None if fact.ended is None else fact.ended.value,
    }


def _decision(fact: DecisionFact) -> dict[str, Any]:
    return {
        "offer_id": fact.offer_id,
        "queue": fact.queue,
        "at": instant(fact.at),
        "need": fact.need,
        "waited_s": fact.waited_us / SECOND,
        "chosen": fact.chosen,
        "chosen_idle_s": fact.chosen_idle_us / SECOND,
        "next_best": [{"agent": agent, "idle_s": idle_us / SECOND} for agent, idle_us in fact.next_best],
        "others": dict(fact.others),
        "how": {
            "choose": fact.how.choose,
            "row": fact.how.row,
            "opens_s": fact.how.opens_us / SECOND,
            "points": fact.how.points,
            "urgent": fact.how.urgent,
            "at_once": fact.how.at_once,
            "skipped": list(fact.how.skipped),
            "expected_s": None if fact.how.expected_us is None else fact.how.expected_us / SECOND,
            "in_queue_s": (fact.waited_us if fact.how.in_queue_us is None else fact.how.in_queue_us) / SECOND,
            "waited_before_s": fact.how.waited_before_us / SECOND,
            "told": list(fact.how.told),
            "told_s": fact.how.told_us / SECOND,
        },
    }


def _callback(fact: CallbackFact) -> dict[str, Any]:
    return {
        "at": instant(fact.at),
        "what": fact.what,
        "queue": fact.queue,
        "contact_id": fact.call_id,
        "number": fact.number,
        "until_at": None if fact.until_at is None else instant(fact.until_at),
    }


def _overflow(fact: OverflowFact) -> dict[str, Any]:
    return {
        "at": instant(fact.at),
        "queue": fact.queue,
        "target": fact.target,
        "why": fact.why,
        "passed": [{"target": target, "why": why} for target, why in fact.passed],
    }


def billed(story: ContactStory) -> dict[str, Any] | None:
    """A line of `/v1/records`: the record with its offers and wrap-ups; None while it has no record."""
    if story.record is None:
        return None
    return {
        **record(story.record),
        "offers": [_offer(fact) for fact in story.offers],
        "wrapups": [_wrapup(fact) for fact in story.wrapups],
    }


def explained(contact_id: str, live: ContactView | None, story: ContactStory | None) -> dict[str, Any]:
    """Everything known of one contact: where it is now, its record, and why it went where it went."""
    return {
        "contact_id": contact_id,
        "live": contact_view(live) if live else None,
        "record": record(story.record) if story and story.record else None,
        "offers": [_offer(fact) for fact in story.offers] if story else [],
        "wrapups": [_wrapup(fact) for fact in story.wrapups] if story else [],
        "decisions": [_decision(fact) for fact in story.decisions] if story else [],
        "callbacks": [_callback(fact) for fact in story.callbacks] if story else [],
        "overflows": [_overflow(fact) for fact in story.overflows] if story else [],
    }
