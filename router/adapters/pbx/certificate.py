"""A self-signed certificate for agents' TLS where a site has none of its own yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.root import Root

_DAYS = 825  # what phones still accept of a certificate they were told to trust


def ensure_certificate(root: Root, folder: Path, *, names: Sequence[str], addresses: Sequence[str]) -> Path:
    """``folder/ringfair.crt`` and ``.key`` (mode 0600), made once; a site's own pair is left as it is.

    ``names`` and ``addresses`` become subject alternative names: phones look there and nowhere else (RFC 6125).
    """
    certificate, key = folder / "ringfair.crt", folder / "ringfair.key"
    if certificate.exists() and key.exists():
        return certificate
    folder.mkdir(parents=True, exist_ok=True)
    alternatives = ",".join([*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)])
    root.give_to_owner(folder)
    done = root.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", str(_DAYS), "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}"),
            *("-keyout", str(root.inside(key)), "-out", str(root.inside(certificate))),
        ],
        timeout_s=30,
        missing="It makes the certificate of agents' TLS.",
    )
    if done.returncode != 0:
        raise PbxError("no-certificate", f"openssl: {done.stderr.decode(errors='replace').strip()[-300:]}")
    key.chmod(0o600)
    return certificate
