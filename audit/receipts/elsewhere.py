"""A log's public files at an address: checkpoint and hash tiles over HTTP (C2SP tlog-tiles)."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from audit.tiles import TileStore

PATIENCE_S = 20.0
LARGEST = 1_000_000
"""Bytes; a hash tile has 8,192, a checkpoint a few thousand."""


class Unreachable(OSError):
    """The address does not answer as a log does."""


class PublishedLog(TileStore):
    """The files below an address such as https://data.example/audit/log, read when they are asked for."""

    def __init__(self, address: str) -> None:
        super().__init__(Path())
        self._address = address.rstrip("/")

    def read(self, name: str) -> bytes | None:
        """One file; None where there is none. Raises `Unreachable`."""
        request = urllib.request.Request(f"{self._address}/{name}", headers={"User-Agent": "charter-oak-compare"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310  # the scheme was checked
                content: bytes = answer.read(LARGEST)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                return None
            raise Unreachable(f"{self._address}/{name} answered {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self._address} cannot be reached: {error}") from error
        return content
