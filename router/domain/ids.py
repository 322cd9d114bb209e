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


MARK = "_cb"
"Between the contact that asked to be called back and the number of the call that came of it (callback.py)."


def calls_back(contact: ContactId) -> bool:
    """Whether it is the name of a call that we make, or made."""
    if MARK not in contact:
        return False
    _, mark, number = contact.rpartition(MARK)
    return bool(mark) and number.isascii() and number.isdigit()


def offer_id(contact: ContactId, attempt: int) -> OfferId:
    """Name the `attempt`-th offer of a contact. It becomes the leg's ChannelId, so twins collide at Asterisk."""
    return OfferId(f"{contact}.{attempt}")
