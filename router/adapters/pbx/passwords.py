"""SIP passwords: made by us, shown once, kept only as the digest Asterisk compares.

Digest access authentication (RFC 7616, for SIP RFC 8760) needs ``H(user:realm:password)`` and never the password, so
that is all the directory and Asterisk store. It is as good as the password for logging in to *this realm*, so it lives
only in the database and in files of mode 0640.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from router.adapters.pbx.errors import PbxError

# No l, 1, o, 0, i: people read it from a screen and type it into a phone. 20 of 31 letters are 99 bits.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH: Final = 20

# As Asterisk spells them in `password_digest`; values are Python's names. SHA-512-256 is left out: OpenSSL's build
# decides whether Python has it, and no softphone we know asks for it.
ALGORITHMS: Final = {"MD5": "md5", "SHA-256": "sha256"}


def make_password() -> str:
    """A new password of 20 lower-case letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def password_digest(user: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """``ALGORITHM:hex`` of ``user:realm:password``, as ``password_digest`` of Asterisk's pjsip.conf takes it.

    MD5 is the default because it is the one every softphone speaks; the password's 99 bits make up for it.
    """
    if algorithm not in ALGORITHMS:
        raise PbxError("bad-algorithm", f"{algorithm!r}: one of {', '.join(ALGORITHMS)}")
    if ":" in user or ":" in realm:
        raise PbxError("bad-user", "a colon in the user name or realm would make the digest ambiguous")
    if not password:
        raise PbxError("bad-password", "an empty password")
    clear = f"{user}:{realm}:{password}".encode()
    return f"{algorithm}:{hashlib.new(ALGORITHMS[algorithm], clear, usedforsecurity=False).hexdigest()}"
