"""SIP passwords and their digests."""

from __future__ import annotations

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.passwords import make_password, password_digest


def test_the_digest_is_the_one_of_asterisks_own_documentation() -> None:
    # core-en_US.xml of Asterisk 22, res_pjsip, auth, option password_digest
    assert password_digest("myname", "myrealm", "mypassword") == "MD5:dce9ccd0a69e3ef90d8b9bf725053e78"


def test_a1_of_rfc_7616_is_hashed_with_sha_256() -> None:
    # RFC 7616, section 3.9.1: Mufasa, http-auth@example.org, "Circle of Life"
    assert (
        password_digest("Mufasa", "http-auth@example.org", "Circle of Life", "SHA-256")
        == "SHA-256:7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
    )


def test_passwords_are_long_differ_and_can_be_read_aloud() -> None:
    passwords = {make_password() for _ in range(500)}

    assert len(passwords) == 500
    assert all(len(password) == 20 for password in passwords)
    assert not set("".join(passwords)) & set("l1o0iIO:;, ")


@pytest.mark.parametrize(
    ("user", "realm", "password", "algorithm"),
    [
        ("a:b", "ringfair", "x", "MD5"),
        ("a", "ring:fair", "x", "MD5"),
        ("a", "ringfair", "", "MD5"),
        ("a", "ringfair", "x", "md5"),
    ],
)
def test_what_would_make_a_wrong_digest_is_refused(user: str, realm: str, password: str, algorithm: str) -> None:
    with pytest.raises(PbxError):
        password_digest(user, realm, password, algorithm)
