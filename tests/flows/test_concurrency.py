"""Four workers, 32 readers, and the agreement terminated in their midst (invariants 1 and 3), on both databases.

`SOAK_SECONDS=60 make test PYTEST="-s tests/flows/test_concurrency.py"` is the long version; it prints its figures.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from demo.acts_of_agreement import terminate
from demo.stage import Stage
from tests.makers.log import kept_entries
from tests.makers.postgres import fresh_database
from tests.makers.readers import Crowd, enlarge_attendance, reading
from tests.makers.server import Server, serving

SECONDS = float(os.environ.get("SOAK_SECONDS", "12"))
WORKERS = 4
READERS = 32
A_SECOND = 1.0
BUFFERED_S = 5.0
"""How long a slow reader may still take what the two kernels hold of a stream that was broken off."""


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server with four workers and the demo loaded."""
    url = fresh_database() if request.param == "postgresql" else None
    with serving(tmp_path / "data", workers=WORKERS, database_url=url) as running:
        enlarge_attendance(running)
        yield running


def test_invariants_1_and_3_with_32_readers_and_a_termination_in_their_midst(server: Server) -> None:
    stage, agreement = (
        Stage(server.origin, server.credentials),
        server.credentials["agreements"]["agreement_attendance"],
    )
    stage.person("sde_officer")
    with reading(server, threads=READERS) as crowd:
        time.sleep(SECONDS / 2)
        pressed = time.monotonic()
        terminate(stage, f"/agreements/{agreement['id']}/{agreement['version']}")
        ended = time.monotonic()
        time.sleep(SECONDS / 2)
    entries = kept_entries(server)
    tell(crowd, ended, ended - pressed)
    every_answer_has_its_entry(crowd, entries)
    nothing_after_the_end(crowd, entries, ended)
    streams_stopped(crowd, entries, ended)
    assert "the log holds" in server.flask("audit", "verify").stdout


def tell(crowd: Crowd, ended: float, took: float) -> None:
    """The run's figures, for `-s`."""
    counts = Counter(answer.status for answer in crowd.answers)
    before = [answer for answer in crowd.answers if answer.ended <= ended]
    seconds = ended - min(answer.began for answer in crowd.answers)
    waits = sorted(answer.ended - answer.began for answer in before if not answer.stream)
    print(  # noqa: T201
        f"\n{len(crowd.answers)} answers {dict(counts)}; before the end {len(before) / seconds:.0f}/s, "
        f"p50 {waits[len(waits) // 2] * 1000:.0f} ms, p99 {waits[len(waits) * 99 // 100] * 1000:.0f} ms; "
        f"terminated within {took * 1000:.0f} ms"
    )


def every_answer_has_its_entry(crowd: Crowd, entries: Sequence[dict[str, Any]]) -> None:
    """Entries and requests are one to one, by id. Every 200 is an intent; every other answer a refusal, or an intent
    whose right ended before its first row: that one is answered 403, or its connection is reset unanswered."""
    intents = {e["id"] for e in entries if e["action"] == "access:rows:intent"}
    refusals = {e["id"] for e in entries if e["action"] == "access:rows:refuse"}
    outcomes = {e["ref"]: e for e in entries if e["action"] == "access:rows:outcome"}
    rows_given = {answer.audit_id for answer in crowd.with_status(200)}
    reset = crowd.with_status(0)
    assert {answer.status for answer in crowd.answers} - {0} == {200, 403}
    assert len(intents) + len(refusals) == len(crowd.answers)
    assert len(crowd.audit_ids) == len(crowd.answers) - len(reset)
    assert crowd.audit_ids <= intents | refusals
    assert rows_given | refusals <= crowd.audit_ids
    assert set(outcomes) == intents
    assert all((outcomes[id]["outcome"], outcomes[id]["rows"]) == ("cut", 0) for id in intents - rows_given)


def nothing_after_the_end(crowd: Crowd, entries: Sequence[dict[str, Any]], ended: float) -> None:
    """No rows to a request that began when the end was known, none after it in the log; every refusal says why."""
    late = [answer for answer in crowd.answers if answer.began >= ended]
    assert late
    assert {answer.status for answer in late} == {403}
    acts = [entry["action"] for entry in entries]
    end = len(acts) - 1 - acts[::-1].index("agreement:version:terminate")  # the demo ended another long before
    assert "access:rows:intent" in acts[:end]
    assert "access:rows:intent" not in acts[end:]
    assert all("terminated" in answer.words for answer in crowd.with_status(403))


def streams_stopped(crowd: Crowd, entries: Sequence[dict[str, Any]], ended: float) -> None:
    """Downloads that ran at the end were broken off, by a second after the end was known; their outcomes say so."""
    cut = [answer for answer in crowd.with_status(200) if answer.stream and not answer.whole]
    assert cut, "no download was running when the agreement ended"
    outcomes = {entry["ref"]: entry for entry in entries if entry["action"] == "access:rows:outcome"}
    assert {outcomes[answer.audit_id]["outcome"] for answer in cut} == {"cut"}
    known = time.time() - (time.monotonic() - ended)
    assert max(outcomes[answer.audit_id]["t"] / 1000 for answer in cut) < known + A_SECOND
    assert max(answer.ended for answer in cut) < ended + A_SECOND + BUFFERED_S
