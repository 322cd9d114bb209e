"""What a campaign found, for people and for programs."""

import json

from tests.mutants.campaign import BUDGET_S, Report
from tests.mutants.mutant import End, Outcome


def table(report: Report) -> str:
    """Everything that was tried, in the order of the list; the last line is the one that is promised."""
    lines: list[str] = []
    if report.red:
        lines += [
            "",
            "Red without any fault; nothing counts until these are green:",
            *(f"  {red}" for red in report.red),
        ]
    for outcome in report.outcomes:
        lines += _row(outcome)
    slow = [(name, took_s) for name, took_s in report.guards_s.items() if took_s > BUDGET_S]
    if slow:
        lines += ["", f"Guards that take more than {BUDGET_S:.0f} s without any fault; choose quicker ones:"]
        lines += [f"  {took_s:5.1f} s  {name}" for name, took_s in slow]
    took = f"{report.tests} tests green without any fault; {report.took_s:.0f} s in all"
    return "\n".join([*lines, "", took, last_line(report)])


def last_line(report: Report) -> str:
    return f"planted {len(report.mutants)} caught {report.caught}"


def _row(outcome: Outcome) -> list[str]:
    caught = outcome.end is End.CAUGHT
    head = f"{'caught' if caught else 'NOT CAUGHT':10}  {outcome.took_s:5.1f} s  {outcome.mutant.name}"
    found = f"by {outcome.test}" if caught else f"{outcome.end}: {outcome.why}".removesuffix(": ")
    return [head, " " * 21 + found]


def as_json(report: Report) -> str:
    found = {
        "planted": len(report.mutants),
        "caught": report.caught,
        "took_s": round(report.took_s, 1),
        "unmutated": {"tests": report.tests, "red": report.red},
        "mutants": [
            {
                "name": outcome.mutant.name,
                "file": outcome.mutant.file,
                "guards": list(outcome.mutant.guards),
                "guards_s": round(report.guards_s.get(outcome.mutant.name, 0.0), 2),
                "end": str(outcome.end),
                "test": outcome.test,
                "why": outcome.why,
                "took_s": round(outcome.took_s, 1),
            }
            for outcome in report.outcomes
        ],
    }
    return json.dumps(found, indent=1, ensure_ascii=False)
