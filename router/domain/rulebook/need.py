"""What a queue asks of an agent: an expression over the skills the agent holds.

    need   = term { "or" term }
    term   = factor { "and" factor }
    factor = "not" factor | "(" need ")" | held | told
    held   = ( skill | "$" name ) [ operator number ]
    told   = "$" name ( "=" | "!=" | "^=" ) text
    operator = ">=" | "<=" | "!=" | ">" | "<" | "="        number = 0 … 100        text = "…"

A bare skill asks that it is held with a proficiency above 0. Every comparison of a skill that is *not held*
is false, `< 50` and `!= 50` too: whoever does not have a skill has no level of it (so too in Wazo's manual,
"Skill Based Routing"). `not de >= 60` says "not at 60 or above", and is true of people without `de`.

`$name` is what is known of the contact (called.py): beside a number, or alone, the skill of that name (`$language >=
60` asks a caller with `language=de` for `de >= 60`); beside a text a condition (`^=`: begins with). `Need.bind` decides
all of them; a need that is not bound is that of a contact of whom nothing is known.

Text and nesting are bounded: it comes from a file, and files can be wrong. What becomes of it: sieve.py.
"""

import re
from dataclasses import dataclass, field

from router.domain.rulebook.census import Census
from router.domain.rulebook.sieve import PROFICIENCY_MAX as PROFICIENCY_MAX
from router.domain.rulebook.sieve import (
    Called,
    Every,
    Facts,
    Fixed,
    Held,
    Not,
    Some,
    Test,
    Told,
    Tree,
    among,
    bound,
    test_of,
)

MAX_TEXT = 1000
"Characters of an expression."
MAX_DEPTH = 32
"Nested brackets and `not`s."
MAX_TOLD = 64
"Characters of a text that data is compared with."

