"""Versions in object storage, and copies of them on this machine's disk.

A version's file lies under its SHA-256, so putting it twice is putting it once. Which file is version n of a dataset is
said by a manifest that can be created only once: of two publishers that race for one number, one wins. Workers never
read from the store by request: they copy a file once, check its hash, and answer from the copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError, PreconditionError
from obstore.store import from_url

from exchange.errors import CharterError, Unavailable
from exchange.rows.layout import sync_folder
from exchange.rows.source import StoredVersion

PLAIN, SEALED = ".parquet", ".parquet.sealed"
ABANDONED = timedelta(hours=1)
"""A manifest of this age whose version is not in the catalogue was left by a run that died; it may be replaced."""

FETCHED = ".fetched"
"""The folder of copies inside the open store, which is the only folder that the engine may read."""

BRIEFLY = {"retry_config": {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}}
"""For what a person waits for and what is done again later in any case."""

_MISSING = (FileNotFoundError,)


class LostRace(CharterError):
    """Another publisher made this version of the dataset first."""

    status = 409
    code = "version.lost-race"


class Corrupted(Unavailable):
    """What came from the store is not what was published."""


class ObjectStore:
    """One store: `file:///folder`, `s3://bucket/prefix`, `az://…`, `gs://…`; keys come from the cloud's variables."""

    def __init__(self, url: str, **options: Any) -> None:
        """`options` are those of `obstore.store.from_url`, for tests and for stores that only look like S3."""
        if url.startswith("file://"):
            Path(url.removeprefix("file://")).mkdir(parents=True, exist_ok=True)
        self._store = from_url(url, **options)

    def publish(self, dataset_id: str, number: int, stored: StoredVersion, file: Path, now: datetime) -> None:
        """Put the file, then claim the number. Doing it again with the same file changes nothing.

        Restricted versions are given in their sealed form; a plain file of one is refused. Raises `LostRace` when
        another file has the number, `Unavailable` when the store does not answer.
        """
        if (stored.sealed_key is not None) != file.name.endswith(SEALED):
            raise ValueError("restricted rows go to the object store sealed, and only they do")
        with _answering():
            self._put_once(blob(stored.sha256, sealed=stored.sealed_key is not None), file)
            self._claim(f"versions/{dataset_id}/{number}.json", _manifest(dataset_id, number, stored, now), now)

    def manifest(self, dataset_id: str, number: int) -> dict[str, Any] | None:
        """What was claimed for this number; None for nothing."""
        with _answering():
            return self._read(f"versions/{dataset_id}/{number}.json")

    def fetch(self, sha256: str, out: IO[bytes], *, sealed: bool = False) -> int:
        """Write the file with this hash; returns its bytes. Raises `Corrupted`, `Unavailable`."""
        digest, size = hashlib.sha256(), 0
        with _answering():
            for chunk in obstore.get(self._store, blob(sha256, sealed=sealed)).stream():
                digest.update(chunk)
                size += out.write(bytes(chunk))
        if digest.hexdigest() != sha256:
            raise Corrupted("A file of the object store is not the one that was published; restore it from its backup.")
        return size

    def forget(self, sha256: str) -> None:
        """Delete the open file with this hash, if it is there; its manifest stays. Raises `Unavailable`."""
        with _answering(), contextlib.suppress(*_MISSING):
            obstore.delete(self._store, blob(sha256))

    def _put_once(self, key: str, file: Path) -> None:
        try:
            obstore.put(self._store, key, file, mode="create", use_multipart=False)
        except (AlreadyExistsError, PreconditionError):
            return

    def _claim(self, key: str, manifest: dict[str, Any], now: datetime) -> None:
        body = json.dumps(manifest, sort_keys=True).encode()
        try:
            obstore.put(self._store, key, body, mode="create")
        except (AlreadyExistsError, PreconditionError):
            there = self._read(key) or {}
            if there.get("sha256") == manifest["sha256"]:
                return
            if now - datetime.fromisoformat(there["claimed_at"]) < ABANDONED:
                raise LostRace(
                    f"Another run published version {manifest['number']} of {manifest['dataset']} first. Look at what"
                    " it published, then start this run again; it becomes the next version."
                ) from None
            obstore.put(self._store, key, body)

    def _read(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(bytes(obstore.get(self._store, key).bytes()))
        except _MISSING:
            return None
        return found


def blob(sha256: str, *, sealed: bool = False) -> str:
    """Where the file with this hash lies in the store."""
    return f"{'sealed' if sealed else 'rows'}/{sha256}{SEALED if sealed else PLAIN}"


def _manifest(dataset_id: str, number: int, stored: StoredVersion, now: datetime) -> dict[str, Any]:
    return {
        "dataset": dataset_id, "number": number, "sha256": stored.sha256, "bytes": stored.bytes, "rows": stored.rows,
        "sealed": stored.sealed_key is not None, "claimed_at": now.isoformat(),
    }  # fmt: skip


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Say what the store's errors mean."""
    try:
        yield
    except NotSupportedError as problem:
        raise Unavailable("This object store cannot create a file only once, so it cannot hold versions.") from problem
    except FileNotFoundError as problem:
        raise Unavailable("The object store does not have this version; restore it from its backup.") from problem
    except BaseError as problem:
        raise Unavailable("The object store does not answer now; try again in a minute.") from problem


def share(url: str, dataset_id: str, number: int, stored: StoredVersion, root: Path, now: datetime) -> None:
    """Publish a version that was written under `root` to the store at this address; nothing where there is none."""
    if url:
        ObjectStore(url).publish(dataset_id, number, stored, root / stored.path, now)


def forget_object(url: str, sha256: str) -> None:
    """Delete an open file from the store at this address; it is not waited for long. Raises `Unavailable`."""
    options: dict[str, Any] = {} if url.startswith("file://") else BRIEFLY
    ObjectStore(url, **options).forget(sha256)


def forget_copies(folder: Path, sha256: str) -> list[Path]:
    """Delete this machine's copy of a file and what was derived from it, in use or not; what was deleted."""
    copies = _with_derived(folder / f"{sha256}{PLAIN}")
    for copy in copies:
        copy.unlink(missing_ok=True)
    return copies


class LocalCopies:
    """Copies on this machine, each fetched once by its hash, bounded in bytes; what is in use stays.

    A copy is in use while any process holds a shared lock on its `.lock`; a process holds one for each copy that it
    handed out, until it drops the least recently used of them.
    """

    def __init__(self, folder: Path, store: ObjectStore, limit_bytes: int, *, most_held: int = 256) -> None:
        """`folder` is `<open store>/.fetched`; a process uses at most `most_held` copies at a time."""
        self._folder, self._store, self._limit, self._most_held = folder, store, limit_bytes, most_held
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()

    def parquet(self, sha256: str) -> Path:
        """The version with this hash on local disk. Raises `Corrupted`, `Unavailable`."""
        path = self._folder / f"{sha256}{PLAIN}"
        with self._lock:
            self._hold(sha256)
            if not path.exists():
                self._fetch(sha256, path)
                self._evict()
            os.utime(path)
        return path

    def release(self, sha256: str) -> None:
        """Say that this process does not use the copy any more."""
        handle = self._held.pop(sha256, None)
        if handle is not None:
            os.close(handle)

    def _hold(self, sha256: str) -> None:
        handle = self._held.pop(sha256, None)
        if handle is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._folder / f"{sha256}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(handle, fcntl.LOCK_SH)
        self._held[sha256] = handle
        while len(self._held) > self._most_held:
            self.release(next(iter(self._held)))

    def _fetch(self, sha256: str, path: Path) -> None:
        """Whole and right, or not at all; two processes may fetch at once, and the second replaces like with like."""
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".fetching-")
        try:
            with os.fdopen(handle, "wb") as out:
                self._store.fetch(sha256, out)
                out.flush()
                os.fsync(out.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(self._folder)

    def _evict(self) -> None:
        """Remove the least recently used copies, with what was derived from them, until the bound holds."""
        copies = sorted(self._folder.glob(f"*{PLAIN}"), key=lambda path: path.stat().st_mtime)
        total = sum(part.stat().st_size for copy in copies for part in _with_derived(copy))
        for copy in copies:
            if total <= self._limit:
                return
            total -= self._remove(copy)

    def _remove(self, copy: Path) -> int:
        """Remove one copy that nobody uses; returns the bytes that this freed."""
        with (self._folder / f"{copy.stem}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            parts = _with_derived(copy)
            freed = sum(part.stat().st_size for part in parts)
            for part in parts:
                part.unlink()
            return freed


def _with_derived(copy: Path) -> list[Path]:
    return [part for part in copy.parent.glob(f"{copy.stem}.*") if part.suffix != ".lock"]
