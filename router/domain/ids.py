"""Names of things. Each is a plain string; the types only keep one kind from being passed for another.

No id is minted here: a contact is named by the dialplan (the Uniqueid of the caller's leg, which begins with the
node's `systemname`), an offer by the engine (`contact_id` + "." + attempt; callback.py has an exception), a leg by
Asterisk.
"""

from typing import NewType

ContactId = NewType("ContactId", str)
OfferId = NewType("OfferId", str)
LegId = NewType("LegId", str)
"Uniqueid of an Asterisk channel. Channel names are never used as keys: they change under masquerade."
AgentId = NewType("AgentId", str)
CampaignName = NewType("CampaignName", str)
QueueName = NewType("QueueName", str)
"`campaign/queue`, unique on the site."
Micros = int
"An instant (microseconds since the epoch, UTC) or a duration (microseconds); names say which: `_at`, `_us`."

SECOND: Micros = 1_000_000


def offer_id(contact: ContactId, attempt: int) -> OfferId:
    """Name the `attempt`-th offer of a contact. It becomes the leg's ChannelId, so twins collide at Asterisk."""
    return OfferId(f"{contact}.{attempt}")
