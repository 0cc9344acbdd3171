"""A time-stamping authority of our own: `openssl ts` behind a small HTTP server."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CONFIG = """
[ tsa ]
default_tsa = one
[ one ]
serial = {folder}/serial
certs = {folder}/chain.pem
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
accuracy = secs:1
[ ext ]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


@dataclass
class Authority:
    """Where it answers, its root certificate, and what it does wrong (`damage` changes each answer)."""

    url: str
    root: Path
    folder: Path
    damage: str = ""


def openssl(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run openssl, or skip the test where there is none."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    return subprocess.run(("openssl", *arguments), capture_output=True, text=True, check=check)


@contextlib.contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    """An authority with keys of its own, answering until the block ends."""
    _make_keys(folder)
    made = Authority("", folder / "root.pem", folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = _answer(made, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(503 if made.damage == "busy" else 200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}/tsr"
        yield made
        server.shutdown()


def _answer(made: Authority, query: bytes) -> bytes:
    (made.folder / "query").write_bytes(
        made.folder.joinpath("older").read_bytes() if made.damage == "replay" else query
    )
    config, out = str(made.folder / "tsa.cnf"), str(made.folder / "answer")
    openssl("ts", "-reply", "-config", config, "-queryfile", str(made.folder / "query"), "-out", out)
    (made.folder / "older").write_bytes(query)
    answer = bytearray((made.folder / "answer").read_bytes())
    if made.damage == "flip":
        answer[-1] ^= 1
    return b"busy" if made.damage == "garbage" else bytes(answer)


def _make_keys(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "tsa.cnf"
    config.write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    root, key = str(folder / "root.pem"), str(folder / "root.key")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", key, "-out", root, "-subj", "/CN=Test root", "-days", "30")
    request = str(folder / "tsa.csr")
    openssl("req", *curve, "-keyout", str(folder / "tsa.key"), "-out", request, "-subj", "/CN=Test authority")
    openssl("x509", "-req", "-in", request, "-CA", root, "-CAkey", key, "-CAcreateserial", "-days", "30",
            "-extfile", str(config), "-extensions", "ext", "-out", str(folder / "tsa.pem"))  # fmt: skip
    (folder / "chain.pem").write_bytes((folder / "tsa.pem").read_bytes())
