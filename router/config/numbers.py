"""Telephone numbers as carriers write them → E.164 where they can be.

A caller's number reaches us as a SIP user part, a `tel:` or `sip:` URI, a whole P-Asserted-Identity or Diversion
header, national (`030 23125000`), with an international prefix (`0049…`), with or without the plus sign, or as a
word that says there is none. Whatever comes, nothing here raises and nothing grows: it is bytes from outside.

Sources: ITU-T E.164 (15 digits at most), RFC 3261 (SIP URI), RFC 3966 (tel URI), RFC 3323 and RFC 3325 (anonymity
and P-Asserted-Identity), RFC 5806 (Diversion). The numbering plans are those of the `phonenumbers` library.
"""

import re
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers

DEFAULT_COUNTRY = "DE"
MAX_HEADER = 1024
"Longer than this is no address; only this much of it is looked at."
MAX_TEXT = 64
"Characters kept of a caller who has no E.164 number."

_WITHHELD = frozenset({"anonymous", "restricted", "private", "withheld"})
_NOTHING = _WITHHELD | {"unavailable", "unknown", "none", "-", ""}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_URI = re.compile(r"\s*(?:sips?|tel):", re.IGNORECASE)
_DIALLED = re.compile(r"\+?[0-9 ().\-/]+")
_SEPARATORS = str.maketrans("", "", " ().-/")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_LONGEST_CALLING_CODE = 3
_NO_COUNTRY = "001"


def e164(raw: str, country: str = DEFAULT_COUNTRY) -> str | None:
    """The number in E.164 with the plus sign, or None when it is not one for certain.

    `country` (ISO 3166-1 alpha-2) is whose numbering plan a national number is read by. Idempotent.
    """
    if _is_e164(raw):
        return raw
    text = _user_part(raw[:MAX_HEADER])
    # The cache sees only what looks like a number of sensible length, so strangers cannot fill it with rubbish.
    if len(text) > 40 or not _DIALLED.fullmatch(text):
        return None
    return _parsed(text.translate(_SEPARATORS), country)


def caller_number(raw: str, asserted: str = "", country: str = DEFAULT_COUNTRY) -> str:
    """Who called, for records and screens: E.164 where it can be, else what was sent, empty when withheld.

    `raw` is From (or Asterisk's caller ID), `asserted` the P-Asserted-Identity of a trunk we trust. An anonymous
    From wins over the identity behind it: the caller asked that it be shown to nobody (RFC 3323). Otherwise the
    network's assertion wins over what the caller's own exchange wrote, if it is a number at all.
    """
    if not asserted and _is_e164(raw):  # nearly every caller
        return raw
    if is_withheld(raw):
        return ""
    return e164(asserted, country) or e164(raw, country) or _readable(raw)


def diverting_number(raw: str, country: str = DEFAULT_COUNTRY) -> str:
    """Who sent the call on to us (Diversion, first entry): as `caller_number`, empty when there is none."""
    return caller_number(raw, country=country)


def country_of(number: str) -> str:
    """The country (ISO 3166-1 alpha-2) an E.164 number belongs to; empty when it is none, or of no one country."""
    if not _E164.fullmatch(number):
        return ""
    for end in range(2, 2 + _LONGEST_CALLING_CODE):
        regions = _regions(number[1:end])
        if len(regions) == 1:
            return "" if regions[0] == _NO_COUNTRY else regions[0]
        if regions:  # +1, +7, +44 and some more: the digits behind it tell, at the price of reading them
            return _region(number)
    return ""


@lru_cache(maxsize=2048)
def _regions(calling_code: str) -> tuple[str, ...]:
    return tuple(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code), ()))


def _region(number: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


def is_withheld(raw: str) -> bool:
    """Whether the caller asked that the number be kept from us (`unknown` and nothing at all are no such wish)."""
    return _user_part(raw[:MAX_HEADER]).lower() in _WITHHELD


def dialled_forms(number: str, country: str = DEFAULT_COUNTRY) -> tuple[str, ...]:
    """Every string of digits under which a carrier may hand us an E.164 number of ours, E.164 itself first.

    `+493023125000` → `493023125000`, `00493023125000`, `03023125000`. The form without any prefix
    (`3023125000`) is left out: it is another country's number.
    """
    digits = number.removeprefix("+")
    forms = [digits, "00" + digits]
    plan = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if plan is not None and plan.national_prefix and digits.startswith(str(plan.country_code)):
        forms.append(plan.national_prefix + digits.removeprefix(str(plan.country_code)))
    return tuple(forms)


def _is_e164(raw: str) -> bool:
    """Whether this is E.164 already, in every digit, so that parsing would give it back: 2 µs instead of 60.

    No callers' number comes twice, so a cache of numbers is of no use; there are some 230 numbering plans.
    """
    if not _E164.fullmatch(raw):
        return False
    for end in range(2, 2 + _LONGEST_CALLING_CODE):
        plan = _plan(raw[1:end])
        if plan is not None:
            lengths, trunk_prefix = plan
            national = raw[end:]
            # a zero or a trunk prefix behind the calling code, as in +49(0)30, is for the library to judge
            return (
                len(national) in lengths
                and national[0] != "0"
                and (trunk_prefix is None or trunk_prefix.match(national) is None)
            )
    return False


@lru_cache(maxsize=2048)
def _plan(calling_code: str) -> tuple[frozenset[int], re.Pattern[str] | None] | None:
    """How long a national number may be there, and what may stand before it; None: nobody has that code."""
    region = phonenumbers.region_code_for_country_code(int(calling_code))
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), region)
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return frozenset(metadata.general_desc.possible_length), re.compile(prefix) if prefix else None


@lru_cache(maxsize=8192)
def _parsed(text: str, country: str) -> str | None:
    first = _canonical(text, country)
    # Parsing may strip a stray trunk zero; what it makes of its own result must be the same, or it is no number.
    return first if first is not None and _canonical(first, country) == first else None


def _canonical(text: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    # With a prefix (+, 00, 0) the writer said what it is, and new ranges may be missing in the tables. Without
    # one, `4000` may as well be an extension: only a number that certainly exists is taken for one.
    said = text.startswith(("+", "0"))
    if not (phonenumbers.is_possible_number(number) if said else phonenumbers.is_valid_number(number)):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if _E164.fullmatch(written) else None


def _user_part(text: str) -> str:
    """`"Name" <sip:+4930…;npdi@host;user=phone>;reason=…` → `+4930…`; plain text stays as it is."""
    # A display name may contain anything, brackets too, so it goes first.
    bare = _QUOTED.sub("", text)
    if (start := bare.find("<")) >= 0:
        bare = bare[start + 1 :].partition(">")[0]
    if (scheme := _URI.match(bare)) is not None:
        bare = bare[scheme.end() :].partition("@")[0].partition(";")[0].partition("?")[0]
        bare = unquote(bare, errors="replace")
    else:
        bare = bare.partition("@")[0]
    return bare.strip()


def _readable(raw: str) -> str:
    """What was sent, fit for a record: printable, bounded, empty when it is a word for "none"."""
    text = "".join(c for c in _user_part(raw[:MAX_HEADER]) if c.isprintable())[:MAX_TEXT].strip()
    return "" if text.lower() in _NOTHING else text
