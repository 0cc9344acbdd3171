"""The peer: Datasette 0.65, installed by the benchmark from a hash-locked list into an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.beside import end
from tests.makers.server import free_port, wait_until

LOCKED = Path(__file__).parent / "peers" / "datasette.txt"


def install(folder: Path) -> Path:
    """The command `datasette`; installed at the first call. Raises `CalledProcessError` where that cannot be done."""
    command = folder / "datasette" / "bin" / "datasette"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "datasette"], check=True)
        pip = [
            folder / "datasette" / "bin" / "python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
        ]
        subprocess.run([*pip, "--require-hashes", "-r", LOCKED], check=True)
    return command


@contextmanager
def serving(command: Path, database: Path) -> Iterator[tuple[str, int]]:
    """Datasette over this file, with limits so wide that it answers everything; its origin and process id."""
    port = free_port()
    wide = {"sql_time_limit_ms": "600000", "max_returned_rows": "100000", "max_csv_mb": "0", "facet_time_limit_ms": "1"}
    settings = [word for name, value in wide.items() for word in ("--setting", name, value)]
    process = subprocess.Popen(
        [command, "serve", "--immutable", database, "--host", "127.0.0.1", "--port", str(port), *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(database.parent)},
    )
    try:
        wait_until(f"http://127.0.0.1:{port}/-/versions.json")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        end(process)
