"""Readers in processes of their own: programs of a working group that read all the time and write down every answer.

The load comes from other processes than the test's, with the demo's own client, so that neither is the bottleneck:

with reading(server, threads=32) as crowd:
    ...
answers = crowd.answers
"""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from demo.client import SMALL_BUFFER, ApiClient
from tests.makers.server import ROOT, Server

PROCESSES = 4
PATIENCE_S = 60
PAGE = "$limit=20"
WHOLE = "$limit=1000000"
SIP_BYTES, SIP_S = 2048, 0.02
READY = "ready"


@dataclass(frozen=True)
class Answered:
    """One request and what came of it. Instants are of the machine's monotonic clock, in seconds.

    `status` 0: the connection broke before an answer. `whole` False: the body broke off.
    """

    began: float
    ended: float
    status: int
    audit_id: str
    sent: int
    whole: bool
    stream: bool
    words: str


@dataclass
class Crowd:
    """What the readers saw; filled when the `reading` block ends."""

    answers: list[Answered] = field(default_factory=list)

    def with_status(self, status: int) -> list[Answered]:
        """The answers that had this status."""
        return [answer for answer in self.answers if answer.status == status]

    @property
    def audit_ids(self) -> set[str]:
        """Every `Audit-Id` that any reader was given."""
        return {answer.audit_id for answer in self.answers if answer.audit_id}


@contextmanager
def reading(server: Server, *, threads: int = 32, streams: int = 4, processes: int = PROCESSES) -> Iterator[Crowd]:
    """Readers at work: `threads` in all, of which `streams` take the whole dataset slowly and the others read pages."""
    crowd, running = Crowd(), []
    for number in range(processes):
        chosen = {
            "origin": server.origin,
            "credentials": str(server.data_dir / "demo" / "credentials.json"),
            "pages": (threads - streams) // processes,
            "streams": streams * (number + 1) // processes - streams * number // processes,
        }
        command = [sys.executable, "-m", "tests.makers.readers", json.dumps(chosen)]
        running.append(subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == READY, "a reader got no token"
        yield crowd
    finally:
        said = [process.communicate("stop\n", timeout=PATIENCE_S)[0] for process in running]
    crowd.answers = [Answered(**json.loads(line)) for lines in said for line in lines.splitlines()]


def enlarge_attendance(server: Server, times: int = 10) -> None:
    """Publish a new version of the demo's attendance with so many times its rows, so that a download takes a while."""
    header, *lines = (server.data_dir / "demo" / "files" / "student_attendance.csv").read_text().splitlines()
    larger = server.data_dir / "larger.csv"
    larger.write_text("\n".join([header, *(f"{copy:03}{line[3:]}" for copy in range(times) for line in lines)]) + "\n")
    server.flask("publish", str(larger), "--id", server.credentials["datasets"]["attendance"]["id"], "--yes")
    larger.unlink()


def client_of(credentials: dict[str, Any], origin: str) -> ApiClient:
    """The demo's registered client."""
    key = credentials["grants"]["attendance"]["client_id"]
    return ApiClient(origin, key, credentials["clients"][key]["private_jwk"])


def details_of(credentials: dict[str, Any], client: ApiClient) -> list[dict[str, Any]]:
    """The `authorization_details` of the demo's grant on attendance."""
    grant = credentials["grants"]["attendance"]
    return [
        {
            "type": client.metadata()["authorization_details_types_supported"][0],
            "agreement": grant["agreement"],
            "working_group": grant["working_group"],
            "purpose": grant["purpose"],
            "actions": ["query"],
            "datasets": [{"id": grant["dataset"]}],
        }
    ]


def read(client: ApiClient, path: str, *, stream: bool = False) -> Answered:
    """One request on a connection of its own; whatever happens to it comes back as an answer."""
    began, status, audit_id, sent, words = time.monotonic(), 0, "", 0, ""
    url = urllib.parse.urlsplit(client.origin)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=PATIENCE_S)
    try:
        if stream:
            connection.sock = _small_mouthed((connection.host, connection.port))
        connection.request("GET", path, headers=_headers(client, path))
        answer = connection.getresponse()
        status, audit_id = answer.status, answer.headers.get("Audit-Id", "")
        while piece := answer.read1(SIP_BYTES if stream else 1 << 20):
            sent += len(piece)
            if status != http.HTTPStatus.OK:
                words += piece.decode(errors="replace")
            elif stream:
                time.sleep(SIP_S)
        whole = answer.isclosed() if answer.chunked else not answer.length
    except (http.client.HTTPException, OSError) as broken:
        whole, words = False, type(broken).__name__
    finally:
        connection.close()
    return Answered(began, time.monotonic(), status, audit_id, sent, whole, stream, words)


def _small_mouthed(address: tuple[str, int]) -> socket.socket:
    """A connection with a small receive buffer: what the reader has not taken is still with the server."""
    connected = socket.socket()
    connected.settimeout(PATIENCE_S)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    connected.connect(address)
    return connected


def _headers(client: ApiClient, path: str) -> dict[str, str]:
    address = client.origin + path
    return {"Authorization": f"DPoP {client.token}", "DPoP": client.proof("GET", address, client.token)}


def _work(client: ApiClient, path: str, stream: bool, stop: threading.Event, answers: list[Answered]) -> None:
    while not stop.is_set():
        answers.append(read(client, path, stream=stream))
        if not answers[-1].status:
            stop.wait(0.05)


def main(chosen: dict[str, Any], orders: TextIO, report: TextIO) -> None:
    """Get a token, read until told to stop, then report every answer as a line of JSON."""
    credentials = json.loads(Path(chosen["credentials"]).read_text())
    client = client_of(credentials, chosen["origin"])
    reply = client.ask_for_token(details_of(credentials, client))
    print(READY if reply.status == http.HTTPStatus.OK else reply.body, file=report, flush=True)
    resource = f"/resource/{credentials['grants']['attendance']['dataset']}"
    stop, answers = threading.Event(), [[] for _ in range(chosen["pages"] + chosen["streams"])]  # type: ignore[var-annotated]
    paths = [(f"{resource}.json?{PAGE}", False)] * chosen["pages"] + [(f"{resource}.csv?{WHOLE}", True)] * chosen[
        "streams"
    ]
    threads = [
        threading.Thread(target=_work, args=(client, path, stream, stop, own))
        for (path, stream), own in zip(paths, answers, strict=True)
    ]
    for thread in threads:
        thread.start()
    orders.readline()
    stop.set()
    for thread in threads:
        thread.join()
    for answer in itertools.chain.from_iterable(answers):
        print(json.dumps(asdict(answer)), file=report)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.stdin, sys.stdout)
