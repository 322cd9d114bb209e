"""What an owner knows of its own time in office, on a clock that moves by hand."""

from __future__ import annotations

import pytest

from router.adapters.redis.tenure import MARGIN_S, LeaseTenure
from router.domain.errors import RemoteError
from router.ports import Acting, LeaseView
from tests.fakes.lease import FakeLease, FakeLeaseServer

YES, UNKNOWN, NO = Acting.YES, Acting.UNKNOWN, Acting.NO


class Office:
    """An owner and what it was told."""

    def __init__(self) -> None:
        self.server = FakeLeaseServer()
        self.lease = FakeLease(self.server)
        self.tenure = LeaseTenure(self.lease, clock=self.server.now)
        self.news = 0
        self.tenure.told = self._hear
        asked_at = self.server.at
        self.tenure.begin(self.lease.acquire(0), asked_at)

    def _hear(self) -> None:
        self.news += 1

    def pass_s(self, seconds: float) -> None:
        self.server.at += seconds

    def taken_by_another(self) -> LeaseView:
        return FakeLease(self.server, "acd2").acquire(0)

    @property
    def acting(self) -> Acting:
        return self.tenure.may_act()


@pytest.fixture
def office() -> Office:
    return Office()


def test_who_has_never_held_the_pool_may_not_act() -> None:
    server = FakeLeaseServer()
    tenure = LeaseTenure(FakeLease(server), clock=server.now)

    assert tenure.may_act() is UNKNOWN
    assert (tenure.held, tenure.left_us, tenure.lapses) == (False, 0, 0)


def test_it_may_act_until_its_lease_has_less_left_than_an_action_may_take(office: Office) -> None:
    office.pass_s(office.lease.lives_s - MARGIN_S - 0.001)
    assert office.acting is YES
    office.pass_s(0.002)
    assert office.acting is UNKNOWN


def test_it_counts_from_when_it_asked_not_from_when_it_was_answered(office: Office) -> None:
    office.server.on_asked = lambda: office.pass_s(0.4)  # on the way there
    office.tenure.attempt()
    office.server.on_asked = lambda: None

    assert office.tenure.left_us == pytest.approx((office.lease.lives_s - 0.4) * 1e6, abs=2)


def test_an_answer_that_took_longer_than_the_lease_is_worth_nothing(office: Office) -> None:
    office.server.on_asked = lambda: office.pass_s(5)  # stopped while it was on its way
    office.tenure.attempt()
    office.server.on_asked = lambda: None

    assert office.acting is UNKNOWN
    assert office.tenure.asked.is_set()


def test_in_doubt_it_has_redis_asked_and_a_renewal_ends_the_doubt(office: Office) -> None:
    office.pass_s(3)
    assert (office.acting, office.acting) == (UNKNOWN, UNKNOWN)
    assert office.tenure.asked.is_set()

    assert office.tenure.attempt()

    assert office.acting is YES
    assert office.news == 1
    assert office.tenure.lapses == 1


def test_in_doubt_and_somebody_else_owns_it_then_it_is_lost_for_good(office: Office) -> None:
    office.pass_s(3)
    assert office.acting is UNKNOWN
    theirs = office.taken_by_another()

    office.tenure.attempt()

    assert office.acting is NO
    assert (office.tenure.view.owner, office.tenure.view.epoch) == (theirs.owner, 2)
    assert office.news == office.tenure.lapses == 1
    office.pass_s(10)
    office.tenure.attempt()
    office.tenure.proved(office.server.at)
    assert office.acting is NO
    assert not office.tenure.held


def test_a_loss_is_told_even_if_nobody_was_in_doubt(office: Office) -> None:
    office.lease.release()
    office.taken_by_another()
    office.tenure.attempt()

    assert office.news == 1
    assert office.acting is NO


def test_while_redis_is_away_and_there_is_no_doubt_it_goes_on(office: Office) -> None:
    office.server.state = "down"
    for _ in range(20):
        office.pass_s(0.5)
        assert not office.tenure.attempt()
        assert office.acting is YES

    assert office.news == 0
    assert not office.tenure.held
    assert office.tenure.lapses == 1
    assert office.tenure.trouble is not None


