"""Asterisk's truth after a (re)connect, read into one observation.

AMI has no replay: whatever happened while we were away is gone, and only what lives can be asked for. `Status` gives
every leg with its bridge and our variables; `DeviceStateList` the phones Asterisk has an opinion of; what is missing
there is asked one by one. Legs are told apart by our variables: an agent's leg is the one whose Uniqueid *is* its
`ACD_OFFER` (a caller's leg carries the offer it talked through, too). A leg that rings has only its card.
"""

from collections.abc import Iterable

from router.adapters.ami import ring_card
from router.adapters.ami.parse import Reading, endpoint_of, is_nobody, is_reachable, whole_number
from router.adapters.ami.wire import Block
from router.domain.ids import AgentId, CampaignName, ContactId, LegId, OfferId
from router.domain.messages.observations import LegSnapshot

_UNSET = ("", "(null)")
_RINGING, _UP = ("4", "5"), "6"


def leg_snapshots(items: Iterable[Block], reading: Reading) -> tuple[LegSnapshot, ...]:
    """The legs of a `Status` reply; what lacks a Uniqueid or belongs to a masquerade is left out."""
    return tuple(leg for item in items if (leg := leg_snapshot(item, reading)) is not None)


def leg_snapshot(item: Block, reading: Reading) -> LegSnapshot | None:
    channel, uniqueid = item.get("channel"), item.get("uniqueid")
    if item.event != "Status" or not uniqueid or is_nobody(channel):
        return None
    ours = {name: value for name, value in item.variables("variable").items() if value not in _UNSET}
    ours = {**ring_card.read(ours.get(ring_card.VARIABLE, "")), **ours}
    offer_id, ani = ours.get("ACD_OFFER"), reading.caller_number(ours.get("ACD_ANI", ""), ours.get("ACD_PAI", ""))
    contact_id = ours.get("ACD_CONTACT")
    return LegSnapshot(
        leg=LegId(uniqueid),
        channel=channel,
        endpoint=endpoint_of(channel),
        linkedid=item.get("linkedid"),
        up=item.get("channelstate") == _UP,
        rings=item.get("channelstate") in _RINGING,
        bridge=item.get("bridgeid"),
        contact_id=None if contact_id is None else ContactId(contact_id),
        offer_id=OfferId(offer_id) if offer_id is not None and offer_id == uniqueid else None,
        agent_id=AgentId(ours["ACD_AGENT"]) if "ACD_AGENT" in ours else None,
        campaign=CampaignName(ours["ACD_CAMPAIGN"]) if "ACD_CAMPAIGN" in ours else None,
        state=ours.get("ACD_STATE"),
        dnis=reading.dialled_number(ours["ACD_DNIS"]) if "ACD_DNIS" in ours else "",
        ani=ani,
        data=reading.data(ours.get("ACD_DATA", ""), ani),
        arrived_at=whole_number(ours.get("ACD_ARRIVED", "")),
        talk_at=whole_number(ours.get("ACD_TALK_AT", "")),
        after_at=whole_number(ours.get("ACD_AFTER_AT", "")),
    )


def phones(items: Iterable[Block]) -> dict[str, bool]:
    """endpoint → reachable, from a `DeviceStateList` reply."""
    found: dict[str, bool] = {}
    for item in items:
        device = item.get("device")
        if device.startswith("PJSIP/"):
            found[device[6:]] = is_reachable(item.get("state"))
    return found
