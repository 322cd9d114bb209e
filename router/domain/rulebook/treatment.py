"""What callers hear while they wait, and when: of each queue a treatment, its own or none.

Rule 1: everything is due at instants counted from the moment the caller came to the queue, so nobody need remember what
was said: who takes the floor over goes on at the next instant, and what was missed meanwhile is not made up for.
Rule 2: what is told is what can be kept. A wait is rounded up, to steps that grow with it; above a limit it is "more
than"; below a minute it is that; who cannot be told anything is told nothing.
Rule 3: nothing here delays anybody: an agent who answers takes the caller out of the middle of a word.

Each sentence is one prompt, with its number in it: `acd/position-7`. Words put together one by one sound like a
machine, and their order is another in every language.
"""

from dataclasses import dataclass
from enum import StrEnum

from router.domain.ids import SECOND, Micros

MOST_POSITIONS = 50
"As far as places are told one by one: asterisk/prompts.toml has no more of them."
POSITION_LIMITS = (3, 5, 10, 15, 20, 30, MOST_POSITIONS)
"Places there is a sentence for that says: more than so many."
MINUTE: Micros = 60 * SECOND
WAIT_STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60)
"Minutes that are told; a wait between two of them is told as the longer."
WAIT_LIMITS = (5, 10, 15, 20, 30, 60)


class Position(StrEnum):
    """Whether a caller is told how many are before them."""

    NO = "no"
    YES = "yes"
    LIMIT = "limit"
    "Up to a limit; above it that they are more than that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    music: str = ""
    "Class of musiconhold.conf; empty: the campaign's."
    welcome: str = ""
    "Prompt for who comes to the queue, once."
    position: Position = Position.NO
    position_limit: int = 10
    wait: bool = False
    "Whether the expected wait is told, where it is known."
    wait_limit: int = 30
    "Minutes; above it the wait is told as more than that."
    keys: str = ""
    "Prompt that says which keys do what, behind position and wait."
    first_us: Micros = 15 * SECOND
    "So long after they came callers hear position, wait and keys for the first time."
    every_us: Micros = 45 * SECOND
    "And again after each so long."
    comfort: tuple[str, ...] = ()
    "Prompts, one after the other in turn."
    comfort_us: Micros = 30 * SECOND

    @property
    def informs(self) -> bool:
        return self.position is not Position.NO or self.wait or bool(self.keys)


NONE = Treatment()


def next_at(treatment: Treatment, since_at: Micros, now: Micros) -> Micros | None:
    """When something is due after `now` for who came at `since_at`; None: never."""
    found: list[Micros] = []
    if treatment.informs:
        found.append(_after(since_at + treatment.first_us, treatment.every_us, now))
    if treatment.comfort:
        found.append(_after(since_at + treatment.comfort_us, treatment.comfort_us, now))
    return min(found, default=None)


def is_time_to_inform(treatment: Treatment, since_at: Micros, after: Micros, now: Micros) -> bool:
    """Whether an instant for position, wait and keys lies between the two."""
    return treatment.informs and _after(since_at + treatment.first_us, treatment.every_us, after) <= now


def comfort_due(treatment: Treatment, since_at: Micros, after: Micros, now: Micros) -> str:
    """The comfort message whose turn came between the two, the latest of them; empty for none."""
    if not treatment.comfort or _after(since_at + treatment.comfort_us, treatment.comfort_us, after) > now:
        return ""
    turn = (now - since_at) // treatment.comfort_us - 1
    return treatment.comfort[turn % len(treatment.comfort)]


def _after(first_at: Micros, every_us: Micros, now: Micros) -> Micros:
    """The first of these instants that is not over."""
    return first_at if now < first_at else first_at + ((now - first_at) // every_us + 1) * every_us


def most_told(treatment: Treatment) -> int:
    """The last place that is told as such."""
    return treatment.position_limit if treatment.position is Position.LIMIT else MOST_POSITIONS


def position_prompt(treatment: Treatment, position: int) -> str:
    """`position` is 1 for who is next."""
    most = most_told(treatment)
    return f"acd/position-{position}" if position <= most else f"acd/position-more-{most}"


def wait_prompt(treatment: Treatment, expected_us: Micros) -> str:
    if expected_us < MINUTE:
        return "acd/wait-short"
    if expected_us > treatment.wait_limit * MINUTE:
        return f"acd/wait-more-{treatment.wait_limit}"
    return f"acd/wait-{next(step for step in WAIT_STEPS if expected_us <= step * MINUTE)}"
