"""One program at a time writes to a dataset; the next waits its turn, so that no write is lost and none is done twice.

The lock is the kernel's: a process that is killed lets go of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from exchange.errors import Unavailable

PATIENCE_S = 30.0
LOOK_EVERY_S = 0.02


@contextlib.contextmanager
def turn(data_dir: Path, dataset_id: str, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the dataset for writing. Raises `Unavailable` (503, `Retry-After`) if others take longer than the patience.

    Nothing of the database may be held while waiting.
    """
    folder = data_dir / "runs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{dataset_id}.turn").open("ab") as handle:
        until = time.monotonic() + patience_s
        while not _taken(handle.fileno()):
            if time.monotonic() > until:
                error = Unavailable("Other programs are writing to this dataset. Send it again in a few seconds.")
                error.headers = {"Retry-After": "5"}  # type: ignore[attr-defined]
                raise error
            time.sleep(LOOK_EVERY_S)
        yield


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
