"""What an engine can read: one version of one dataset, in a file that anybody may see or in memory only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class StoredVersion:
    """A version as written. `path` is relative to the store's root; `sealed_key` is None in the open store."""

    path: str
    sha256: str
    bytes: int
    rows: int
    sealed_key: dict[str, Any] | None = None


@dataclass(frozen=True)
class Source:
    """One version, ready for an engine: in files that anybody may see, or (`load`) in memory only.

    `parquet` is the version itself and `file` its serving file, which may be missing while the Parquet is there.
    `key` names the content: equal keys hold equal rows, so an engine may keep what it opened. `content` is the SHA-256
    of the version as stored, which is what its copies elsewhere are named by; `path` is as in `StoredVersion`. `engine`
    is what was ordered for the dataset, None where its size decides.
    """

    key: str
    published_at: datetime
    rows: int
    file: Path | None = None
    parquet: Path | None = None
    path: str = ""
    content: str = ""
    engine: str | None = None
    load: Callable[[], pa.Table] | None = field(default=None, compare=False)

    @property
    def row_version(self) -> str:
        """What `:version` says of every row: an opaque word for this state of the data."""
        return f"rv-{hashlib.sha256(self.key.encode()).hexdigest()[:12]}"
