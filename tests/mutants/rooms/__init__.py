"""Every mutant, room by room. A new room is a module with its own `MUTANTS` and a line here."""

from tests.mutants.mutant import Mutant
from tests.mutants.rooms import (
    journal,
    lease,
    ledger,
    manager_interface,
    matching,
    offering,
    ownership,
    presence,
    pump,
    reception,
    recovery,
    resync,
    roster,
    rules,
    small_machines,
    spool,
    talk,
)

ALL: tuple[Mutant, ...] = (
    *offering.MUTANTS,
    *matching.MUTANTS,
    *reception.MUTANTS,
    *resync.MUTANTS,
    *talk.MUTANTS,
    *roster.MUTANTS,
    *small_machines.MUTANTS,
    *pump.MUTANTS,
    *manager_interface.MUTANTS,
    *ownership.MUTANTS,
    *lease.MUTANTS,
    *journal.MUTANTS,
    *recovery.MUTANTS,
    *presence.MUTANTS,
    *spool.MUTANTS,
    *ledger.MUTANTS,
    *rules.MUTANTS,
)
