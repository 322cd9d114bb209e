"""What can go wrong between us and the machine's PBX, in a sentence a telephony admin can act on."""

from router.domain.errors import RouterError


class PbxError(RouterError):
    """A PBX, its root or one of its programs cannot do what was asked; the message says how to mend it."""
