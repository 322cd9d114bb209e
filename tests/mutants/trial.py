"""One fault, one trial: plant it, run its guards, judge, take it out again."""

from tests.mutants import guards
from tests.mutants.guards import Ran
from tests.mutants.mutant import DoesNotApply, End, Mutant, Outcome, module_of
from tests.mutants.tree import Tree

DEADLINE_S = 60.0
"Three times what guards may take: a test that waits in vain for what no longer happens may use up its own patience."


async def tried(mutant: Mutant, tree: Tree, *, deadline_s: float = DEADLINE_S) -> Outcome:
    """What becomes of it. Never raises for what a mutant or its guards do."""
    try:
        with tree.with_fault(mutant):
            ran = await guards.run(
                tree, mutant.guards, deadline_s=deadline_s, module=module_of(mutant.file), to_the_end=False
            )
    except DoesNotApply as error:
        return Outcome(mutant=mutant, end=End.MISPLACED, why=str(error))
    except SyntaxError as error:
        return Outcome(mutant=mutant, end=End.UNFIT, why=f"SyntaxError: {error}")
    return judged(mutant, ran)


def judged(mutant: Mutant, ran: Ran) -> Outcome:
    """Caught is only what a guard noticed by failing while it ran, and within the deadline."""
    last_words = ran.said.splitlines()[-1:] or [""]
    if ran.unfit:
        end, test, why = End.UNFIT, "", ran.unfit
    elif ran.code is None:
        end, test, why = End.TIMED_OUT, "", f"the guards did not end; {len(ran.told)} phases of tests were seen"
    elif failed := ran.failed:
        end, test, why = End.CAUGHT, failed.test, failed.why
    elif not any(told.ran for told in ran.told):
        end, test, why = End.EMPTY, "", last_words[0]
    elif ran.code:
        end, test, why = End.BROKEN_OFF, "", last_words[0]
    else:
        end, test, why = End.UNNOTICED, "", ""
    return Outcome(mutant=mutant, end=end, test=test, why=why, took_s=ran.took_s)
