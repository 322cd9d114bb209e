"""How long a caller may expect to wait."""

from router.domain.contact import Contact
from router.domain.floor import Floor
from router.domain.ids import Micros


def expected_wait(floor: Floor, contact: Contact, now: Micros) -> Micros | None:
    """From now on until an agent is rung for this contact; None: unknown."""
    return None
