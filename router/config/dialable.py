"""Which callers may be called back: numbers of some countries, of the kinds that cost what a call costs.

A caller is called at the number they showed, and anybody can show any number. So a number is called only where it is
certain that it is a line or a mobile phone of a country that was named: to a premium rate, a shared cost, a satellite
or a personal number a call is a gift to whoever owns it, and the fraud is as old as call-backs are (toll fraud).

The numbering plans are those of the `phonenumbers` library; here they become one regular expression, so that the
engine, which knows no library, can tell.
"""

from collections.abc import Iterable

from phonenumbers import SUPPORTED_REGIONS, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

from router.config.numbers import country_of

_CALLED = ("fixed_line", "mobile", "voip")
_NEVER = ("premium_rate", "shared_cost", "toll_free", "personal_number", "pager", "uan", "voicemail")
"In some plans they lie among the others."


def is_country(name: str) -> bool:
    """Whether anybody knows its numbering plan."""
    return name in SUPPORTED_REGIONS


def own_country(dnis: Iterable[str], country: str) -> str:
    """Of a campaign: that of its first dialled number; `country` when it has none."""
    return country_of(next(iter(dnis), "")) or country


def dialable(countries: Iterable[str]) -> str:
    """The regular expression of their numbers, whole and in E.164. Every country is one that `is_country`."""
    plans = [_plan(country) for country in dict.fromkeys(countries)]
    return rf"\+(?:{'|'.join(plans)})"


def _plan(country: str) -> str:
    known = PhoneMetadata.metadata_for_region(country)
    if known is None:
        raise ValueError(f"{country} has no numbering plan")
    called, never = (_patterns(getattr(known, kind) for kind in kinds) for kinds in (_CALLED, _NEVER))
    return rf"{known.country_code}(?!(?:{never})$)(?:{called})"


def _patterns(kinds: Iterable[PhoneNumberDesc | None]) -> str:
    """Any of them; what matches nothing where there is none."""
    found = [kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern]
    return "|".join(found) or r"(?!)"
