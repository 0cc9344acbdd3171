"""A real server in its own folder: migrated, with the demo loaded, run by the command a person would run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_S = 90


@dataclass(frozen=True)
class Server:
    """A running server: where it is, its folder, its environment and its supervisor's process id."""

    origin: str
    data_dir: Path
    environment: dict[str, str]
    pid: int

    @property
    def credentials(self) -> dict[str, Any]:
        """What `flask demo load` wrote."""
        credentials: dict[str, Any] = json.loads((self.data_dir / "demo" / "credentials.json").read_text())
        return credentials

    def flask(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `flask` command against this server's folder."""
        return run_flask(self.environment, *arguments, check=check)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment(data_dir: Path, port: int, database_url: str | None = None) -> dict[str, str]:
    """The environment of a demo in this folder on this port."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EXCHANGE_") and name != "PORT"}
    chosen = {"EXCHANGE_DEMO": "1", "EXCHANGE_DATA_DIR": str(data_dir), "EXCHANGE_PORT": str(port), "FLASK_APP": "wsgi"}
    return clean | chosen | ({"EXCHANGE_DATABASE_URL": database_url} if database_url else {})


def run_flask(variables: dict[str, str], *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a `flask` command; with `check`, a failure shows what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"flask {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


@contextmanager
def serving(
    data_dir: Path, *, workers: int = 2, database_url: str | None = None, demo: bool = True
) -> Iterator[Server]:
    """Migrate, load the demo, serve; ends everything it started."""
    port = free_port()
    variables = environment(data_dir, port, database_url)
    run_flask(variables, "migrate")
    if demo:
        run_flask(variables, "demo", "load")
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "serve", "--workers", str(workers)], cwd=ROOT, env=variables
    )
    server = Server(f"http://127.0.0.1:{port}", data_dir, variables, process.pid)
    try:
        wait_until(f"{server.origin}/readyz")
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def wait_until(url: str) -> None:
    """Return when this address answers 200; raise after `START_S` seconds."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer 200 within {START_S} seconds")
