"""Values → TOML 1.0 that `tomllib` reads back as the same values; the standard library reads TOML, but writes none.

1. Text is a basic string on one line. What does not print (a line end, an escape of a terminal, a mark that turns the
   direction of writing) is written by its number, so that a file looks like what it says.
2. A number without a fraction is written without one: 15, not 15.0. Python holds the two for equal.
3. What TOML cannot hold is a ValueError: half a surrogate pair, None, kinds of values it does not know.
"""

import json
import re
from collections.abc import Mapping, Sequence

WIDTH = 100
"A longer list has a line for each entry."
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def setting(name: str, value: object) -> list[str]:
    """The line `name = value`, or several when it is a long list."""
    line = f"{key(name)} = {written(value)}"
    if len(line) <= WIDTH or not isinstance(value, list | tuple) or not value:
        return [line]
    return [f"{key(name)} = [", *(f"    {written(entry)}," for entry in value), "]"]


def header(path: Sequence[str]) -> str:
    """`("queue", "orders")` → `[queue.orders]`."""
    return f"[{'.'.join(map(key, path))}]"


def key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def written(value: object) -> str:
    """A value on one line. Entries of a table that are None are left out: TOML has no word for nothing."""
    match value:
        case bool():
            return json.dumps(value)
        case str():
            return _text(value)
        case int():
            return str(int(value))
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case Mapping():
            pairs = [f"{key(str(name))} = {written(entry)}" for name, entry in value.items() if entry is not None]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
        case list() | tuple():
            return f"[{', '.join(map(written, value))}]"
    raise ValueError(f"a {type(value).__name__} cannot be written as TOML")


def _text(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError("text with half a surrogate pair, which is no character, cannot be written as TOML")
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
