"""Public holidays by region, from the library `holidays`: the only file that knows it.

A region is a country, or a country and one of its parts: "DE", "DE-BE" (ISO 3166, as the library spells them). Days
that only banks, schools or one church keep do not count. What a parliament decides next year comes with a newer
library; until then an exception in the campaign's file says it.
"""

import difflib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

EXAMPLE = '"DE" or "DE-BE"'
LANGUAGE = "en_US"
"Of the names, since the commands speak English; a country that has no English ones uses its own."


def known_region(region: str) -> str:
    """The region as it is; `ValueError` with the nearest ones if the library does not know it."""
    country, dash, part = region.partition("-")
    parts = _regions().get(country)
    if parts is None:
        raise ValueError(f"a country with public holidays, e.g. {EXAMPLE}{_meant(country, _countries())}")
    if dash and part not in parts:
        near = _meant(part, {name: f"{country}-{code}" for name, code in _parts(country).items()})
        known = f"one of {', '.join(f'{country}-{code}' for code in parts)}" if parts else f'"{country}" alone'
        raise ValueError(f"a region of {country} with public holidays{near or ': ' + known}")
    return region


@lru_cache(maxsize=4096)
def public_holidays(region: str, year: int) -> Mapping[date, str]:
    """Day → name. The region must be a known one."""
    import holidays  # type: ignore[import-not-found, unused-ignore]

    country, _, part = region.partition("-")
    found = holidays.country_holidays(country, subdiv=part or None, years=year, expand=False, language=LANGUAGE)
    return MappingProxyType({day: str(name) for day, name in sorted(found.items())})


@lru_cache(maxsize=1)
def _regions() -> Mapping[str, tuple[str, ...]]:
    """Country → its parts. Read when a file first names a region: the library costs 80 ms and few commands need it."""
    import holidays  # type: ignore[import-not-found, unused-ignore]

    return {
        country: tuple(parts) for country, parts in holidays.list_supported_countries(include_aliases=False).items()
    }


def _countries() -> dict[str, str]:
    """Everything somebody may call a country → its code."""
    from holidays.registry import COUNTRIES  # type: ignore[import-not-found, unused-ignore]

    names = {code: code for code in _regions()}
    for module, (_, code, *others) in COUNTRIES.items():
        names |= {name: code for name in (module.replace("_", " "), *others) if code in names}
    return names


def _parts(country: str) -> dict[str, str]:
    """Everything somebody may call a part of the country → its code."""
    import holidays  # type: ignore[import-not-found, unused-ignore]

    aliases = holidays.country_holidays(country).subdivisions_aliases
    return {code: code for code in _regions()[country]} | aliases


def _meant(wrong: str, names: Mapping[str, str]) -> str:
    folded = {name.casefold(): code for name, code in names.items()}
    wrong = wrong.casefold()[:80]
    near = [wrong] if wrong in folded else difflib.get_close_matches(wrong, folded, n=3)
    codes = dict.fromkeys(folded[name] for name in near)
    return "; did you mean " + " or ".join(f'"{code}"' for code in codes) + "?" if codes else ""
