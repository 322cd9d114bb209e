"""What thousands share stays empty."""

from collections.abc import Callable

import pytest

from router.domain.nothing import NOTHING


@pytest.mark.parametrize(
    "puts",
    [
        lambda: NOTHING.__setitem__("a", 1),
        lambda: NOTHING.update(a=1),
        lambda: NOTHING.setdefault("a", 1),
        lambda: NOTHING.__ior__({"a": 1}),
    ],
)
def test_nobody_puts_anything_in(puts: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        puts()
    assert NOTHING == {}
