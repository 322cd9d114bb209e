"""`simulate(contacts=…, seed=…)`: one day at the centre, judged, as a report."""

from dataclasses import dataclass, field
from random import Random

from router.domain.ids import MARK, SECOND, Micros
from router.simulation.centre import Centre
from router.simulation.judge import KINDS
from router.simulation.people import Crowd, Habits
from router.simulation.site import agents as agents_of
from router.simulation.site import rules
from router.simulation.wire import Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    seed: int
    contacts: int
    "Those who called in."
    records: int
    "Of theirs."
    virtual_s: float
    outcomes: dict[str, int]
    offers: dict[str, int]
    injected: dict[str, int]
    "How often what was done to the router: late and doubled observations, lost nodes, and people's behaviour."
    fault_count: int
    kinds: dict[str, int] = field(default_factory=dict)
    "Of `judge.KINDS`, how many."
    touched: dict[str, int] = field(default_factory=dict)
    "Injected fault → how many contacts it met."
    faults: tuple[str, ...] = field(default=())
    "The first of them, each a sentence with the instant."
    digest: str = ""
    "Of everything decided, in order, when asked for."

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.contacts} contacts, {self.records} records, {self.virtual_s:.0f} s virtual",
            f"  outcomes {self.outcomes}",
            f"  offers   {self.offers}",
            f"  injected {self.injected}",
            f"  faults   {self.fault_count}",
        ]
        return "\n".join([*lines, *(f"    {fault}" for fault in self.faults)])


def simulate(
    *,
    contacts: int,
    seed: int,
    agents: int = 40,
    weather: Weather | None = None,
    habits: Habits | None = None,
    look_every: int = 20,
    digest: bool = False,
) -> Report:
    """Let `contacts` callers come in, everybody behave by `habits` under `weather`, and judge what became of it.

    The invariants are asked for after each `look_every`-th step; everything else is judged always.
    """
    dice = Random(seed)
    crowd = Crowd(dice, habits or Habits(), contacts)
    centre = Centre(
        rules(),
        agents_of(agents, dice),
        dice,
        weather or Weather(),
        crowd,
        look_every=look_every,
        digest=digest,
    )
    began_at: Micros = centre.now
    crowd.come_in(centre)
    centre.run()
    centre.judge.close_the_book(centre.now)
    judge = centre.judge
    return Report(
        seed=seed,
        contacts=centre.asterisk.callers(centre.asterisk.lives),
        records=centre.asterisk.callers(judge.records),
        virtual_s=(centre.now - began_at) / SECOND,
        outcomes={str(outcome): count for outcome, count in sorted(judge.outcomes.items())},
        offers={str(result): count for result, count in sorted(judge.offers.items())},
        injected=dict(sorted((centre.wire.faults + crowd.done).items())) | judge.promises.counts(),
        fault_count=judge.fault_count,
        kinds={kind: judge.kinds[kind] for kind in KINDS},
        touched={kind: len(_contacts(centre, who)) for kind, who in sorted(centre.wire.touched.items())},
        faults=tuple(judge.faults),
        digest=judge.digest if digest else "",
    )


def _contacts(centre: Centre, channels: set[str]) -> set[str]:
    """Whose calls those channels were: a caller's leg is named like its contact, an offer's after it."""
    lives: set[str] = set(centre.asterisk.lives)
    named_after = {channel: channel.rpartition(".")[0].removesuffix(MARK) for channel in channels}
    return {name for channel in channels for name in (channel, named_after[channel]) if name in lives}
