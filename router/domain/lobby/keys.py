"""Keys of who waits: what each does where they wait.

Rule 1: who is being rung for is not torn away. The last key they pressed meanwhile counts the moment the ring has ended
in vain (meanwhile.py); an agent who takes them has heard what they wanted more than any key says.
"""

from router.domain.calls import calling
from router.domain.contacts.contact import Contact
from router.domain.floor import Floor
from router.domain.ids import Micros
from router.domain.lobby import exits
from router.domain.lobby.reception import overflow


def press(floor: Floor, contact: Contact, key: str, now: Micros) -> bool:
    """For somebody who waits and is not being rung for. False: the key does nothing there."""
    queue = floor.queues.get(contact.queue)
    if queue is None:
        return False
    callback = queue.rules.callback
    if callback is not None and key == callback.key:
        contact.pressed = key
        calling.key_pressed(floor, contact, now)
    elif exits.leave_by_key(floor, contact, queue, key, now):
        pass
    elif key in queue.rules.exit_keys:
        contact.pressed = key
        overflow(floor, contact, now, "key")
    else:
        return False
    return True
