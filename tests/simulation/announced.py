"""The wait that app_queue announces, worked out for a day that the engine played: something to be better than.

app_queue keeps one figure a queue, hold = (3·hold + wait) / 4 of each answered call in whole seconds (app_queue.c,
`recalc_holdtime`), and announces it to whoever comes, whatever their place (`say_position`).
"""

from collections.abc import Sequence

from router.domain.ids import SECOND
from router.domain.record import Outcome
from router.simulation.tally import Call, Expectation, expectation


def by_app_queue(calls: Sequence[Call], *, warm_up_us: int = 0) -> Expectation:
    """What would have been announced to those who had to wait, held against their waits."""
    answers = [(call.day, call.at_us + call.waited_us, 0, call) for call in calls if call.outcome is Outcome.ANSWERED]
    arrivals = [(call.day, call.at_us, 1, call) for call in calls if call.had_to_wait]
    hold_s, day, pairs = 0, 0, []
    for on, _, comes, call in sorted([*answers, *arrivals], key=lambda each: each[:3]):
        if on != day:
            hold_s, day = 0, on
        if not comes:
            hold_s = (3 * hold_s + call.waited_us // SECOND) // 4
        elif call.at_us >= warm_up_us:
            pairs.append((call.waited_us - hold_s * SECOND, hold_s * SECOND))
    return expectation(pairs)
