"""Lines of people and the memory of ended legs, against the plainest thing that could do the same."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from router.domain.benches.line import Line
from router.domain.benches.past import Past


@dataclass(eq=False)
class Person:
    """Not comparable, like agents and contacts."""

    ordinal: int
    turn: int = 0
    since: int = 0


class Model:
    """A line, and beside it the sorted list of those who hold a place."""

    def __init__(self) -> None:
        self.line: Line[Person] = Line()
        self.people = [Person(n) for n in range(12)]
        self.serial = 0

    @property
    def standing(self) -> list[Person]:
        return sorted((p for p in self.people if p.turn), key=lambda p: (p.since, p.ordinal))

    def join(self, who: Person, since: int) -> None:
        self.serial += 1
        who.turn, who.since = self.serial, since
        self.line.join((0, since, who.ordinal, who.turn, who), len(self.standing))

    @property
    def order(self) -> list[Person]:
        return [place[4] for place in self.line]


STEPS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 9), st.sampled_from(["join", "leave", "look"])))


@given(STEPS)
def test_a_line_is_in_order_whoever_comes_back_and_leaves(steps: list[tuple[int, int, str]]) -> None:
    model = Model()
    for turn, (n, since, what) in enumerate(steps * 8):
        who = model.people[n]
        if what == "join":
            model.join(who, since + turn // 3)  # also while standing elsewhere: the old place is forgotten
        elif what == "leave":
            who.turn = 0
        else:
            first = model.line.first()
            assert (first and first[4]) is (model.standing[0] if model.standing else None)
        assert model.order == model.standing
        for count in (0, 1, 5, 20):
            assert [place[4] for place in model.line.head(count)] == model.standing[:count]


def test_two_places_of_the_same_person_are_never_compared_by_person() -> None:
    model = Model()
    for _ in range(50):
        model.join(model.people[0], since=7)
    assert model.order == [model.people[0]]


def test_who_has_left_is_let_go() -> None:
    """An ended contact must not be kept alive by the line it once stood in."""
    model = Model()
    for turn in range(10_000):
        who = Person(turn)
        model.people = [who]
        model.join(who, turn)
        who.turn = 0
        assert model.line.first() is None
    assert model.line._places == []


def test_a_line_that_is_joined_and_left_behind_its_first_stays_short() -> None:
    model = Model()
    model.join(model.people[0], since=0)
    for turn in range(1, 5_000):
        model.join(model.people[1], since=turn)
        model.people[1].turn = 0
    assert len(model.line._places) < 25
    assert model.order == [model.people[0]]


def test_the_latest_legs_are_remembered_and_the_number_is_bounded() -> None:
    past = Past()
    legs = [f"node-a-{n}" for n in range(55_000)]
    for leg in legs:
        past.add(leg)  # type: ignore[arg-type]
    kept = list(past)
    assert 10_000 <= len(kept) <= 20_000
    assert kept == legs[-len(kept) :]
    assert legs[-1] in past
    assert legs[0] not in past