_SKILL = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_DATUM = re.compile(r"\$(?:caller\.(?:country|number|dnis|known)|[a-z][a-z0-9_]{0,31})")
_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_-]*)|(?P<number>[0-9]+)|(?P<sign>>=|<=|!=|\^=|[=<>]+|[()])"
    r'|(?P<datum>\$[A-Za-z0-9_.-]*)|(?P<text>"[^"]*"))'
)
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
    tree: Tree = field(compare=False, repr=False)
    data: "tuple[Datum, ...]" = field(default=(), compare=False, repr=False)
    "What it asks of the contact, in the order of the text."

    @classmethod
    def parse(cls, text: str) -> "Need":
        """Read an expression; blank text asks for nothing. Whatever it cannot read raises `NeedError`."""
        if len(text) > MAX_TEXT:
            raise NeedError(text, MAX_TEXT, f"a need may have {MAX_TEXT} characters at most")
        if not text.strip():
            return ANYONE
        parser = _Parser(text)
        tree = parser.whole()
        return cls(
            text=text.strip(),
            skills=frozenset(parser.skills),
            asked=tuple(parser.asked),
            matches=test_of(tree),
            tree=tree,
            data=tuple(parser.data),
        )

    def bind(self, facts: Facts) -> "Need":
        """The need of a contact of whom this is known."""
        if not self.data:
            return self
        text, end, parts = self.text, 0, list[str]()
        for datum in self.data:
            parts += text[end : datum.begins_at], datum.shown(facts)
            end = datum.ends_at
        tree = bound(self.tree, facts)
        named = {datum.name: facts.get(datum.name, "") for datum in self.data if datum.told is None}
        asked = tuple(dict.fromkeys(skill for name in self.asked if (skill := named.get(name, name))))
        skills = self.skills | {skill for skill in named.values() if skill}
        return Need(text="".join([*parts, text[end:]]), skills=skills, asked=asked, matches=test_of(tree), tree=tree)

    def among(self, census: Census) -> int:
        """Everybody who meets it, all at once."""
        return among(self.tree, census)


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """A place where the text speaks of the contact."""

    name: str
    "With its `$`."
    told: Told | None
    "The condition; None: it stands for a skill."
    wanted: bool = True
    "False: that the condition does not hold."
    begins_at: int
    ends_at: int

    def shown(self, facts: Facts) -> str:
        """What stands there for this contact. Nothing that was told from outside: only skills the floor knows."""
        if self.told is None:
            return facts.get(self.name, "") or self.name
        return "TRUE" if self.told.holds(facts) is self.wanted else "FALSE"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._margin = len(text) - len(text.lstrip())
        self._tokens = _tokenise(text)
        self._next = 0
        self._depth = 0
        self.skills: set[str] = set()
        self.asked: dict[str, None] = {}
        self.data: list[Datum] = []
        self._denied = False

    def whole(self) -> Tree:
        tree = self._either()
        if (token := self._peek()).kind != "end":
            raise self._fault(token, "expected 'and', 'or' or the end")
        return tree

    def _either(self) -> Tree:
        parts = [self._both()]
        while self._took("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _both(self) -> Tree:
        parts = [self._factor()]
        while self._took("and"):
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _factor(self) -> Tree:
        token = self._peek()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(token, f"nested deeper than {MAX_DEPTH}")
        if self._took("not"):
            self._denied = not self._denied
            tree: Tree = Not(self._factor())
            self._denied = not self._denied
        elif self._took("("):
            tree = self._either()
            if not self._took(")"):
                raise self._fault(self._peek(), f"expected ')' for the '(' at character {token.position + 1}")
        elif token.kind == "datum":
            tree = self._datum()
        else:
            tree = self._skill()
        self._depth -= 1
        return tree

    def _datum(self) -> Tree:
        token = self._peek()
        if not _DATUM.fullmatch(token.text):
            raise self._fault(
                token,
                "expected $caller.country, $caller.number, $caller.dnis, $caller.known, or $ and a name of the "
                "contact's data: small letters, digits and '_', a letter first, 32 at most",
            )
        self._next += 1
        sign, value = self._peek(), self._tokens[min(self._next + 1, len(self._tokens) - 1)]
        if sign.kind == "sign" and (value.kind == "text" or sign.text == "^="):
            return self._told(token, sign, value)
        if not self._denied and sign.text not in ("<", "<=", "!="):
            self.asked[token.text] = None
        ends_at = token.position + len(token.text) - self._margin
        self.data.append(Datum(name=token.text, told=None, begins_at=token.position - self._margin, ends_at=ends_at))
        return self._level(token, sign)

    def _told(self, token: _Token, sign: _Token, value: _Token) -> Tree:
        if sign.text not in ("=", "!=", "^="):
            raise self._fault(sign, "a text is compared with = or !=, or by ^= with its beginning")
        text = value.text[1:-1]
        if value.kind != "text" or len(text) > MAX_TOLD or not text.isprintable():
            raise self._fault(value, f"expected a text in quotes, {MAX_TOLD} characters at most, after {sign.text!r}")
        self._next += 2
        wanted = sign.text != "!="
        told = Told(token.text[1:], text, begins=sign.text == "^=")
        begins_at, ends_at = token.position - self._margin, value.position + len(value.text) - self._margin
        self.data.append(Datum(name=token.text, told=told, wanted=wanted, begins_at=begins_at, ends_at=ends_at))
        return told if wanted else Not(told)

    def _skill(self) -> Tree:
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
        return self._level(token, sign)

    def _level(self, token: _Token, sign: _Token) -> Tree:
        """The comparison behind a skill, or behind what stands for one."""
        if sign.kind != "sign" or sign.text in "()":
            return _held(token.text, 1, PROFICIENCY_MAX)
        if sign.text not in _OPERATORS:
            raise self._fault(sign, "expected one of >= <= != > < =")
        self._next += 1
        return self._comparison(token.text, sign)

    def _comparison(self, skill: str, sign: _Token) -> Tree:
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
                return Some((_held(skill, 0, level - 1), _held(skill, level + 1, PROFICIENCY_MAX)))
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


def _held(name: str, low: int, high: int) -> Tree:
    return Called(name, low, high) if name.startswith("$") else Held(name, low, high)


ANYONE = Need(text="", skills=frozenset(), asked=(), matches=test_of(Fixed(True)), tree=Fixed(True))
"The need of a queue that asks for no skill."
