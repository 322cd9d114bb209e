"""What a queue asks of an agent: an expression over the skills the agent holds.

    need   = term { "or" term }
    term   = factor { "and" factor }
    factor = "not" factor | "(" need ")" | skill [ operator number ]
    operator = ">=" | "<=" | "!=" | ">" | "<" | "="        number = 0 … 100

A bare skill asks that it is held with a proficiency above 0. Every comparison of a skill that is *not held*
is false, `< 50` and `!= 50` too: whoever does not have a skill has no level of it (so too in Wazo's manual,
"Skill Based Routing"). `not de >= 60` says "not at 60 or above", and is true of people without `de`.

Every comparison comes down to "held, and between low and high", so a parsed need is a handful of closures
over one dictionary look-up each. Text and nesting are bounded: it comes from a file, and files can be wrong.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_TEXT = 1000
"Characters of an expression."
MAX_DEPTH = 32
"Nested brackets and `not`s."
PROFICIENCY_MAX = 100

Test = Callable[[Mapping[str, int]], bool]

_SKILL = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_-]*)|(?P<number>[0-9]+)|(?P<sign>>=|<=|!=|[=<>]+|[()]))")
_KEYWORDS = frozenset({"and", "or", "not"})
_OPERATORS = frozenset({">=", "<=", "!=", ">", "<", "="})


class NeedError(ValueError):
    """The expression cannot be read. `position` counts from 0; `str()` points there with a caret."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        self.text = text
        self.position = position
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        # A window around the fault: a line of 1000 characters would put the caret out of sight.
        start = max(0, self.position - 60)
        shown = "".join(c if c.isprintable() else " " for c in self.text[start : self.position + 40])
        return f"{self.reason}\n  {shown}\n  {' ' * (self.position - start)}^"


def is_skill_name(name: str) -> bool:
    """Whether a need can ask for it: small ASCII letters, digits, `-`, `_`; a letter first; at most 64.

    Capitals are refused, not folded: `DE` in a file and `de` at an agent would silently never meet.
    """
    return _SKILL.fullmatch(name) is not None and name not in _KEYWORDS


