"""The line before the committer: everything is settled once, in order, in batches; nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from audit.line import Line, Waiting


@dataclass(slots=True, eq=False)
class Job(Waiting):
    number: int


class Bench:
    """A line whose work can be held up and is written down."""

    def __init__(self, most: int = 1000, batch: int = 8) -> None:
        self.go, self.begun, self.batches = threading.Event(), threading.Event(), list[list[int]]()
        self.line: Line[Job] = Line(self._work, "test", most, batch)
        self.go.set()

    def _work(self, jobs: Sequence[Job]) -> None:
        self.begun.set()
        self.go.wait()
        self.batches.append([job.number for job in jobs])
        for job in jobs:
            job.settle()

    def hold(self) -> Job:
        """Keep the thread busy with one job until `go`."""
        self.go.clear()
        first = Job(-1)
        assert self.line.put(first)
        self.begun.wait()
        return first


def test_everything_is_settled_once_by_many_threads() -> None:
    bench = Bench()

    def ask(thread: int) -> None:
        for number in range(100):
            job = Job(thread * 1000 + number)
            assert bench.line.put(job)
            assert job.wait(10)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    bench.line.close()
    done = [number for batch in bench.batches for number in batch]
    assert sorted(done) == sorted(thread * 1000 + number for thread in range(8) for number in range(100))
    assert max(map(len, bench.batches)) <= 8
    for thread in range(8):
        own = [number for number in done if number // 1000 == thread]
        assert own == sorted(own)


def test_what_waits_is_one_batch_up_to_the_most() -> None:
    bench = Bench(batch=5)
    bench.hold()
    jobs = [Job(number) for number in range(7)]
    assert all(bench.line.put(job) for job in jobs)
    bench.go.set()
    bench.line.close()
    assert bench.batches == [[-1], [0, 1, 2, 3, 4], [5, 6]]


def test_a_full_line_says_so_and_a_late_requester_is_passed_over() -> None:
    bench = Bench(most=2)
    bench.hold()
    late, patient, beyond = Job(1), Job(2), Job(3)
    assert bench.line.put(late)
    assert bench.line.put(patient)
    assert not bench.line.put(beyond)
    assert not late.wait(0.01)
    bench.go.set()
    assert patient.wait(10)
    bench.line.close()
    assert bench.batches == [[-1], [2]]


def test_one_requester_alone_does_not_wait_for_company() -> None:
    bench = Bench()
    for number in range(3):
        job = Job(number)
        bench.line.put(job)
        assert job.wait(10)
    bench.line.close()
    assert bench.batches == [[0], [1], [2]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_is_replaced_and_a_closed_line_opens_again() -> None:
    bench = Bench()
    broken = Job(0)
    bench.line._work = lambda _jobs: 1 / 0  # type: ignore[assignment]
    bench.line.put(broken)
    assert not broken.wait(0.3)
    bench.line._work = bench._work
    for number in (1, 2):
        job = Job(number)
        assert bench.line.put(job)
        assert job.wait(10)
        bench.line.close()
    assert bench.batches == [[1], [2]]


def test_a_batch_waits_a_moment_for_those_who_were_just_answered() -> None:
    """Eight that ask again and again share their batches rather than taking turns."""
    bench = Bench()

    def ask(_: int) -> None:
        for number in range(50):
            job = Job(number)
            bench.line.put(job)
            job.wait(10)
            time.sleep(0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    bench.line.close()
    assert sum(map(len, bench.batches)) == 400
    assert len(bench.batches) < 400
