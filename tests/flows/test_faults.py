"""What must hold when something breaks: the log's disk full, its table locked, processes killed (invariant 1).

Real server processes and real faults. After every one: each row that left has its entry, every entry that a reader was
told of is in the log, the log verifies, and the service goes on without anybody's help.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from audit.entry import new_id
from audit.lag import BOUNDS
from demo.client import ApiClient, Reply
from tests.makers.log import kept_entries
from tests.makers.postgres import fresh_database
from tests.makers.readers import Answered, Crowd, client_of, details_of, enlarge_attendance, read, reading
from tests.makers.server import Server, serving

DISK = "size=256m"
READERS = 16
AT_ONCE = 8
WITHIN_S = 30.0
AFTER_THE_FAULT_S = 15.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all faults, on a small disk of its own where one can be mounted: it must outlive each of them."""
    folder = tmp_path_factory.mktemp("disk")
    with small_disk(folder), serving(folder / "data", workers=2) as running:
        enlarge_attendance(running, 4)
        yield running


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of `DISK` at this folder, if we may mount one; else the folder as it is."""
    mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "none", str(folder)], capture_output=True).returncode == 0
    )
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_invariant_1_nothing_leaves_while_the_disk_is_full(server: Server) -> None:
    if not os.path.ismount(server.data_dir.parent):
        pytest.skip("a small file system can be mounted by root only; the test of the size limit stands in")
    filler = server.data_dir.parent / "filler"

    def fill() -> None:
        flush_to_the_main_file(server)
        for size in (1 << 20, 1 << 12):
            with filler.open("ab", buffering=0) as handle, contextlib.suppress(OSError):
                while handle.write(b"\0" * size):
                    pass

    while_the_log_cannot_write(server, fill, filler.unlink)


def test_invariant_1_nothing_leaves_while_files_may_not_be_written(server: Server) -> None:
    limits: dict[int, tuple[int, int]] = {}

    def forbid() -> None:
        for pid in below(server.pid):
            limits[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[pid][1]))

    def allow() -> None:
        for pid in below(server.pid):
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    while_the_log_cannot_write(server, forbid, allow)


def test_invariant_1_nothing_leaves_while_the_log_is_locked(server: Server) -> None:
    other = sqlite3.connect(database_of(server), isolation_level=None, check_same_thread=False)
    while_the_log_cannot_write(server, lambda: other.execute("BEGIN EXCLUSIVE"), lambda: other.execute("ROLLBACK"))
    other.close()


def test_invariant_1_nothing_leaves_while_the_log_is_locked_on_postgresql(tmp_path: Path) -> None:
    url = fresh_database()
    engine = create_engine(url)
    with serving(tmp_path / "data", workers=2, database_url=url) as server, engine.connect() as other:
        while_the_log_cannot_write(
            server, lambda: other.execute(text("LOCK TABLE audit_queue IN ACCESS EXCLUSIVE MODE")), other.rollback
        )
    engine.dispose()


def test_invariant_1_no_entry_is_lost_when_workers_are_killed(server: Server) -> None:
    def kill() -> int:
        workers = [pid for master in below(server.pid, "gunicorn") for pid in children(master)]
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        return len(workers)

    crowd, killed = reading_while(server, kill, times=3, streams=4)
    assert killed >= 6
    assert any(not answer.whole for answer in crowd.with_status(200)), "no download was broken off"
    assert any(answer.whole for answer in crowd.with_status(200))


def test_invariant_1_no_entry_is_lost_when_the_sequencer_is_killed(server: Server) -> None:
    def kill() -> int:
        leaders = below(server.pid, "sequence")
        for pid in leaders:
            os.kill(pid, signal.SIGKILL)
        return len(leaders)

    crowd, killed = reading_while(server, kill, times=6, streams=0)
    assert killed >= 4
    assert {(answer.status, answer.whole) for answer in crowd.answers} == {(200, True)}
    within(WITHIN_S, lambda: not waiting_entries(server))


def test_invariant_1_nothing_leaves_while_the_sequencer_hangs_and_it_is_ended_by_itself(server: Server) -> None:
    """Too much waits for a checkpoint: permits get 503, refusals are recorded; nobody has to help."""
    client, path = authorized(server), rows_of(server)
    assert read(client, path).status == 200
    stop_the_sequencer_and_fill_the_line(server, BOUNDS.most_waiting + 1)
    replies: list[Reply] = []

    def shut() -> bool:
        """Asked again until both say so: before, the door still stands open, and soon after it opens by itself."""
        replies.append(client.read(path))
        return replies[-1].status == status_of(f"{server.origin}/readyz") == 503

    within(WITHIN_S, shut)
    assert int(replies[-1].headers["Retry-After"]) > 0
    assert b'"error": true' in replies[-1].body or b'"error":true' in replies[-1].body
    assert client.read(path + "&$select=no_such_column").status == 400
    assert any(entry.get("code") == "query" for entry in kept_entries(server))
    within(120, lambda: read(client, path).status == 200)
    within(60, lambda: status_of(f"{server.origin}/readyz") == 200)
    holds(server, [read(client, path)])


def stop_the_sequencer_and_fill_the_line(server: Server, count: int) -> None:
    """Hang the sequencer between two of its transactions, and put so many small entries behind it."""
    made = [new_id() for _ in range(count)]
    body = '{{"action":"access:rows:refuse","id":"{}","outcome":"refused","t":1781539201000,"v":1}}'
    for _ in range(100):
        leaders = below(server.pid, "sequence")
        for pid in leaders:
            os.kill(pid, signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(database_of(server), timeout=0.2)) as connection:
            try:
                connection.executemany(
                    "INSERT INTO audit_queue (id, body) VALUES (?, ?)", [(id, body.format(id).encode()) for id in made]
                )
                connection.commit()
                return
            except sqlite3.OperationalError:
                for pid in leaders:
                    os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("the sequencer was never found between two transactions")


def status_of(url: str) -> int:
    """The status that an address answers with."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def while_the_log_cannot_write(server: Server, begin: Callable[[], object], end: Callable[[], object]) -> None:
    """Ask before, during and after the fault: rows, then 503 without any, then rows again; and every row has its entry."""
    client, path = authorized(server), rows_of(server)
    answers = ask_together(client, path)
    assert {answer.status for answer in answers} == {200}
    before = len(told_of(kept_entries(server), "intent"))
    begin()
    try:
        during = ask_together(client, path)
    finally:
        end()
    assert {answer.status for answer in during} == {503}
    assert all('"error": true' in answer.words and not answer.audit_id for answer in during)
    within(AFTER_THE_FAULT_S, lambda: read(client, path).status == 200)
    after = ask_together(client, path)
    assert {answer.status for answer in after} == {200}
    assert before >= AT_ONCE
    holds(server, [*answers, *after])


