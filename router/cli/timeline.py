"""A contact's segments as a bar: how its time was spent, in proportion, nothing so short that it cannot be seen."""

from collections.abc import Sequence

from router.domain.record import Segment, SegmentKind

SIGNS = {
    SegmentKind.WAITING: "░",
    SegmentKind.TALK: "█",
    SegmentKind.HOLD: "▒",
    SegmentKind.ANNOUNCEMENT: "·",
    SegmentKind.RINGING: "▁",
}


def shares(segments: Sequence[Segment], width: int) -> list[int]:
    """Columns of each segment; every one that lasted has at least one, and together they fill `width`."""
    lasted = [max(0, segment.to_at - segment.from_at) for segment in segments]
    total = sum(lasted)
    if not total:
        return [0] * len(segments)
    width = max(width, sum(us > 0 for us in lasted))
    # Largest remainder: what is cut off goes to those who lost most by it, and nobody is cut to nothing.
    columns = [max(1, us * width // total) if us else 0 for us in lasted]
    by_remainder = sorted(range(len(lasted)), key=lambda i: (-(lasted[i] * width % total), i))
    for i in by_remainder:
        if sum(columns) >= width:
            break
        columns[i] += lasted[i] > 0
    while sum(columns) > width:
        columns[columns.index(max(columns))] -= 1
    return columns


def bar(segments: Sequence[Segment], width: int = 60) -> str:
    """`░░░░████████▒▒██`"""
    columns = shares(segments, width)
    return "".join(SIGNS[segment.kind] * count for segment, count in zip(segments, columns, strict=True))
