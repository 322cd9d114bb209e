"""The life of the process: what is taken up with a pool, who is told that it is lost, and what is left behind."""

from tests.mutants.mutant import Mutant

_APP = "router/app.py"
_BUILD = "router/bootstrap.py"
_GUARD = "tests/test_life.py::"

MUTANTS = (
    Mutant(
        name="What a dead router saw itself comes to the ledger after what its successor concluded",
        file=_BUILD,
        find="await writer.adopt()",
        replace="await asyncio.sleep(0)",
        guards=(_GUARD + "test_what_a_dead_router_saw_is_ours_before_anything_that_we_conclude",),
    ),
    Mutant(
        name="Who left while nobody owned the pool stands in the journal for ever",
        file=_BUILD,
        find="journal.forget_others(left.pictures)",
        replace="pass",
        guards=(_GUARD + "test_who_is_in_the_journal_and_nowhere_else_is_taken_out_of_it",),
    ),
    Mutant(
        name="What the owner before told somebody up to our claim is never asked for",
        file=_BUILD,
        find="claimed=lambda: telephony.epoch > 0",
        replace="claimed=lambda: False",
        guards=(_GUARD + "test_what_somebody_was_told_before_our_claim_at_asterisk_is_in_force_in_the_end",),
    ),
    Mutant(
        name="Who lost the pool is not told and goes on",
        file=_BUILD,
        find="                pool_lost.set()\n",
        replace="                pass\n",
        guards=(_GUARD + "test_who_lost_the_pool_ends_and_says_so",),
    ),
    Mutant(
        name="Who stops keeps the pool until its lease lapses",
        file=_APP,
        find="            await asyncio.to_thread(router.lease.release)\n",
        replace="            pass\n",
        guards=(_GUARD + "test_who_stops_lets_the_pool_go_at_once",),
        short=True,
    ),
    Mutant(
        name="Who gives way leaves a journal that lacks the last words",
        file=_APP,
        find="if owns and not router.pool_lost.is_set():",
        replace="if owns and lost is None:",
        guards=(_GUARD + "test_who_gives_way_writes_its_journal_to_the_end",),
    ),
    Mutant(
        name="Who drains goes on ringing agents",
        file=_APP,
        find="    router.pump.ask(StopOffering())\n",
        replace="",
        guards=(_GUARD + "test_who_drains_rings_nobody_any_more_and_its_heart_stops",),
    ),
    Mutant(
        name="The heart of a router that drains beats on, and callers wait for nobody",
        file=_APP,
        find="    router.pump.stop_beating()\n",
        replace="",
        guards=(_GUARD + "test_who_drains_rings_nobody_any_more_and_its_heart_stops",),
    ),
)
