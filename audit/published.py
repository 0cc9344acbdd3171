"""The log as this installation publishes it: where its files are, and its signed head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from flask import current_app
from sqlalchemy import Engine

from audit.checkpoints import Checkpoint, parse_vkey
from audit.recovery import CHECKPOINT, KEY
from audit.sequencer import LOG
from audit.tiles import TileStore


@dataclass(frozen=True)
class Head:
    """The last signed tree head: as text, and read."""

    note: str
    checkpoint: Checkpoint


def store() -> TileStore:
    """The log's files."""
    return TileStore(Path(current_app.config["SETTINGS"].data_dir) / LOG)


def head(files: TileStore) -> Head | None:
    """The signed head, its signature checked; None before the sequencer ran for the first time."""
    note, vkey = files.read(CHECKPOINT), files.read(KEY)
    if note is None or vkey is None:
        return None
    return Head(note.decode(), parse_vkey(vkey.decode()).open(note.decode()))


def engine() -> Engine:
    """The application's database."""
    extension: Any = current_app.extensions["sqlalchemy"]
    return cast(Engine, extension.engine)
