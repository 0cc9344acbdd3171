"""Queries of people who mean harm, and a server of the test's own to send them to."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exchange import clock
from exchange.db import db
from exchange.portal import migrating
from exchange.rows.app_tokens import hash_of
from exchange.rows.models import AppToken
from tests.conftest import make_settings
from tests.makers.rows import make_open_dataset, make_quakes
from tests.makers.server import Server, serving
from wsgi import create_app

ROWS = 40_000
QUAKES, OTHERS = "abcd-1234", "bcde-2345"
PATIENCE_S = 30
TOKEN = "an app token for tests only"

SECRETS = (
    "select * from", "read_parquet", "read_csv", "information_schema", "duckdb", "sqlalchemy", "traceback", ".py",
    "memory_limit", "temp_directory", "struct_pack", '"rows"', "charter-oak.db", "/pytest-", "secret", "attach",
)  # fmt: skip
"""What no answer holds, in small letters."""


@dataclass(frozen=True)
class Answered:
    """What came back. `status` 0: the connection ended first."""

    status: int
    body: bytes

    @property
    def code(self) -> str:
        """The error code of the body; empty for rows."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return ""
        return said.get("code", "") if isinstance(said, dict) else ""


@contextmanager
def hostile_ground(data_dir: Path, *, workers: int = 1) -> Iterator[Server]:
    """A server with two open tables of earthquakes and nothing else; one worker, so that there is one to bring down."""
    app = create_app(make_settings(data_dir))
    with app.app_context():
        migrating.upgrade(db.engine)
        for id_ in (QUAKES, OTHERS):
            make_open_dataset(db.session(), data_dir, clock.now(), id=id_, table=make_quakes(ROWS))
        db.session.add(AppToken(hash=hash_of(TOKEN), name="tests", purpose="tests", made_from="", made_at=clock.now()))
        db.session.commit()
        app.extensions["ledger"].close()
        db.session.remove()
        db.engine.dispose()
    with serving(data_dir, workers=workers, demo=False) as server:
        yield server


def ask(server: Server, parameters: dict[str, str], *, path: str = f"/resource/{QUAKES}.json") -> Answered:
    """One GET on a connection of its own, the answer read to its end."""
    return send(server, "GET", f"{path}?{urllib.parse.urlencode(parameters)}")


def query(server: Server, statement: str, *, seconds: int = 1) -> Answered:
    """One statement by SODA 3, posted, cut after so many seconds."""
    body = json.dumps({"query": statement, "timeout": seconds}).encode()
    return send(server, "POST", f"/api/v3/views/{QUAKES}/query.json", body)


def send(server: Server, method: str, target: str, body: bytes | None = None) -> Answered:
    """One request as it is."""
    connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=PATIENCE_S)
    headers = {"X-App-Token": TOKEN} | ({"Content-Type": "application/json"} if body is not None else {})
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return Answered(answer.status, answer.read())
    except (http.client.IncompleteRead, ConnectionError) as broken:
        return Answered(0, getattr(broken, "partial", b""))
    finally:
        connection.close()


def resident_bytes(server: Server) -> int:
    """Memory of the largest process of this server at its highest, in bytes."""
    return max(_peak(pid) for pid in _descendants(server.pid))


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _descendants(int(child))
    return found


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024
