"""The trace of a contact as we answer it: every milestone with its instant, and the parts of each offer's way."""

from typing import Any

from router.adapters.http.answers import instant
from router.domain.ids import SECOND
from router.ports import ContactTrace, OfferPath
from router.trace.reading import GAPS, TOTALS, spent


def traced(trace: ContactTrace) -> dict[str, Any]:
    """Everything of one contact. `since_previous_s` can be below 0 from Asterisk's clock to the router's."""
    milestones = []
    first_at = previous_at = trace.milestones[0].at if trace.milestones else 0
    for one in trace.milestones:
        milestones.append(
            {
                "at": instant(one.at),
                "since_previous_s": (one.at - previous_at) / SECOND,
                "since_first_s": (one.at - first_at) / SECOND,
                "clock": one.clock,
                "step": one.step,
                "what": one.what,
                "of": one.of,
            }
        )
        previous_at = one.at
    return {
        "contact_id": trace.contact_id,
        "lives": trace.lives,
        "left_out": trace.left_out,
        "milestones": milestones,
        "offers": [_path(path) for path in trace.offers],
    }


def brief(trace: ContactTrace) -> dict[str, Any]:
    """A line of `/v1/traces`."""
    return {
        "contact_id": trace.contact_id,
        "lives": trace.lives,
        "offers": [_path(path) for path in trace.offers],
    }


def _path(path: OfferPath) -> dict[str, Any]:
    return {
        "offer_id": path.offer_id,
        "cause": path.cause,
        "cause_contact": path.cause_contact,
        "instants": {name: instant(at) for name, at in path.instants.items()},
        "gaps_s": {name: us / SECOND for name, us in spent(path, GAPS).items()},
        "totals_s": {name: us / SECOND for name, us in spent(path, TOTALS).items()},
    }