@dataclass(frozen=True, slots=True)
class Need:
    """A parsed expression. Two needs are equal when their texts are; make one with `Need.parse`."""

    text: str
    skills: frozenset[str] = field(compare=False, repr=False)
    "Every skill the text names."
    asked: tuple[str, ...] = field(compare=False, repr=False)
    "Those an agent should have, in the order of the text: not behind a `not`, nor with an upper bound only."
    matches: Test = field(compare=False, repr=False)
    "`need.matches({'de': 80, 'router': 40})`: skill → proficiency 0-100."

    @classmethod
    def parse(cls, text: str) -> "Need":
        """Read an expression; blank text asks for nothing. Whatever it cannot read raises `NeedError`."""
        if len(text) > MAX_TEXT:
            raise NeedError(text, MAX_TEXT, f"a need may have {MAX_TEXT} characters at most")
        if not text.strip():
            return ANYONE
        parser = _Parser(text)
        test = parser.whole()
        return cls(text=text.strip(), skills=frozenset(parser.skills), asked=tuple(parser.asked), matches=test)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokenise(text)
        self._next = 0
        self._depth = 0
        self.skills: set[str] = set()
        self.asked: dict[str, None] = {}
        self._denied = False

    def whole(self) -> Test:
        test = self._either()
        if (token := self._peek()).kind != "end":
            raise self._fault(token, "expected 'and', 'or' or the end")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._took("or"):
            tests.append(self._both())
        return _any_of(tests)

    def _both(self) -> Test:
        tests = [self._factor()]
        while self._took("and"):
            tests.append(self._factor())
        return _all_of(tests)

    def _factor(self) -> Test:
        token = self._peek()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(token, f"nested deeper than {MAX_DEPTH}")
        if self._took("not"):
            self._denied = not self._denied
            test = _none_of(self._factor())
            self._denied = not self._denied
        elif self._took("("):
            test = self._either()
            if not self._took(")"):
                raise self._fault(self._peek(), f"expected ')' for the '(' at character {token.position + 1}")
        else:
            test = self._skill()
        self._depth -= 1
        return test

    def _skill(self) -> Test:
        token = self._peek()
        if token.kind != "word" or token.text in _KEYWORDS:
            raise self._fault(token, "expected a skill, 'not' or '('")
        if not is_skill_name(token.text):
            if token.text.lower() in _KEYWORDS:
                raise self._fault(token, f"write {token.text.lower()!r} in small letters")
            raise self._fault(token, "a skill has small letters, digits, '-' and '_', 64 at most")
        self._next += 1
        self.skills.add(token.text)
        sign = self._peek()
        if not self._denied and sign.text not in ("<", "<=", "!="):
            self.asked[token.text] = None
        if sign.kind != "sign" or sign.text in "()":
            return _held(token.text, 1, PROFICIENCY_MAX)
        if sign.text not in _OPERATORS:
            raise self._fault(sign, "expected one of >= <= != > < =")
        self._next += 1
        return self._comparison(token.text, sign)

    def _comparison(self, skill: str, sign: _Token) -> Test:
        token = self._peek()
        # The length is looked at first: int() of thousands of digits is slow, and refused by newer Pythons.
        if token.kind != "number" or len(token.text) > 3 or int(token.text) > PROFICIENCY_MAX:
            raise self._fault(token, f"expected a number from 0 to {PROFICIENCY_MAX} after {sign.text!r}")
        self._next += 1
        level = int(token.text)
        match sign.text:
            case ">=":
                low, high = level, PROFICIENCY_MAX
            case ">":
                low, high = level + 1, PROFICIENCY_MAX
            case "<=":
                low, high = 0, level
            case "<":
                low, high = 0, level - 1
            case "=":
                low, high = level, level
            case _:
                return _any_of([_held(skill, 0, level - 1), _held(skill, level + 1, PROFICIENCY_MAX)])
        if low > high:
            raise self._fault(sign, f"'{skill} {sign.text} {level}' can never be true")
        return _held(skill, low, high)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _took(self, text: str) -> bool:
        token = self._tokens[self._next]
        if token.text != text or token.kind == "end":
            return False
        self._next += 1
        return True

    def _fault(self, token: _Token, reason: str) -> NeedError:
        return NeedError(self._text, token.position, reason)


def _tokenise(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    end = len(text.rstrip())
    position = 0
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            at = end - len(text[position:end].lstrip())
            raise NeedError(text, at, f"{text[at]!r} has no meaning here")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    tokens.append(_Token("end", "", end))
    return tokens


def _held(skill: str, low: int, high: int) -> Test:
    # -1 stands for "not held" and lies outside every interval, so one look-up decides.
    if high == PROFICIENCY_MAX:
        return lambda skills: skills.get(skill, -1) >= low
    return lambda skills: low <= skills.get(skill, -1) <= high


def _none_of(test: Test) -> Test:
    return lambda skills: not test(skills)


# Pairs are written out: a loop over two closures costs as much as the closures.


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        one, two = tests
        return lambda skills: one(skills) and two(skills)
    if len(tests) == 3:
        first, second, third = tests
        return lambda skills: first(skills) and second(skills) and third(skills)
    every = tuple(tests)

    def all_of(skills: Mapping[str, int]) -> bool:
        for test in every:  # noqa: SIM110 — all() over a generator costs twice as much
            if not test(skills):
                return False
        return True

    return all_of


def _any_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        one, two = tests
        return lambda skills: one(skills) or two(skills)
    every = tuple(tests)

    def any_of(skills: Mapping[str, int]) -> bool:
        for test in every:  # noqa: SIM110 — any() over a generator costs twice as much
            if test(skills):
                return True
        return False

    return any_of


def _everybody(skills: Mapping[str, int]) -> bool:
    return True


ANYONE = Need(text="", skills=frozenset(), asked=(), matches=_everybody)
"The need of a queue that asks for no skill."
