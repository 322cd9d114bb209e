"""An empty mapping that thousands share: most agents and callers have nothing where a few have something.

Who puts something in makes a mapping of their own first: `if not held: holder.held = {}`.
"""

from typing import Any, NoReturn


class _Nothing(dict[Any, Any]):
    __hash__ = object.__hash__  # type: ignore[assignment]  # so that it may be the default of a dataclass

    def _refuse(self, *what: object, **more: object) -> NoReturn:
        raise TypeError("what is put in here would be everybody's")

    __setitem__ = __ior__ = setdefault = update = _refuse


NOTHING: dict[Any, Any] = _Nothing()