def test_in_doubt_and_redis_away_only_asterisk_can_tell(office: Office) -> None:
    office.server.state = "down"
    office.pass_s(3)
    assert office.acting is UNKNOWN
    office.tenure.attempt()
    assert office.tenure.alone
    assert office.acting is UNKNOWN

    office.tenure.proved(office.server.at)

    assert office.acting is YES
    assert not office.tenure.alone


def test_a_proof_that_was_asked_for_before_the_doubt_proves_nothing(office: Office) -> None:
    before = office.server.at
    office.server.state = "down"
    office.pass_s(3)
    assert office.acting is UNKNOWN
    office.tenure.attempt()

    office.tenure.proved(before)

    assert office.acting is UNKNOWN


def test_an_attempt_from_before_the_doubt_that_nobody_answered_says_nothing(office: Office) -> None:
    office.server.state = "down"

    def stopped_on_the_way() -> None:
        office.pass_s(3)
        assert office.acting is UNKNOWN

    office.server.on_asked = stopped_on_the_way
    office.tenure.attempt()
    office.server.on_asked = lambda: None

    assert not office.tenure.alone
    assert office.tenure.asked.is_set()
    office.tenure.attempt()
    assert office.tenure.alone


def test_who_meets_a_later_epoch_acts_no_more_until_redis_has_told_whose_the_pool_is(office: Office) -> None:
    office.tenure.suspect()
    assert office.acting is UNKNOWN
    assert office.tenure.asked.is_set()

    office.tenure.attempt()

    assert office.acting is YES


def test_a_silence_that_lasts_too_long_is_taken_for_absence(office: Office) -> None:
    office.tenure.unanswered()
    assert not office.tenure.alone, "nobody was in doubt"
    office.pass_s(3)
    assert office.acting is UNKNOWN

    office.tenure.unanswered()
    office.tenure.unanswered()

    assert office.tenure.alone
    assert office.news == 1


def test_redis_that_is_back_ends_being_alone(office: Office) -> None:
    office.server.state = "down"
    office.pass_s(3)
    assert office.acting is UNKNOWN
    office.tenure.attempt()
    office.server.state = "up"

    office.tenure.attempt()

    assert office.acting is YES
    assert office.tenure.held
    assert office.tenure.trouble is None


async def test_a_raised_epoch_is_the_tenure_s_from_then_on(office: Office) -> None:
    assert await office.tenure.raise_above(20) == 21
    assert office.tenure.epoch == 21
    office.tenure.attempt()
    assert office.tenure.view.epoch == 21


async def test_what_is_lost_cannot_be_raised(office: Office) -> None:
    office.lease.release()
    office.taken_by_another()

    with pytest.raises(RemoteError) as lost:
        await office.tenure.raise_above(20)

    assert lost.value.error_id == "pool-lost"
    assert office.acting is NO


def test_a_loop_that_is_gone_is_told_nothing_and_harms_nothing(office: Office) -> None:
    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    office.tenure.told = closed
    office.lease.release()
    office.taken_by_another()

    office.tenure.attempt()

    assert office.tenure.lost


def test_many_short_lapses_are_counted_one_by_one(office: Office) -> None:
    for _ in range(3):
        office.pass_s(2)
        office.tenure.attempt()
        office.pass_s(0.5)
        office.tenure.attempt()

    assert office.tenure.lapses == 3


def test_one_that_was_lost_stays_lost_when_redis_went_away_and_came_back(office: Office) -> None:
    office.server.state = "down"
    office.tenure.attempt()
    office.server.state = "up"
    office.lease.release()
    theirs = FakeLease(office.server, "acd2")
    theirs.acquire(0)
    office.tenure.attempt()
    assert office.acting is NO

    theirs.release()
    asked_at = office.server.at
    office.tenure._renewed(asked_at, office.lease.acquire(0))  # an answer that comes late

    assert office.acting is NO
    assert office.tenure.lost


def test_a_proof_from_just_before_a_later_epoch_was_met_proves_nothing(office: Office) -> None:
    asked_at = office.server.at
    office.pass_s(0.1)
    office.tenure.suspect()

    office.tenure.proved(asked_at)

    assert office.acting is UNKNOWN
    office.tenure.proved(office.server.at)
    assert office.acting is YES