def reading_while(server: Server, kill: Callable[[], int], times: int, streams: int) -> tuple[Crowd, int]:
    """Let readers read and stream while something is killed some times, a while apart; then check what must hold."""
    killed = 0
    with reading(server, threads=READERS, streams=streams, processes=2) as crowd:
        for _ in range(times):
            time.sleep(1.0)
            killed += kill()
        time.sleep(1.0)
    holds(server, crowd.answers)
    return crowd, killed


def holds(server: Server, answers: Sequence[Answered]) -> None:
    """No row without its entry, no entry lost, and the whole log verifies."""
    intents = told_of(kept_entries(server), "intent")
    assert all(answer.audit_id for answer in answers if answer.status == 200)
    assert {answer.audit_id for answer in answers if answer.audit_id} <= intents
    assert "the log holds" in server.flask("audit", "verify").stdout


def told_of(entries: Sequence[dict[str, Any]], kind: str) -> set[str]:
    """The ids of the entries of one kind of act on rows."""
    return {entry["id"] for entry in entries if entry["action"] == f"access:rows:{kind}"}


def authorized(server: Server) -> ApiClient:
    """The demo's client with a new token."""
    client = client_of(server.credentials, server.origin)
    assert client.ask_for_token(details_of(server.credentials, client)).status == 200
    return client


def rows_of(server: Server) -> str:
    """The address of a page of restricted rows."""
    return f"/resource/{server.credentials['grants']['attendance']['dataset']}.json?$limit=20"


def ask_together(client: ApiClient, path: str) -> list[Answered]:
    """The same request from several threads at once."""
    answers: list[Answered] = []
    threads = [threading.Thread(target=lambda: answers.append(read(client, path))) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def within(seconds: float, holds_now: Callable[[], bool]) -> None:
    """Fail unless this becomes true in time."""
    until = time.monotonic() + seconds
    while not holds_now():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.2)


def database_of(server: Server) -> Path:
    """The server's SQLite file."""
    return server.data_dir / "charter-oak.db"


def flush_to_the_main_file(server: Server) -> None:
    """Empty the write-ahead log, so that the next commit needs new room."""
    with contextlib.closing(sqlite3.connect(database_of(server), timeout=10)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def waiting_entries(server: Server) -> int:
    """How many entries have no index yet."""
    with contextlib.closing(sqlite3.connect(database_of(server), timeout=10)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM audit_queue").fetchone()
    return int(count)


def children(pid: int) -> list[int]:
    """The processes that a process started and that live (Linux)."""
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for line in found for child in line]


def below(pid: int, named: str = "") -> list[int]:
    """All processes below one, nearest first, whose command line holds this word; those below a match are left out."""
    found = []
    for child in children(pid):
        try:
            matches = named in Path(f"/proc/{child}/cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [child] if matches and named else ([] if named else [child])
        found += [] if matches and named else below(child, named)
    return found
