"""A real Spark for tests: a master and two workers with executors of their own, asked over Spark Connect.

What it needs (about 480 MB) is installed once, hash-locked, into the user's cache; without Java or network the tests
that ask for it are skipped with the reason.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_NEEDS = {"client": "requirements-spark.txt", "server": "requirements-spark-server.txt"}
START_S = 240


@functools.cache
def spark_remote() -> str:
    """The Spark Connect address of this test session's Spark; its client can be imported from now on."""
    if shutil.which("java") is None:
        pytest.skip("Java is not installed; Spark needs Java 17")
    installed = _installed()
    _look_like_a_program()
    sys.path.append(str(installed / "client"))
    return f"sc://127.0.0.1:{_started(installed / 'server' / 'pyspark')}"


def _look_like_a_program() -> None:
    """Spark's client takes a process whose main module has no file, as pytest-xdist's have, for a run of doctests."""
    main = sys.modules["__main__"]
    if not hasattr(main, "__file__"):
        main.__file__ = __file__


def executors() -> list[int]:
    """The process ids of the executors, one for each worker."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _is_executor(path)]


def _is_executor(path: Path) -> bool:
    try:
        return b"CoarseGrainedExecutorBackend" in path.read_bytes() and os.getpgid(int(path.parent.name)) in _groups
    except OSError:
        return False


_groups: set[int] = set()


def _installed() -> Path:
    locks = b"".join((_ROOT / name).read_bytes() for name in _NEEDS.values())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charter-oak"
    folder = cache / f"spark-{sys.version_info.major}{sys.version_info.minor}-{hashlib.sha256(locks).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for part, name in _NEEDS.items():
            if not (folder / f"{part}.done").exists():
                _install(folder, part, name)
    return folder


def _install(folder: Path, part: str, name: str) -> None:
    print(f"\nInstalling Spark's {part} into {folder} (once) ...", file=sys.__stderr__, flush=True)
    shutil.rmtree(folder / part, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    options = ["--no-deps"] if part == "server" else ["--only-binary", ":all:", "--no-binary", "pyspark-client"]
    done = subprocess.run(
        [*command, *options, "--target", folder / part, "-r", _ROOT / name], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"Spark could not be installed: {done.stderr.strip().splitlines()[-1:]}")
    (folder / f"{part}.done").touch()


def _started(home: Path) -> int:
    port, work = _free_port(), Path(tempfile.mkdtemp(prefix="charter-oak-spark-"))
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false",
        "spark.executor.memory": "1g", "spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2", "spark.local.dir": str(work), "spark.sql.warehouse.dir": str(work / "warehouse"),
        "spark.log.level": "WARN",
    }  # fmt: skip
    options = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(work)}
    with (work / "log").open("w") as log:
        process = subprocess.Popen(
            ["bash", home / "bin" / "spark-submit", "--master", "local-cluster[2,1,1024]", "--class", server, *options,
             "spark-internal"],
            stdout=log, stderr=log, env=environment, cwd=work, start_new_session=True,
        )  # fmt: skip
    _groups.add(process.pid)
    atexit.register(shutil.rmtree, work, True)
    atexit.register(_stop, process)
    for _ in range(START_S * 4):
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return port
        time.sleep(0.25)
    pytest.skip(f"Spark did not start: {(work / 'log').read_text()[-400:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server and its executors, which are all in the group that was started here."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
