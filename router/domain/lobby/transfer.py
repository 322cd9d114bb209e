"""Callers an agent let go of, and who have not hung up: on to another number, back to us, or home.

Rule 1: a blind transfer leads to a dialled number of ours, else to the closing message. Never anywhere outside.
Rule 2: who went where no rule of ours sent them (an attended transfer) is fetched back at their old age.
Rule 3: no talk is without end: after the longest one both are let go.
"""

from router.domain.calls.departure import leave, release
from router.domain.calls.outside import send
from router.domain.calls.talk import expect_leg_end
from router.domain.contacts.contact import ContactState
from router.domain.floor import Floor
from router.domain.ids import ContactId, Micros
from router.domain.lobby.reception import enter_queue
from router.domain.messages.observations import CallerTransferred
from router.domain.record import EndedBy, SegmentKind
from router.domain.waiting.urgency import heed


def transferred(floor: Floor, seen: CallerTransferred, now: Micros) -> None:
    """The agent sent the caller on by blind transfer: to another dialled number of ours, else nowhere."""
    contact = floor.contacts.get(seen.contact_id)
    if contact is None or contact.state is not ContactState.CONNECTED:
        floor.ignore(seen, "not in a talk")
        return
    contact.transferred_to = seen.exten
    wanted = seen.exten.lstrip("+")
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    if agent is not None and agent.assignment is not None and agent.assignment.contact_id == contact.contact_id:
        expect_leg_end(floor, agent.assignment, now)
    for campaign in floor.rules.campaigns.values():
        if any(number.lstrip("+") == wanted for number in campaign.dnis):
            contact.begins(SegmentKind.WAITING, seen.at)
            heed(floor, contact, campaign.name, now)
            if not enter_queue(floor, contact, campaign.entry, now, now):
                return  # sent on already
            context = "acd-wait"
            break
    else:
        contact.begins(SegmentKind.ANNOUNCEMENT, seen.at)
        leave(floor, contact, None, now)
        context = "acd-closing"
    send(floor, contact, context)


def call_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """The longest talk has passed: both are let go, and the agent's leg must follow."""
    contact = floor.contacts.get(key)
    if contact is None or contact.state is not ContactState.CONNECTED:
        return
    contact.ended_by = EndedBy.SYSTEM
    agent = floor.agents.get(contact.agent_id) if contact.agent_id is not None else None
    if agent is not None and agent.assignment is not None and agent.assignment.contact_id == contact.contact_id:
        expect_leg_end(floor, agent.assignment, now)
    leave(floor, contact, None, now)
    release(floor, contact)


def return_deadline(floor: Floor, key: ContactId, now: Micros) -> None:
    """The agent is gone and the caller went where no rule of ours sent them (an attended transfer): fetch them back.

    They wait again at their old age; when the node is out of sight the resync will find them.
    """
    contact = floor.contacts.get(key)
    if contact is not None and contact.state is ContactState.CONNECTED and contact.node in floor.nodes:
        contact.begins(SegmentKind.WAITING, now)
        if enter_queue(floor, contact, contact.queue, now, now):
            send(floor, contact, "acd-wait")
