"""Emergency callers: who is one, and the alarm while nobody takes them.

Rule 1: whoever came by a number of an emergency campaign is one, however we learned of it: they arrived, Asterisk told
of them, an agent sent them to such a number, the files were read again, a router before us wrote them down.
Rule 2: who is one stays one wherever they go, and whatever the files say later: nobody loses their place by a reload.
Rule 3: while they wait an alarm is told after `alarm_us`, and again after as long. The place of who is to be called
back raises none: nobody is on the phone.
"""

from router.domain.contacts.contact import Contact
from router.domain.floor import Floor
from router.domain.ids import CampaignName, ContactId, Micros
from router.domain.messages.events import EmergencyWaits
from router.domain.rulebook.rules import CampaignRules


def heed(floor: Floor, contact: Contact, name: CampaignName, now: Micros) -> None:
    """They came by a number of this campaign. Before they stand in line: it changes their place there."""
    campaign = floor.rules.campaigns.get(name)
    if campaign is None or not campaign.emergency or contact.urgent:
        return
    contact.urgent = True
    floor.stir(contact)
    if contact.is_waiting:
        watch(floor, contact, now)


def watch(floor: Floor, contact: Contact, now: Micros) -> None:
    """They wait from now on: rule 3, if they are an emergency. Whatever queue they go to, the time goes on."""
    if not contact.urgent or contact.place or ("alarm", contact.contact_id) in floor.timers:
        return
    campaign = _whose(floor, contact)
    if campaign is not None:
        floor.timers.set(("alarm", contact.contact_id), now + campaign.alarm_us)


def alarm_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """Nobody has taken an emergency caller yet."""
    contact = floor.contacts[key]
    campaign = _whose(floor, contact)
    if campaign is None or not contact.is_waiting:
        return
    waited_us = now - contact.arrived_at
    floor.emit(EmergencyWaits(contact_id=key, campaign=campaign.name, queue=contact.queue, waited_us=waited_us))
    watch(floor, contact, now)


def _whose(floor: Floor, contact: Contact) -> CampaignRules | None:
    """Whose emergency it is: of the number they dialled, or of the one they were sent to."""
    campaigns = floor.rules.campaigns
    dialled, sent_to = campaigns.get(contact.campaign), campaigns.get(CampaignName(contact.queue.partition("/")[0]))
    return sent_to if sent_to is not None and sent_to.emergency and not (dialled and dialled.emergency) else dialled
