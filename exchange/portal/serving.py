"""One command that keeps every process running: web workers, the log's sequencer, and the clock.

Each is its own process, so that the log's key is never in a web worker and a slow page never delays a
checkpoint. The web server's end is the end of all; any other process that ends is started again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from audit.deposing import Challenger
from exchange.settings import Settings, SettingsError, remember_port

ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 10
PAUSE_S = 0.25
CLOCK_EVERY_S = 300
BY_THE_CLOCK = (("agreements", "expire"), ("access", "give-waiting"), ("access", "tidy"))
"""What is done every few minutes. No right depends on it: permits compare the time themselves."""

DAILY_STAMP = ("audit", "stamp", "--daily")
"""Asked as often, where an authority is set up, so that a day on which it was away at midnight still has its stamp."""

BUILD_EVERY_S = 120
"""How often serving files that nobody made are looked for. The first time is so long after the start."""

GUNICORN = (
    "-m",
    "gunicorn",
    "wsgi:create_app()",
    "--config",
    "python:exchange.portal.web_server",
    "--no-control-socket",
)


@dataclass
class Running:
    """A process that should be running, and when it may be started next (seconds, monotonic)."""

    name: str
    arguments: tuple[str, ...]
    every_s: float
    process: subprocess.Popen[bytes] | None = None
    next_start: float = 0.0


def serve(settings: Settings, workers: int, threads: int) -> int:
    """Run until the web server ends or we are told to stop; returns the web server's exit code."""
    web = Running("web", (*GUNICORN, *_binding(settings, workers, threads)), every_s=0)
    clock = (*BY_THE_CLOCK, *([DAILY_STAMP] if settings.time_stamp else []))
    others = [
        Running("sequencer", ("-m", "flask", "audit", "sequence"), every_s=1),
        *(Running(words[-1], ("-m", "flask", *words), every_s=CLOCK_EVERY_S) for words in clock),
        Running("build", ("-m", "flask", "rows", "build"), BUILD_EVERY_S, next_start=time.monotonic() + BUILD_EVERY_S),
    ]
    _require_free(settings)
    if settings.demo:
        remember_port(settings)
    stop, said, hung = _on_stop(), False, Challenger(None, settings.data_dir)
    _start(web)
    try:
        while not stop and web.process is not None and web.process.poll() is None:
            for running in others:
                _keep(running)
            hung.look()
            if not said and _answers(settings):
                said = True
                sys.stdout.write(f"Charter Oak is ready at {settings.origin} (Ctrl-C stops it)\n")
                sys.stdout.flush()
            time.sleep(PAUSE_S)
    finally:
        _end([web, *others])
    return 0 if stop or web.process is None else int(web.process.returncode)


def _binding(settings: Settings, workers: int, threads: int) -> tuple[str, ...]:
    return ("--bind", f"{settings.host}:{settings.port}", "--workers", str(workers), "--threads", str(threads))


def _require_free(settings: Settings) -> None:
    """Raise `SettingsError` if somebody else has the port, before anything is started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"Port {settings.port} on {settings.host} is in use, perhaps by another Charter Oak. "
                f"Stop it, or choose another: make run PORT={settings.port + 1}"
            ) from error


def _answers(settings: Settings) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((settings.host, settings.port), timeout=1):
        return True
    return False


def _on_stop() -> list[int]:
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return received


def _start(running: Running) -> None:
    environment = {**os.environ, "FLASK_APP": "wsgi"}
    quiet = subprocess.DEVNULL if running.every_s >= BUILD_EVERY_S else None  # what failed still comes by stderr
    command = (sys.executable, *running.arguments)
    running.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, start_new_session=True)
    running.next_start = time.monotonic() + running.every_s


def _keep(running: Running) -> None:
    ended = running.process is None or running.process.poll() is not None
    if ended and time.monotonic() >= running.next_start:
        _start(running)


def _end(all_running: list[Running]) -> None:
    """Ask every process to finish, then insist. Each leads its own group, so nothing outlives us."""
    alive = [r.process for r in all_running if r.process is not None and r.process.poll() is None]
    for process in alive:
        process.terminate()
    until = time.monotonic() + GRACE_S
    for process in alive:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
