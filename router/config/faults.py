"""Everything wrong with the files, gathered: an admin mends a configuration once, not fault by fault.

No value of an unknown key is ever shown, and nothing before an `@`: either may be a secret in the wrong place.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from router.domain.errors import ConfigError, Fault

MAX_SHOWN = 80
MISSING = "(missing)"
HIDDEN = "(not shown)"

SLUG = r"^[a-z0-9][a-z0-9-]{0,39}$"
LANGUAGE = r"^[a-z]{2}(_[A-Z]{2})?$"
SYSTEMNAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"
WORD = r"^[A-Za-z0-9_-]{1,40}$"
ENDPOINT = r"^[A-Za-z0-9_.-]{1,64}$"
PROMPT = r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,4})?$"
COUNTRY = r"^[A-Z]{2}$"
DIGIT = r"^[0-9]$"
KEYS = r"^[0-9*#]{0,12}$"
ONE_KEY = r"^[0-9*#]$"
HOST = r"^[A-Za-z0-9.:_-]+$"
E164 = r"^\+[1-9][0-9]{6,14}$"

SENTENCES = {
    SLUG: "small letters, digits and '-', 40 at most, no '-' first",
    LANGUAGE: 'a language as Asterisk names it, e.g. "de" or "en_GB"',
    SYSTEMNAME: "letters, digits, '-' and '_', 32 at most: `systemname` in Asterisk's asterisk.conf",
    ENDPOINT: "the name of a PJSIP endpoint: letters, digits, '-', '_' and '.', 64 at most",
    WORD: "letters, digits, '-' and '_', 40 at most",
    PROMPT: 'the name of a prompt without its ending, e.g. "acd/shop"',
    COUNTRY: 'two capitals (ISO 3166-1), e.g. "DE"',
    DIGIT: 'a digit, "0" to "9"',
    KEYS: 'keys of a telephone without spaces, e.g. "1" or "*#"; empty for none',
    ONE_KEY: 'a key of a telephone, e.g. "1" or "*"',
    HOST: "the name or address of a machine, without a port",
    E164: 'a number in E.164 with the plus sign, e.g. "+493023125000"',
}
"What each pattern means, in words."

_SECRET_LIKE = re.compile(r"secret|passw|pwd|token|credential", re.IGNORECASE)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TYPES = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
}


class Faults:
    """Collects; `settle()` raises all of them at once, in the order of files and keys they were found in."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, file: str, key: str, value: object, expected: str) -> None:
        self._found.append(Fault(file=file, key=key, value=shown(value), expected=expected))

    def extend(self, faults: Iterable[Fault]) -> None:
        self._found.extend(faults)

    def settle(self) -> None:
        if self._found:
            raise ConfigError(self._found)

    def add_validation(self, file: str, model: type[BaseModel], error: ValidationError) -> None:
        """Translate what pydantic found in one file."""
        for detail in error.errors(include_url=False):
            self._found.append(_translated(file, model, detail))


def shown(value: object) -> str:
    """A value as an admin wrote it, on one line, bounded, without what stands before an `@`."""
    if isinstance(value, str) and value in (MISSING, HIDDEN):
        return value
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, str):
        text = re.sub(r"^.*@", "***@", text, flags=re.DOTALL).partition("?")[0]
        text = json.dumps(text, ensure_ascii=False)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def key_path(location: Iterable[int | str]) -> str:
    """`("queue", "orders", "ring", 0, "need")` → `queue.orders.ring[0].need`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            name = part if _BARE_KEY.fullmatch(part) else json.dumps(part[:MAX_SHOWN])
            path += f".{name}" if path else name
    return path or "(file)"


def _translated(file: str, model: type[BaseModel], detail: ErrorDetails) -> Fault:
    location = detail["loc"]
    key = key_path(location)
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Fault(file=file, key=key, value=HIDDEN, expected=_unknown_key(model, location))
    if kind == "missing":
        return Fault(file=file, key=key, value=MISSING, expected="a value: this key has no default")
    return Fault(file=file, key=key, value=shown(detail["input"]), expected=_expected(detail))


def _expected(detail: ErrorDetails) -> str:
    kind = detail["type"]
    context: Mapping[str, object] = detail.get("ctx", {})
    match kind:
        case "string_pattern_mismatch":
            return SENTENCES.get(str(context["pattern"]), detail["msg"])
        case "literal_error":
            return f"one of {context['expected']}"
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case "string_too_long":
            return f"{context['max_length']} characters at most"
        case "string_too_short":
            return "some text, not an empty one"
        case "too_long":
            return f"{context['max_length']} entries at most"
        case "too_short":
            return f"{context['min_length']} entries at least"
        case "value_error":
            return str(context["error"])
    return _TYPES.get(kind, detail["msg"])


def _unknown_key(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    wrong = str(location[-1])
    names = _names_beside(model, location[:-1])
    if _SECRET_LIKE.search(wrong):
        files = [name for name in names if name.endswith("_file")]
        hint = f" ({', '.join(files)})" if files else ""
        return f"no secret in this file: name a file that holds it{hint}, or use the environment (RINGFAIR_…)"
    near = difflib.get_close_matches(wrong, names, n=1)
    if near:
        return f"a known key; did you mean {near[0]!r}?"
    return "a known key: " + ", ".join(names) if names else "no such key"


def _names_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys the table at `location` may have, found in the model's schema."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    here = schema
    for part in location:
        step = here.get("items") if isinstance(part, int) else here.get("properties", {}).get(part)
        here = step or here.get("additionalProperties") or {}
        if not isinstance(here, dict):
            return []
        for option in here.get("anyOf", []):
            here = option if "$ref" in option else here
        if "$ref" in here:
            here = definitions[here["$ref"].rpartition("/")[2]]
    return list(here.get("properties", {}))
