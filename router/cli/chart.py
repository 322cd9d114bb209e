"""Waits over a day as a picture: bars on a terminal, lines in an SVG. No library draws them: there is little to draw.

Both show the mean wait of those answered, the wait that nine in ten of them did not exceed, and how many were answered
within the wait that the service level allows. The scale reaches that wait at least: a mean of one second is a good day,
and must not fill the picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

LONGEST_BAR, SHORTEST_BAR = 60, 10
_BESIDE = 41
"Columns of a line that are no bar."
WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 60, 76
_INK, _PALE, _LINE, _GREY = "#1b3a5c", "#c9dcef", "#2f6fb0", "#5b6169"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A stretch of the day. No wait is None: nobody was answered."""

    label: str
    callers: int
    mean_s: float | None
    most_s: float | None
    "Nine in ten waited no longer."
    in_time: float | None = None
    "Share of those answered whose wait was no longer than allowed."


def bars(title: str, points: Sequence[Point], columns: int = 100, *, within_s: float = 0.0) -> list[str]:
    """A line for each stretch, all to one scale, on a screen so many columns wide; `within_s` has a mark on it."""
    longest_s = max(within_s, _longest(points))
    width = min(LONGEST_BAR, max(SHORTEST_BAR, columns - _BESIDE))
    mark = min(width - 1, ceil(within_s / longest_s * width)) if within_s else None
    lines = [f"{title}: █ mean of those answered, ░ nine in ten waited no longer"]
    if points:
        scale, in_time = ("", "") if mark is None else (_marked(mark, f"{within_s:g} s", width), "  in time")
        lines.append(f"{'':10}{scale:<{width}}       mean    9 in 10{in_time}")
    for point in points:
        if point.mean_s is None or point.most_s is None:
            lines.append(f"  {point.label:>6}  {'nobody was answered' if point.callers else 'nobody called'}")
            continue
        mean, most = (ceil(value / longest_s * width) if longest_s else 0 for value in (point.mean_s, point.most_s))
        bar = f"{'█' * mean + '░' * (most - mean):<{width}}"
        if mark is not None and bar[mark] == " ":
            bar = f"{bar[:mark]}┊{bar[mark + 1 :]}"
        in_time = "" if point.in_time is None else f"  {point.in_time * 100:4.0f} %"
        lines.append(f"  {point.label:>6}  {bar}  {point.mean_s:7.1f} s  {point.most_s:7.1f} s{in_time}")
    return lines


def _marked(at: int, words: str, width: int) -> str:
    """The mark with its words beside it, on the side that has room."""
    if at + 2 + len(words) <= width:
        return f"{'':{at}}┊ {words}"
    return f"{words} ┊".rjust(at + 1)


def svg(title: str, points: Sequence[Point], *, within_s: float = 0.0) -> str:
    """A picture of its own: no fonts, scripts or other files are loaded."""
    high_s, step_s = _scale(max(within_s, _longest(points)))
    across = (WIDTH - LEFT - RIGHT) / max(1, len(points))
    ground = HEIGHT - BOTTOM

    def y(value_s: float) -> float:
        return ground - value_s / high_s * (ground - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="15" fill="{_INK}">{escape(title)}</text>',
        _key(),
    ]
    for number in range(round(high_s / step_s) + 1):
        at = y(number * step_s)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#e4e7eb"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{number * step_s:g} s", "end"))
    for index, point in enumerate(points):
        left = LEFT + index * across
        if point.most_s is not None:
            at = y(point.most_s)
            parts.append(
                f'<rect x="{left + across * 0.1:.1f}" y="{at:.1f}" width="{across * 0.8:.1f}" '
                f'height="{ground - at:.1f}" fill="{_PALE}"/>'
            )
        if index % ceil(len(points) / 12) == 0:
            parts.append(_text(left + across / 2, ground + 18, point.label))
            parts.append(_text(left + across / 2, ground + 36, str(point.callers)))
            if point.in_time is not None:
                parts.append(_text(left + across / 2, ground + 54, f"{point.in_time * 100:.0f} %"))
    parts += _mean_line(points, across, y)
    parts.append(_text(LEFT - 8, ground + 36, "callers", "end"))
    if within_s:
        parts.append(_text(LEFT - 8, ground + 54, f"in {within_s:g} s", "end"))
        parts.append(f'<path d="M{LEFT} {y(within_s):.1f}H{WIDTH - RIGHT}" stroke="{_GREY}" stroke-dasharray="6 4"/>')
    parts.append(f'<path d="M{LEFT} {ground}H{WIDTH - RIGHT}" stroke="{_GREY}"/>')
    return "\n".join([*parts, "</svg>", ""])


def _longest(points: Sequence[Point]) -> float:
    return max((max(point.mean_s or 0.0, point.most_s or 0.0) for point in points), default=0.0)


def _scale(longest_s: float) -> tuple[float, float]:
    """The top of the scale and the step of its marks: 1, 2 or 5 times a power of ten, four to eight of them."""
    if longest_s <= 0.0:
        return 1.0, 1.0
    rough = longest_s / 5.0
    power = 10.0 ** floor(log10(rough))
    step_s = next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= rough)
    return ceil(longest_s / step_s) * step_s, step_s


def _mean_line(points: Sequence[Point], across: float, y: Callable[[float], float]) -> list[str]:
    """One line for each run of stretches in which somebody was answered, and a dot on each."""
    parts, path = [], ""
    for index, point in enumerate(points):
        if point.mean_s is None:
            path += " "
            continue
        x = LEFT + (index + 0.5) * across
        path += f"{'M' if not path or path.endswith(' ') else 'L'}{x:.1f} {y(point.mean_s):.1f}"
        parts.append(f'<circle cx="{x:.1f}" cy="{y(point.mean_s):.1f}" r="3" fill="{_LINE}"/>')
    return [f'<path d="{path.strip()}" fill="none" stroke="{_LINE}" stroke-width="2"/>', *parts]


def _key() -> str:
    """What the bars and the line are."""
    return (
        f'<path d="M{LEFT} 38h18" stroke="{_LINE}" stroke-width="2"/>'
        + _text(LEFT + 24, 42, "mean wait of those answered", "start")
        + f'<rect x="{LEFT + 220}" y="32" width="14" height="12" fill="{_PALE}"/>'
        + _text(LEFT + 240, 42, "nine in ten waited no longer", "start")
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_GREY}">{escape(text)}</text>'
