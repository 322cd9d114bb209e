"""What an agent's leg carries: for which caller it rings, by whose order, and what its agent hears first.

It is one variable, `ACD_RING`, that the dialplan unpacks when the agent answers (acd-agent): Asterisk sets the
variables of an Originate one by one *before* it rings, and tells each to every listener.
An answered leg has them as variables of their own, under the names below; a ringing one has only the card.
"""

import re
from collections.abc import Mapping

from router.domain.messages.effects import RingAgent

ENTRANCE = "card"
"Extension of `acd-agent` that unpacks it. A dialplan without it is older than this router."
VARIABLE = "ACD_RING"
FIELDS = (
    "ACD_CONTACT",
    "ACD_OFFER",
    "ACD_AGENT",
    "ACD_QUEUE",
    "ACD_CAMPAIGN",
    "ACD_CALLER",
    "ACD_POOL",
    "ACD_EPOCH",
    "ACD_LANGUAGE",
    "ACD_WHISPER",
    "ACD_ACCEPT",
)
"Names of the values, in their order on the card; the dialplan unpacks them by the same list."
BETWEEN = "~"
"Stands between two values; in none of them, and means nothing to Asterisk."

_VALUE = re.compile(r"[^\w .:@+*#&=/-]")
"What no value of a channel variable of ours needs; the names in them are checked where they come from."

_CLEAN = re.compile(r"[\w .:@+*#&=/~-]*")
"A card with nothing to take out, as nearly all of them are."


def write(effect: RingAgent, *, pool: str, epoch: int) -> str:
    """The card of one ring. Nothing in it is a comma, an expression or a `BETWEEN` that is not ours."""
    values = (
        effect.contact_id,
        effect.offer_id,
        effect.agent_id,
        effect.queue,
        effect.campaign,
        effect.caller_leg,
        pool,
        str(epoch),
        effect.language,
        effect.whisper,
        "1" if effect.press_one else "",
    )
    card = BETWEEN.join(values)
    if _CLEAN.fullmatch(card) and card.count(BETWEEN) == len(FIELDS) - 1:
        return card
    return BETWEEN.join([_VALUE.sub("", value) for value in values])


def read(card: str) -> Mapping[str, str]:
    """Name → value, without the empty ones. Of a card that is none, or of another version: nothing. Never raises."""
    values = card.split(BETWEEN)
    if len(values) != len(FIELDS):
        return {}
    return {name: value for name, value in zip(FIELDS, values, strict=True) if value}
