"""One line of a queue log, as Asterisk writes it: `epoch|callid|queue|agent|EVENT|data1|data2|…`.

Rule 1: whoever called or named things, a field stays one field and a line one line: a bar and whatever cannot be
  printed (line ends, control and bidirectional characters, half a surrogate) becomes `_`, and a field ends after
  `LONGEST` characters.
Rule 2: instants are whole seconds, rounded down, and a duration is the difference of two such: readers add the hold
  time to the instant of ENTERQUEUE and mean to meet CONNECT.
Rule 3: an event without data ends in a bar all the same, as Asterisk's do.
"""

from router.domain.ids import SECOND, Micros

NOBODY = "NONE"
"Stands for the agent, the queue or the call where there is none."
LONGEST = 120
"Characters of one field."


def line_of(now: Micros, call: str, queue: str, agent: str, event: str, *data: object) -> str:
    """One line without its end."""
    fields = (call or NOBODY, queue or NOBODY, agent or NOBODY, event, *(data or ("",)))
    return f"{now // SECOND}|" + "|".join([clean(str(field)) for field in fields])


def clean(field: str) -> str:
    """Rule 1."""
    if len(field) > LONGEST:
        field = field[:LONGEST]
    if field.isprintable() and "|" not in field:
        return field
    return "".join(["_" if letter == "|" or not letter.isprintable() else letter for letter in field])


def seconds(from_at: Micros, to_at: Micros) -> int:
    """Rule 2."""
    return max(0, to_at // SECOND - from_at // SECOND)
