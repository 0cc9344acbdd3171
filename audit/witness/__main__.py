"""A witness as a program: `python -m audit.witness FOLDER --name NAME --log VKEY`.

For an auditor or another agency, on a machine that the log's operator does not run. It needs no database
and no settings.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from audit.checkpoints import BadCheckpoint
from audit.installed import now
from audit.witness.service import Answer, Witness, set_up

LARGEST = 1 << 18
"""Bytes of a request; a checkpoint with four lines and 63 hashes has 10,000."""

PATIENCE_S = 10.0


class WitnessServer(ThreadingHTTPServer):
    """HTTP before a witness. Put a TLS proxy before it if the log is on another machine."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    server: WitnessServer

    def do_POST(self) -> None:
        """`add-checkpoint` (C2SP tlog-witness)."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.close_connection = True
            self._say(Answer(400, "a request says its length, at most 262144 bytes\n"))
            return
        body = self.rfile.read(int(length))
        known = self.path == "/add-checkpoint"
        self._say(self.server.witness.add(body) if known else Answer(404, "there is /add-checkpoint\n"))

    def do_GET(self) -> None:
        """The last cosigned checkpoint of a log, below the hash of its origin."""
        _, origin_hash, last = (*self.path.split("/"), "", "")[:3]
        known = last == "checkpoint"
        self._say(
            self.server.witness.seen(origin_hash) if known else Answer(404, "there is /<origin hash>/checkpoint\n")
        )

    def _say(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m audit.witness", description="Watch a log and cosign its checkpoints."
    )
    parser.add_argument("folder", type=Path, help="where this witness keeps its key, what it saw, and evidence")
    parser.add_argument("--name", default="", help="its name, once, when its key is made: witness.example.gov/one")
    parser.add_argument(
        "--log", action="append", default=[], help="a key of a log to watch, as you learnt it elsewhere"
    )
    parser.add_argument("--bind", default="127.0.0.1:8431", help="address and port")
    chosen = parser.parse_args(arguments)
    try:
        key = set_up(chosen.folder, chosen.name, tuple(chosen.log), now())
        serve(chosen.folder, chosen.bind, key.vkeys())
    except (BadCheckpoint, OSError, ValueError) as wrong:
        sys.stderr.write(f"the witness cannot start: {wrong}\n")
        return 1
    return 0


def serve(folder: Path, bind: str, vkeys: Sequence[str]) -> None:
    """Answer until told to stop (SIGTERM, SIGINT)."""
    host, _, port = bind.rpartition(":")
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with WitnessServer((host, int(port)), Witness(folder, now)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for vkey in vkeys:
            sys.stdout.write(f"key {vkey}\n")
        sys.stdout.write(f"watching {len(server.witness.logs())} logs on {host}:{server.server_port}\n")
        sys.stdout.flush()
        stop.wait()
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
