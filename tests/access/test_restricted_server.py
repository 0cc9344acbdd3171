"""The restricted door behind a real server of two worker processes, on SQLite and on PostgreSQL (invariants 1 and 3)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from access.models import Client
from agreements.models import AgreementVersion
from audit import tables
from audit.disclosures import index
from audit.disclosures.keeping import Store
from audit.disclosures.manifest import Ended
from exchange import clock, epoch
from exchange.catalog.subjects import name_subject
from exchange.db import engine_options, prepare_engine
from exchange.directory.models import Person
from exchange.settings import Settings
from tests.conftest import create_tables, make_settings
from tests.makers.access import Holder, World, make_dataset, make_grant, store_rows
from tests.makers.disclosures import subject_hash
from tests.makers.postgres import fresh_database
from tests.makers.server import ROOT, environment, free_port

ROWS = 120_000
READERS = 6
CUT = 0
"""The transfer was broken off: the right ended between the intent and the last row."""


@dataclass
class Running:
    """A server with one grant on one large dataset, and the database that it works on."""

    port: int
    engine: Engine
    world: World
    holder: Holder
    settings: Settings
    pid: int
    path: str = field(default="/resource/aaaa-2222.json")

    def token(self) -> str:
        """A new token."""
        request = self.holder.token_request(self.world.details(self.holder.origin))
        headers = request["headers"] | {"Content-Type": "application/x-www-form-urlencoded"}
        status, body = self.call("POST", "/oauth/token", urlencode(request["data"]), headers)
        assert status == 200, body
        token: str = json.loads(body)["access_token"]
        return token

    def call(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """One request on a connection of its own, so that either worker may answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def read(self, token: str, limit: int) -> tuple[int, bytes]:
        """Rows, whole."""
        query = "?" + urlencode({"$limit": str(limit)})
        return self.call("GET", self.path + query, None, self.holder.headers(token, self.path))

    def end(self, model: type[Any], key: object, **values: object) -> float:
        """End a right in another process's name; gives the instant after its commit, in seconds."""
        with Session(self.engine) as session:
            row = session.get_one(model, key)
            for name, value in values.items():
                setattr(row, name, value)
            epoch.bump(session)
            session.commit()
        return clock.now().timestamp()

    def entries(self, action: str) -> list[dict[str, Any]]:
        """What the log holds of this act."""
        with self.engine.connect() as connection:
            bodies = [
                *connection.scalars(select(tables.queue.c.body)),
                *connection.scalars(select(tables.entries.c.body)),
            ]
        return [entry for entry in map(json.loads, bodies) if entry["action"] == f"access:rows:{action}"]

    def outcome(self) -> dict[str, Any]:
        """The one outcome, once it is there."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            found = self.entries("outcome")
            if found:
                return found[0]
            time.sleep(0.05)
        raise AssertionError("no outcome was recorded within ten seconds")


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """Two gunicorn workers on a fresh database."""
    url = fresh_database() if request.param == "postgresql" else None
    settings = make_settings(tmp_path, url)
    engine = create_engine(settings.database_url, **engine_options(settings.database_url))
    prepare_engine(engine)
    create_tables(engine)
    with Session(engine) as session:
        dataset = make_dataset(session)
        store_rows(session, settings, dataset, ROWS)
        name_subject(session, None, dataset, "ssn", namespace="person-id", now=clock.now())
        world = make_grant(session, dataset=dataset)
        session.commit()
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-w", "2", "-k", "gthread", "--threads", "8", "-b", f"127.0.0.1:{port}",
         "--log-level", "error", "wsgi:create_app()"],
        cwd=ROOT, env=environment(tmp_path, port, url),
    )  # fmt: skip
    try:
        _wait(port)
        holder = Holder(world.client_id, world.key, origin=f"http://127.0.0.1:{port}")
        yield Running(port, engine, world, holder, settings, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)
        engine.dispose()


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


ENDS = [
    pytest.param(AgreementVersion, "version_id", {"state": "terminated"}, "terminated", id="terminated"),
    pytest.param(Person, "person_id", {"left_at": clock.now()}, "left on", id="left"),
    pytest.param(Client, "client_id", {"disabled_at": clock.now()}, "disabled", id="disabled"),
]


@pytest.mark.parametrize(("model", "key", "values", "words"), ENDS)
def test_invariant_3_a_running_download_stops_within_a_second_and_the_next_is_refused(
    running: Running, model: type[Any], key: str, values: dict[str, Any], words: str
) -> None:
    token = running.token()
    raw = _begin(running, token)
    got = raw.recv(16_384)
    ended = running.end(model, getattr(running.world, key), **values)
    received, broken = _drain_slowly(raw, got)
    outcome = running.outcome()
    assert outcome["outcome"] == "cut"
    assert words in outcome["reason"]
    assert outcome["t"] / 1000 - ended < 1.0
    assert outcome["rows"] < ROWS
    assert broken, "the transfer must not look complete"
    assert received.startswith(b"HTTP/1.1 200")
    for _ in range(4):
        status, body = running.read(token, 1)
        assert (status, words in json.loads(body)["message"]) == (403, True)
    assert (len(running.entries("intent")), len(running.entries("refuse"))) == (1, 4)


def test_a_server_that_is_killed_leaves_the_persons_of_the_rows_that_left(running: Running) -> None:
    token = running.token()
    assert running.read(token, 2)[0] == 200
    store = Store(running.settings.data_dir / "disclosures")
    (whole,) = (store.read(sha256) for sha256 in store.arriving())
    assert whole.sha256 == running.outcome()["manifest"]
    raw = _begin(running, token)
    assert raw.recv(16_384).startswith(b"HTTP/1.1 200")
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    for process in (running.pid, *map(int, children)):  # the supervisor first, so that it starts no others
        os.kill(process, signal.SIGKILL)
    _drain_slowly(raw, b"")
    cut = max(entry["id"] for entry in running.entries("intent"))
    assert [entry["ref"] for entry in running.entries("outcome")] == [whole.head.intent]
    person = subject_hash(running.settings, "person-id", "001-00-0000")
    until = time.monotonic() + 10
    while index.catch_up(running.engine, store) == 0 and time.monotonic() < until:
        time.sleep(0.05)
    index.catch_up(running.engine, store)
    with running.engine.connect() as connection:
        found = {each.intent: each for each in index.find(connection, store, [person])}
    assert (found[cut].ended, found[cut].proven) == (Ended.BROKEN, True)
    assert list(store.unfinished()) == []


def _begin(running: Running, token: str) -> socket.socket:
    """A download on a socket with a small window, so that rows wait in the server and not on the way."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    raw.settimeout(20)
    raw.connect(("127.0.0.1", running.port))
    headers = running.holder.headers(token, running.path)
    lines = [
        f"GET {running.path}?{quote('$limit')}={ROWS} HTTP/1.1",
        f"Host: 127.0.0.1:{running.port}",
        "Connection: close",
    ]
    raw.sendall("\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode())
    return raw


def _drain_slowly(raw: socket.socket, got: bytes) -> tuple[bytes, bool]:
    """Everything that still comes, read slowly; and whether it ended without the last chunk."""
    while True:
        try:
            part = raw.recv(32_768)
        except ConnectionError:
            part = b""
        if not part:
            raw.close()
            return got, not got.endswith(b"0\r\n\r\n")
        got += part
        time.sleep(0.005)


def test_invariant_1_entries_equal_answers_and_none_after_the_end(running: Running) -> None:
    answers: Counter[int] = Counter()
    late: list[float] = []
    stop = threading.Event()
    guard = threading.Lock()

    def reader(own: Running, token: str) -> None:
        while not stop.is_set():
            began = clock.now().timestamp()
            try:
                status, _ = own.read(token, 20)
            except http.client.HTTPException:
                status = CUT
            with guard:
                answers[status] += 1
                if status == 200:
                    late.append(began)

    holders = [
        Holder(running.holder.client_id, running.holder.key, origin=running.holder.origin) for _ in range(READERS)
    ]
    readers = [replace(running, holder=holder) for holder in holders]
    threads = [threading.Thread(target=reader, args=(own, own.token())) for own in readers]
    warm = running.token()
    answers.update(running.read(warm, 1)[0] for _ in range(8))
    for thread in threads:
        thread.start()
    until = time.monotonic() + 30
    while answers[200] < 40 and time.monotonic() < until:
        time.sleep(0.1)
    ended = running.end(AgreementVersion, running.world.version_id, state="terminated")
    while answers[403] < 20 and time.monotonic() < until + 30:
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 403, CUT}
    assert min(answers[200], answers[403]) >= 20
    cut = sum(outcome["outcome"] == "cut" for outcome in running.entries("outcome"))
    assert len(running.entries("intent")) == len(running.entries("outcome")) == answers[200] + cut
    assert len(running.entries("refuse")) == answers[403] + answers[CUT] - cut
    assert max(late) <= ended, "a request that began after the end was answered"


def test_one_proof_sent_to_both_workers_at_once_is_answered_once(running: Running) -> None:
    token = running.token()
    headers = running.holder.headers(token, running.path)
    answers: list[int] = []
    together = threading.Barrier(READERS)

    def send() -> None:
        together.wait()
        answers.append(running.call("GET", running.path + "?$limit=1", None, headers)[0])

    threads = [threading.Thread(target=send) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [401] * (READERS - 1)
    assert (len(running.entries("intent")), len(running.entries("refuse"))) == (1, READERS - 1)


def test_invariant_1_a_locked_log_answers_503_and_sends_nothing(running: Running) -> None:
    if running.engine.dialect.name != "postgresql":
        pytest.skip("on SQLite the whole file would be locked; the full log is tested in process")
    token = running.token()
    with running.engine.connect() as connection:
        connection.execute(text("ALTER TABLE audit_queue RENAME TO audit_queue_away"))
        connection.commit()
    status, body = running.read(token, 5)
    assert status == 503
    assert b"Town" not in body
