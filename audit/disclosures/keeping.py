"""Manifests as files. While a reading runs its hashes are in a draft, durable before the rows they are about leave.

    drafts/<intent>          header, empty line, hashes of 32 bytes as they come; locked by the process that writes it
    manifests/<ab>/<sha256>  what is kept, named by its content
    arriving/<sha256>        the same file, until the index has it

A draft whose lock is free belongs to a process that died.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from audit.disclosures import manifest
from audit.disclosures.manifest import Ended, Head, Manifest, NotAManifest
from audit.mark import sync_folder


class Unkept(OSError):
    """A manifest or its draft could not be made durable: nothing that it would list may leave."""


class Draft:
    """The manifest of one reading while it runs. Raises `Unkept` when what it is told cannot be made durable."""

    def __init__(self, store: Store, head: Head) -> None:
        self._store, self._head = store, head
        self.path = store.drafts / head.intent
        self._unwritten = f"{head.text()}\n".encode()
        try:
            self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        except OSError as problem:
            raise Unkept(*problem.args) from problem

    def add(self, subjects: bytes) -> None:
        """These persons' rows are about to leave, their hashes one after the other: durable when this returns."""
        begins, content = bool(self._unwritten), memoryview(self._unwritten + subjects)
        try:
            while content:
                content = content[os.write(self._handle, content) :]
            os.fdatasync(self._handle)
            if begins:
                sync_folder(self._store.drafts)
        except OSError as problem:
            raise Unkept(*problem.args) from problem
        self._unwritten = b""

    def finish(self, left: bytes, unnamed: int) -> Manifest:
        """The rows of these persons (`manifest.packed`) have left, and no others: keep the manifest, drop the draft."""
        try:
            kept = self._store.keep(manifest.write(self._head, left, unnamed=unnamed))
            self.path.unlink()
        except OSError as problem:
            raise Unkept(*problem.args) from problem
        finally:
            os.close(self._handle)
        return kept


class Store:
    """The folder of manifests."""

    def __init__(self, folder: Path) -> None:
        self.drafts, self._kept, self._arriving = (folder / name for name in ("drafts", "manifests", "arriving"))

    def begin(self, head: Head) -> Draft:
        """The draft of a reading. Raises `Unkept`."""
        try:
            self.drafts.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as problem:
            raise Unkept(*problem.args) from problem
        return Draft(self, head)

    def keep(self, made: Manifest) -> Manifest:
        """Make a manifest durable, whole or not at all. Raises `OSError`."""
        path = self._path(made.sha256)
        for folder in (path.parent, self._arriving):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{made.sha256}.{secrets.token_hex(4)}.tmp")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                handle.write(made.body)
                handle.flush()
                os.fsync(handle.fileno())
            with suppress(FileExistsError):
                os.link(temporary, self._arriving / made.sha256)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        sync_folder(self._arriving)
        return made

    def read(self, sha256: str) -> Manifest:
        """The manifest of this hash. Raises `NotAManifest` if it is missing or not what was written."""
        try:
            found = manifest.read(self._path(sha256).read_bytes())
        except OSError as missing:
            raise NotAManifest("the manifest is not there") from missing
        if found.sha256 != sha256:
            raise NotAManifest("the manifest is not the one that was recorded")
        return found

    def every(self) -> Iterator[str]:
        """The hash of each manifest that is kept, in order."""
        folders = sorted(self._kept.glob("[0-9a-f][0-9a-f]"))
        return (path.name for folder in folders for path in sorted(folder.glob("[0-9a-f]*")))

    def arriving(self) -> Iterator[str]:
        """Those that the index does not have yet."""
        return (path.name for path in sorted(self._arriving.glob("[0-9a-f]*")))

    def indexed(self, sha256: str) -> None:
        """The index has it, durably."""
        (self._arriving / sha256).unlink(missing_ok=True)

    def unfinished(self) -> Iterator[Manifest]:
        """What the drafts hold, of readings that run now and of processes that died."""
        for path in sorted(self.drafts.glob("*")):
            with suppress(OSError, NotAManifest):
                yield _of_draft(path.read_bytes())

    def salvage(self) -> int:
        """Keep the manifest of each draft whose process died; returns how many. Raises `OSError`."""
        return sum(self._salvaged(path) for path in sorted(self.drafts.glob("*")))

    def _salvaged(self, path: Path) -> bool:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not path.exists():  # its reading ended just now
                    return False
                self.keep(_of_draft(file.read()))
            except (BlockingIOError, NotAManifest):
                return False
            path.unlink()
            return True

    def _path(self, sha256: str) -> Path:
        return self._kept / sha256[:2] / sha256


def _of_draft(content: bytes) -> Manifest:
    """A draft as a manifest. A last hash that was not written whole belongs to rows that did not leave."""
    top, found, raw = content.partition(b"\n\n")
    if not found:
        raise NotAManifest("the draft ends in its header, so nothing has left")
    try:
        head, _ = manifest.head_of(top.decode("ascii"))
    except (ValueError, KeyError) as wrong:
        raise NotAManifest("the draft has no header") from wrong
    return manifest.write(head, manifest.packed(manifest.apart(raw)), ended=Ended.BROKEN)
