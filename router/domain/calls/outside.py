"""Ways out that end at no agent of ours: a number outside, or a message that the caller leaves.

A caller who is sent there is LEAVING, and what time they spend there is an announcement in their record: they are not
waiting for us any more, and whoever talks to them is none of ours. Asterisk does the dialling and the recording
(62-external.conf, 64-voicemail.conf), each with a limit of its own, and holds the caller's lock meanwhile, so that no
late agent's leg has the caller too.

Rule 1: only a number that stands in a campaign's file is ever dialled, by the one trunk that is meant for it.
Rule 2: who is not taken there comes back to the music, and it is told (`CallerNotTaken`): they go on to the next
target, or, when it was a key of theirs that took them out of the line, back to their place in it (exits.py).
"""

from router.domain.contacts.contact import Contact
from router.domain.floor import Floor
from router.domain.ids import SECOND
from router.domain.messages.effects import SendCaller
from router.domain.rulebook.rules import OverflowTarget, ToNumber, ToQueue, ToVoicemail

VOICEMAIL, DIAL, CALLBACK = "voicemail", "dial:", "callback"
BETWEEN = "~"
"Between number, seconds and trunk, in the extension that is dialled; in none of them."


def told(target: OverflowTarget) -> str:
    """What the target is called in events, and as campaign files write it."""
    match target:
        case ToQueue():
            return target.queue
        case ToNumber():
            return DIAL + target.number
        case ToVoicemail():
            return VOICEMAIL
    return "closing"


def can_go(floor: Floor, target: OverflowTarget) -> bool:
    """Whether there is a way there now."""
    return not isinstance(target, ToNumber) or floor.rules.outside is not None


def send_out(floor: Floor, contact: Contact, where: str, why: str) -> None:
    """Order Asterisk to take the caller there.

    `dial:<number>`, `voicemail`, `callback` (they hear that we call them, and go), or the closing message: empty.
    """
    contact.sent_to, contact.sent_why = where, why
    floor.stir(contact)
    outside = floor.rules.outside
    if where == VOICEMAIL:
        send(floor, contact, "acd-voicemail")
    elif where == CALLBACK:
        send(floor, contact, "acd-callback", "promised")
    elif where.startswith(DIAL) and outside is not None:
        ring_s = max(1, outside.ring_us // SECOND)
        exten = BETWEEN.join((where.removeprefix(DIAL), str(ring_s), outside.trunk))
        send(floor, contact, "acd-external", exten)
    else:
        contact.sent_to = ""
        send(floor, contact, "acd-closing")


def send(floor: Floor, contact: Contact, context: str, exten: str = "s") -> None:
    floor.effects.append(
        SendCaller(contact_id=contact.contact_id, leg=contact.leg, node=contact.node, context=context, exten=exten)
    )
