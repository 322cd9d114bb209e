"""An empty mapping that thousands share: most agents and callers have nothing where a few have something.

Who puts something in makes a mapping of their own first: `if not held: holder.held = {}`.
"""

from typing import Any, NoReturn


class _Nothing(dict[Any, Any]):
    __hash__ = object.__hash__  # type: ignore[assignment]  # so that it may be the default of a dataclass

    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise TypeError(f"{key!r} would be everybody's")


NOTHING: dict[Any, Any] = _Nothing()
