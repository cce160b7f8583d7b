"""The disk of several jobs: each can have its share at any time, and never is more taken than there is."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from novacron.ml.domain.shares import Share, ShareExceeded, Shares


class Disk(RuleBasedStateMachine):
    """Jobs that begin, take, give and end in any order."""

    @initialize(total=st.integers(1, 1000), places=st.integers(1, 8))
    def begin_all(self, total: int, places: int) -> None:
        self.shares = Shares(total, places)
        self.places = places
        self.jobs: dict[Share, int] = {}

    @rule()
    def begin(self) -> None:
        fits = self.shares.fits
        share = self.shares.begin()
        assert (share is not None) == fits
        if share is not None:
            self.jobs[share] = 0

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), size=st.integers(0, 1000))
    def take(self, data: st.DataObject, size: int) -> None:
        job = data.draw(st.sampled_from(list(self.jobs)))
        within = self.jobs[job] + size <= self.shares.least
        with contextlib.nullcontext() if within else contextlib.suppress(ShareExceeded):
            job.take(size)
            self.jobs[job] += size

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def give(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(list(self.jobs)))
        size = data.draw(st.integers(0, self.jobs[job]))
        job.give(size)
        self.jobs[job] -= size

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(list(self.jobs)))
        job.end()
        del self.jobs[job]

    @invariant()
    def never_more_than_there_is(self) -> None:
        if hasattr(self, "shares"):
            assert self.shares.taken == sum(self.jobs.values()) <= self.shares.total

    @invariant()
    def each_can_have_its_share(self) -> None:
        if hasattr(self, "shares"):
            claimed = sum(max(self.shares.least, taken) for taken in self.jobs.values())
            assert claimed <= self.shares.total


TestDisk = Disk.TestCase
TestDisk.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@given(st.integers(1, 10**12), st.integers(1, 8))
def test_all_places_fit_and_a_job_alone_has_everything(total: int, places: int) -> None:
    shares = Shares(total, places)
    jobs = [shares.begin() for _ in range(places)]
    assert None not in jobs
    for job in jobs[1:]:
        assert job is not None
        job.end()
    assert jobs[0] is not None
    jobs[0].take(total)
    assert shares.taken == total
    assert shares.begin() is None or shares.least == 0


def test_what_another_job_can_still_claim_is_nobody_elses() -> None:
    shares = Shares(100, 4)
    one, other = shares.begin(), shares.begin()
    assert one is not None
    assert other is not None
    one.take(75)
    with pytest.raises(ShareExceeded, match="76 bytes do not fit: of 100, 75 are this job's"):
        one.take(1)
    other.take(25)
    assert shares.begin() is None
    one.give(50)
    assert shares.begin() is not None
