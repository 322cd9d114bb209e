"""How far a neighbour's clock is from ours."""

from router.cli.checkup.finding import Finding, fail, ok, warn
from router.cli.instants import length
from router.domain.ids import SECOND


def judge_clock(check: str, ahead_us: int | None, round_trip_us: int) -> Finding:
    """`ahead_us`: theirs minus ours, None when it is not told; `round_trip_us` bounds how exactly we know it."""
    expected, mend = "less than 0.1 s from ours", "Have both machines keep time by NTP (chrony, systemd-timesyncd)."
    if ahead_us is None:
        return warn(check, "it does not tell the time", expected, mend)
    off = abs(ahead_us) - round_trip_us
    shown = f"{length(abs(ahead_us))} {'ahead of' if ahead_us > 0 else 'behind'} ours"
    if off > 2 * SECOND:
        return fail(check, shown, expected, mend)
    if off > SECOND // 10:
        return warn(check, shown, expected, mend)
    return ok(check, f"{ahead_us / 1000:+.1f} ms from ours")
