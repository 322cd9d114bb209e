"""What befell those who wait while a caller could not be touched: rung for, out of sight, or not known to us yet.

Rule 1: who is being rung for is not torn away, and who is out of sight may talk by now: neither closing time nor the
last agent's leaving moves them. They are looked at the moment they stand in line again, as those were who stood there.
So is whoever a look at Asterisk puts there, for nobody asked them at the door.
Rule 2: what counts is how things are then: who comes back behind a door that is open again waits on.
Rule 3: the door goes before the longest wait, that before a key, and that before there being nobody: where they go
depends on it.
Rule 4: where no agent is known at all the roll has not been called yet, so nobody goes for that.
"""

from router.domain.contacts.contact import Contact, ContactState
from router.domain.floor import Floor
from router.domain.ids import Micros
from router.domain.lobby.doors import must_go
from router.domain.lobby.keys import press
from router.domain.lobby.reception import look_after, overflow
from router.domain.lobby.staffing import staffed


def look(floor: Floor, now: Micros) -> None:
    """At everybody who stands in line again since the last look, then at the lines that somebody left.

    Who goes on from there was asked at a door.
    """
    returned, floor.returned = floor.returned, {}
    for contact in returned:
        key, contact.keyed = contact.keyed, ""
        if contact.state is ContactState.QUEUED and not contact.parked and not contact.place:
            why = must_go(floor, contact, now)
            if not why and key and not contact.overdue and press(floor, contact, key, now):
                continue
            why = why or _nobody_there(floor, contact)
            if why:
                overflow(floor, contact, now, why)
    look_after(floor, now)


def _nobody_there(floor: Floor, contact: Contact) -> str:
    queue = contact.line
    if queue is None or contact.urgent or not floor.people or staffed(queue, queue.rules.stay_if):
        return ""
    return "nobody"
