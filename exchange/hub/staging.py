"""The folder of one publishing run: each step's result, whole or absent, and the lock that keeps two processes apart.

A result is written under another name, synced and renamed, so its being there means that the step is done. The lock is
the kernel's: a process that is killed lets go of it, and the next one goes on from the last result.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange.errors import Conflict

PRIVATE = 0o700


@dataclass(frozen=True)
class Staging:
    """One run's folder, `<data_dir>/runs/<run id>`; only the server's own user may look into it."""

    folder: Path

    @staticmethod
    def of(data_dir: Path, run_id: str) -> Staging:
        """The folder of a run, made if it is not there."""
        folder = data_dir / "runs" / run_id
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        return Staging(folder)

    def path(self, name: str) -> Path:
        """A file of this run."""
        return self.folder / name

    def result(self, step: str) -> dict[str, Any] | None:
        """What a step left, or None if it is not done."""
        path = self.path(f"{step}.json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def finish(self, step: str, result: dict[str, Any]) -> None:
        """Say that a step is done. Whatever files it made must be in place before."""
        write_whole(self.path(f"{step}.json"), lambda part: part.write_text(json.dumps(result), encoding="utf-8"))

    def undo(self, steps: tuple[str, ...]) -> None:
        """Forget steps, the last first, so that they are done again."""
        for step in reversed(steps):
            self.path(f"{step}.json").unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete everything: the rows in it lie in clear, and the version is what remains of a run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the run for this process. Raises `Conflict` while another one works on it."""
        self.folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        with self.path("lock").open("ab") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict("This run is being worked on already. Look again in a moment.") from None
            yield


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Make a file appear whole or not at all: written beside, synced, renamed, and the folder synced."""
    part = path.with_name(f"{path.name}.part")
    write(part)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
