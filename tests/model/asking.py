"""What a need asks, read a second time: by Python's own grammar, and gone through word by word each time.

    de >= 60 and ($language or $vip = "yes")   is read as   de >= 60 and (_.language or _.vip == "yes")

`told` is what is known of a caller. Behind `_` a word that is compared with a text is meant as it was told; beside a
number, or alone, as the skill of that name. Who holds a skill not at all has no level of it: no comparison is true.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache

Telling = tuple[tuple[str, str], ...]
"What a queue's needs speak of, as it was told of a caller."
_LEVELS = {
    ast.GtE: lambda level, number: level >= number,
    ast.LtE: lambda level, number: level <= number,
    ast.Gt: lambda level, number: level > number,
    ast.Lt: lambda level, number: level < number,
    ast.Eq: lambda level, number: level == number,
    ast.NotEq: lambda level, number: level != number,
}


@cache
def _read(text: str) -> ast.expr:
    text = text.replace("$", "_.").replace("^=", " in ")
    return ast.parse(re.sub(r"(?<![<>!])=", "==", text) or "True", mode="eval").body


@cache
def words(text: str) -> tuple[tuple[str, bool], ...]:
    """What it speaks of, of a caller; True: as of a skill."""
    return tuple((name[2:], not is_text) for name, is_text, _ in _leaves(_read(text), False) if name.startswith("_."))


def meets(text: str, skills: Mapping[str, int], told: Mapping[str, str]) -> bool:
    """Whether who holds these may have a caller of whom this is known."""
    return _meets(_read(text), skills, told)


def _meets(node: ast.expr, skills: Mapping[str, int], told: Mapping[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_meets(part, skills, told) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_meets(part, skills, told) for part in parts)
        case ast.UnaryOp(operand=part):
            return not _meets(part, skills, told)
        case ast.Constant():
            return True
        case ast.Compare(left=left, ops=[sign], comparators=[ast.Constant(value=str(text))]):
            said = told.get(ast.unparse(left)[2:], "")
            return {ast.In: said.startswith(text), ast.Eq: said == text, ast.NotEq: said != text}[type(sign)]
        case ast.Compare(left=left, ops=[sign], comparators=[ast.Constant(value=int(number))]):
            level = skills.get(_skill(ast.unparse(left), told))
            return level is not None and bool(_LEVELS[type(sign)](level, number))
        case _:
            return skills.get(_skill(ast.unparse(node), told), 0) > 0


def _skill(name: str, told: Mapping[str, str]) -> str:
    return told.get(name[2:], "").lower() if name.startswith("_.") else name


def wanted(text: str, told: Mapping[str, str]) -> frozenset[str]:
    """The skills an agent should have as much of as can be: not behind a `not`, nor with an upper bound only."""
    leaves = _leaves(_read(text), False)
    return frozenset(_skill(name, told) for name, is_text, counts in leaves if counts and not is_text)


def _leaves(node: ast.expr, denied: bool) -> Iterator[tuple[str, bool, bool]]:
    """(name, whether it is compared with a text, whether more of it is better)"""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from _leaves(part, denied)
        case ast.UnaryOp(operand=part):
            yield from _leaves(part, not denied)
        case ast.Compare(left=left, ops=[sign], comparators=[ast.Constant(value=value)]):
            bounded = isinstance(sign, ast.Lt | ast.LtE | ast.NotEq)
            yield ast.unparse(left), isinstance(value, str), not denied and not bounded
        case ast.Constant():
            pass
        case _:
            yield ast.unparse(node), False, not denied
