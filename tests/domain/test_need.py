"""What a queue asks of an agent: reading the expression, and who meets it."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.rulebook.need import ANYONE, MAX_DEPTH, MAX_TEXT, Need, NeedError, is_skill_name

SKILLS = ("de", "en", "router", "first-level", "x_1")


def meets(text: str, **skills: int) -> bool:
    return Need.parse(text).matches({name.replace("_", "-"): level for name, level in skills.items()})


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_an_empty_need_is_met_by_anyone(text: str) -> None:
    assert Need.parse(text) is ANYONE
    assert ANYONE.matches({})


def test_a_bare_skill_must_be_held_above_zero() -> None:
    assert meets("de", de=1)
    assert not meets("de", de=0)
    assert not meets("de", en=100)


@pytest.mark.parametrize("comparison", [">= 0", "> 0", "<= 100", "< 50", "= 0", "!= 50"])
def test_no_comparison_is_true_of_a_skill_that_is_not_held(comparison: str) -> None:
    assert not meets(f"de {comparison}", en=100)


def test_a_skill_held_at_zero_is_held() -> None:
    assert meets("de >= 0", de=0)
    assert meets("de < 50", de=0)
    assert meets("de != 50", de=0)
    assert meets("de = 0", de=0)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("de >= 60", {60, 61, 100}),
        ("de > 60", {61, 100}),
        ("de <= 60", {0, 59, 60}),
        ("de < 60", {0, 59}),
        ("de = 60", {60}),
        ("de != 60", {0, 59, 61, 100}),
    ],
)
def test_comparisons_hold_at_their_edges(text: str, levels: set[int]) -> None:
    assert {level for level in (0, 59, 60, 61, 100) if meets(text, de=level)} == levels


def test_not_of_a_comparison_is_true_of_those_without_the_skill() -> None:
    assert meets("not de >= 60")
    assert meets("not de >= 60", de=59)
    assert not meets("not de >= 60", de=60)


def test_and_binds_closer_than_or_and_not_closer_than_both() -> None:
    assert meets("de or en and router", de=1)
    assert not meets("(de or en) and router", de=1)
    assert meets("not de and en", en=1)
    assert not meets("not (de or en)", en=1)
    assert meets("not not de", de=1)


def test_the_need_of_the_manual_is_read_as_it_is_written() -> None:
    need = Need.parse("de >= 60 and (router or modem) and not trainee")
    assert need.skills == {"de", "router", "modem", "trainee"}
    assert need.matches({"de": 60, "modem": 1})
    assert not need.matches({"de": 60})
    assert not need.matches({"de": 59, "modem": 1})
    assert not need.matches({"de": 60, "modem": 1, "trainee": 10})


def test_blanks_and_new_lines_mean_nothing() -> None:
    assert meets(" de>=60\n  and(en) ", de=60, en=1)


def test_a_need_is_a_value() -> None:
    assert Need.parse(" de ") == Need.parse("de")
    assert len({Need.parse("de"), Need.parse("de"), Need.parse("en")}) == 2
    with pytest.raises(FrozenInstanceError):
        Need.parse("de").text = "en"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("de >=", 5, "a number from 0 to 100"),
        ("de >= 101", 6, "a number from 0 to 100"),
        ("de >= " + "9" * 900, 6, "a number from 0 to 100"),
        ("de >= en", 6, "a number from 0 to 100"),
        ("de >= -1", 6, "has no meaning"),
        ("de == 5", 3, "one of >= <="),
        ("(de", 3, "expected ')' for the '(' at character 1"),
        ("de)", 2, "expected 'and', 'or' or the end"),
        ("de en", 3, "expected 'and', 'or' or the end"),
        ("and", 0, "expected a skill"),
        ("de and", 6, "expected a skill"),
        ("()", 1, "expected a skill"),
        ("60 <= de", 0, "expected a skill"),
        ("de AND en", 3, "expected 'and'"),
        ("NOT de", 0, "write 'not' in small letters"),
        ("DE", 0, "small letters"),
        ("a" * 65, 0, "64 at most"),
        ("de & en", 3, "'&' has no meaning"),
        ("dé", 1, "has no meaning"),
        ("de >= ６０", 6, "has no meaning"),
        ("de\x00", 2, "has no meaning"),
        ("de > 100", 3, "can never be true"),
        ("de < 0", 3, "can never be true"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, position: int, says: str) -> None:
    with pytest.raises(NeedError) as caught:
        Need.parse(text)
    assert caught.value.position == position
    assert says in caught.value.reason
    assert all(line.isprintable() for line in str(caught.value).split("\n"))


def test_the_caret_stands_below_the_mistake_even_far_to_the_right() -> None:
    text = "de and " * 100 + "!"
    with pytest.raises(NeedError) as caught:
        Need.parse(text)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "!"
    assert len(shown) < 120


@pytest.mark.parametrize("text", ["(" * 900, "not " * 249, "(" * 400 + "de" + ")" * 400])
def test_deep_nesting_is_refused_and_not_followed(text: str) -> None:
    with pytest.raises(NeedError, match=f"nested deeper than {MAX_DEPTH}"):
        Need.parse(text)


def test_ordinary_nesting_is_followed() -> None:
    assert meets("(" * 31 + "de" + ")" * 31, de=1)


def test_a_longer_text_than_people_write_is_refused() -> None:
    with pytest.raises(NeedError, match="1000 characters"):
        Need.parse("d" * (MAX_TEXT + 1))


@pytest.mark.parametrize(("name", "good"), [("de", True), ("first-level", True), ("or", False), ("De", False)])
def test_names_of_skills_are_those_a_need_can_ask_for(name: str, good: bool) -> None:
    assert is_skill_name(name) is good


@given(st.text(max_size=60) | st.text(alphabet="de r>=<!()0169 not and", max_size=60))
def test_whatever_is_written_is_read_or_refused_with_a_place(text: str) -> None:
    fault = None
    try:
        need = Need.parse(text)
    except NeedError as error:
        fault = error
    if fault is None:
        assert need.matches({"de": 50}) in (True, False)
    else:
        assert 0 <= fault.position <= len(text)
        assert fault.reason


# A generated tree: ("skill", name) | ("compare", name, sign, level) | ("not", tree) | ("and" | "or", [trees]).
# Written out, it must mean what the tree means when it is evaluated literally.

COMPARE = {
    ">=": lambda held, level: held >= level,
    ">": lambda held, level: held > level,
    "<=": lambda held, level: held <= level,
    "<": lambda held, level: held < level,
    "=": lambda held, level: held == level,
    "!=": lambda held, level: held != level,
}
leaves = st.tuples(st.just("skill"), st.sampled_from(SKILLS)) | st.tuples(
    st.just("compare"), st.sampled_from(SKILLS), st.sampled_from(sorted(COMPARE)), st.integers(0, 100)
).filter(lambda leaf: leaf[2:] not in ((">", 100), ("<", 0)))
trees = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=5))
    ),
    max_leaves=12,
)


def written(tree: tuple) -> str:  # type: ignore[type-arg]
    match tree:
        case ("skill", name):
            return name
        case ("compare", name, sign, level):
            return f"{name} {sign}{level}"
        case ("not", inner):
            return f"not ({written(inner)})"
        case (word, inner):
            return f" {word} ".join(f"({written(part)})" for part in inner)
    raise ValueError(tree)


def true_of(tree: tuple, skills: Mapping[str, int]) -> bool:  # type: ignore[type-arg]
    match tree:
        case ("skill", name):
            return name in skills and skills[name] > 0
        case ("compare", name, sign, level):
            return name in skills and COMPARE[sign](skills[name], level)
        case ("not", inner):
            return not true_of(inner, skills)
        case ("and", inner):
            return all(true_of(part, skills) for part in inner)
        case ("or", inner):
            return any(true_of(part, skills) for part in inner)
    raise ValueError(tree)


@given(trees, st.lists(st.dictionaries(st.sampled_from(SKILLS), st.integers(0, 100)), min_size=1, max_size=8))
def test_a_written_tree_means_what_the_tree_means(tree: tuple, agents: list[dict[str, int]]) -> None:  # type: ignore[type-arg]
    text = written(tree)
    if len(text) > MAX_TEXT:
        return
    need = Need.parse(text)
    assert [need.matches(skills) for skills in agents] == [true_of(tree, skills) for skills in agents]
    assert all(skill in text for skill in need.skills)
