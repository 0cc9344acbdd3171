"""A stream is sent in order, at least once, and goes on where it stopped; receivers here are real sockets."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from audit import tables
from audit.streams import following, syslog
from audit.streams.following import Cursor, NotThisLog, Stream, place_of
from audit.streams.sequenced import Sequenced
from audit.streams.shapes import SHAPES
from audit.streams.targets import FileTarget, NotTaken, SyslogTarget, Target, UnknownTarget, target_at
from tests.makers.audit import drop_triggers, make_intent, sequence, write
from tests.makers.tls import make_certificate

WORDS: list[str] = []


def make_stream(database: Engine, tmp_path: Path, target: Target, shape: str = "jsonl") -> Stream:
    return Stream(database, target, place_of(tmp_path, "siem"), SHAPES[shape], WORDS.append)


def fill(database: Engine, tmp_path: Path, count: int) -> None:
    write(database, [make_intent() for _ in range(count)])
    sequence(database, tmp_path)


def bodies(database: Engine) -> list[bytes]:
    with database.connect() as connection:
        return [bytes(row.body) for row in connection.execute(tables.entries.select().order_by("idx"))]


def test_a_file_gets_each_entry_once_and_in_order(database: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    going = make_stream(database, tmp_path, FileTarget(out))
    fill(database, tmp_path, 300)
    assert going.send_all(going.begin(None)).following == 300
    fill(database, tmp_path, 5)
    assert going.send_all(going.begin(None)).following == 305
    assert out.read_bytes().splitlines() == bodies(database)
    assert going.send_all(going.begin(303)).following == 305
    assert out.read_bytes().splitlines() == [*bodies(database), *bodies(database)[303:]]


def test_a_line_cut_short_by_a_crash_is_written_whole(database: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    fill(database, tmp_path, 3)
    out.write_bytes(b'{"whole":1}\n{"act')
    going = make_stream(database, tmp_path, FileTarget(out))
    going.send_all(going.begin(None))
    assert out.read_bytes().splitlines() == [b'{"whole":1}', *bodies(database)]


def test_another_log_is_not_followed(database: Engine, tmp_path: Path) -> None:
    going = make_stream(database, tmp_path, FileTarget(tmp_path / "out.jsonl"))
    fill(database, tmp_path, 3)
    going.send_all(going.begin(None))
    drop_triggers(database)
    with database.begin() as connection:
        connection.execute(update(tables.entries).where(tables.entries.c.idx == 2).values(body=b"{}"))
    with pytest.raises(NotThisLog, match="entry 2 is not the one that was sent last"):
        going.begin(None)
    assert going.begin(1) == Cursor(1)
    going.place.path.write_text("torn")
    with pytest.raises(NotThisLog, match="--from"):
        going.begin(None)


@contextmanager
def receiver(breaks: int) -> Iterator[tuple[int, list[bytes]]]:
    """A syslog receiver over TCP; it goes away in the middle of so many connections first."""
    listening, got = socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        left = breaks
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                data = b""
                while chunk := connection.recv(65_536):
                    data += chunk
                    if left:
                        break
                if left:
                    left -= 1
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    continue
                while data:
                    length, _, rest = data.partition(b" ")
                    got.append(rest[: int(length)])
                    data = rest[int(length) :]

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], got
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_syslog_loses_nothing_when_the_receiver_breaks_off(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAUSE_S", 0.02)
    fill(database, tmp_path, 600)
    with receiver(breaks=2) as (port, got):
        target = SyslogTarget("127.0.0.1", port)
        going = Stream(
            database, target, place_of(tmp_path, "siem"),
            lambda entry: syslog.message(entry, entry.body, "log.example"), WORDS.append,
        )  # fmt: skip
        stop, ended = threading.Event(), []
        thread = threading.Thread(target=lambda: ended.append(going.follow(going.begin(None), stop)))
        thread.start()
        fill(database, tmp_path, 10)
        deadline = time.monotonic() + 30
        while (going.place.read() or Cursor()).following < 610 and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        thread.join()
    assert ended[0].following == 610
    assert [line.partition(b"] ")[2] for line in got] == bodies(database)
    assert "was not taken" in WORDS[-1]


@pytest.mark.parametrize("farewell", [True, False])
def test_syslog_over_tls_asks_who_the_receiver_is(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, farewell: bool
) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    got: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
                    while chunk := connection.recv(65_536):
                        got.append(chunk)
                    if farewell:
                        connection.unwrap()
            except ssl.SSLError:
                continue
            except OSError:
                return

    fill(database, tmp_path, 20)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = f"syslog+tls://localhost:{listening.getsockname()[1]}"
        unknown = make_stream(database, tmp_path, target_at(address, "jsonl"))
        with pytest.raises(OSError, match="certificate"):
            unknown.send_all(unknown.begin(None))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        going = make_stream(database, tmp_path, target_at(address, "jsonl"))
        assert going.send_all(going.begin(None)).following == 20
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert b"".join(got) == b"".join(syslog.framed(body) for body in bodies(database))


def test_a_collector_that_refuses_is_asked_again(database: Engine, tmp_path: Path) -> None:
    answers, got = [503, 200], []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = answers.pop(0)
            if status == 200:
                got.append((self.headers["Authorization"], body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    fill(database, tmp_path, 4)
    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = target_at(f"http://127.0.0.1:{server.server_port}/in?x=1", "ocsf", "Splunk word")
        going = make_stream(database, tmp_path, target, "ocsf")
        with pytest.raises(NotTaken, match="answered 503"):
            going.send_all(going.begin(None))
        assert going.begin(None) == Cursor()
        assert going.send_all(going.begin(None)).following == 4
        server.shutdown()
    word, body = got[0]
    assert word == "Splunk word"
    assert [json.loads(line)["raw_data"].encode() for line in body.splitlines()] == bodies(database)


@pytest.mark.parametrize(
    "address", ["", "siem.example", "ftp://x/y", "file://", "syslog://", "http://[::1", "relp://x:a"]
)
def test_an_address_that_names_no_receiver_says_what_does(address: str) -> None:
    with pytest.raises(UnknownTarget, match=r"Name file:///path|is not an address"):
        target_at(address, "cef")


@pytest.mark.skipif(not shutil.which("rsyslogd"), reason="rsyslog, the receiver of another maker, is not installed")
@pytest.mark.parametrize("scheme", ["syslog", "relp"])
def test_rsyslog_takes_what_is_sent(database: Engine, tmp_path: Path, scheme: str) -> None:
    module = {"syslog": "imtcp", "relp": "imrelp"}[scheme]
    if not list(Path("/usr/lib").glob(f"*/rsyslog/{module}.so")):
        pytest.skip(f"rsyslog is installed without {module}")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    out = tmp_path / "received"
    (tmp_path / "rsyslog.conf").write_text(
        f'$MaxMessageSize 128k\nmodule(load="{module}")\n'
        f'template(name="plain" type="string" string="%msg%\\n")\n'
        f'input(type="{module}" port="{port}")\n'
        f'*.* action(type="omfile" file="{out}" template="plain" asyncWriting="off")\n'
    )
    fill(database, tmp_path, 300)
    command = ["rsyslogd", "-n", "-f", str(tmp_path / "rsyslog.conf"), "-i", str(tmp_path / "pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            target = target_at(f"{scheme}://127.0.0.1:{port}", "jsonl")
            going = Stream(database, target, place_of(tmp_path, scheme), _as_syslog, WORDS.append)
            assert going.send_all(going.begin(None)).following == 300
            deadline = time.monotonic() + 20
            while (not out.exists() or out.read_bytes().count(b"\n") < 300) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            process.terminate()
    assert [line.strip() for line in out.read_bytes().splitlines()] == bodies(database)


def _as_syslog(entry: Sequenced) -> bytes:
    return syslog.message(entry, entry.body, "log.example")


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
