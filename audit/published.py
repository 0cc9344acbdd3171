"""The log as this installation publishes it: where its files are, and its signed head."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from flask import current_app
from sqlalchemy import Engine

from audit.checkpoints import BadCheckpoint, Checkpoint, Verifier, open_with, parse_vkey
from audit.recovery import CHECKPOINT, COSIGNED, KEY, KEYS
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


def head_cosigned(files: TileStore) -> Head | None:
    """The newest head that a quorum of witnesses cosigned, signed by a key that the log states; None without one."""
    note = files.read(COSIGNED)
    if note is None:
        return None
    try:
        return Head(note.decode(), open_with(_stated(files), note.decode()))
    except BadCheckpoint:
        return None


def _stated(files: TileStore) -> list[Verifier]:
    keys = json.loads(files.read(KEYS) or b'{"keys": []}')["keys"]
    return [parse_vkey(key[form]) for key in keys for form in ("ed25519", "ml_dsa_44") if key[form]]


def engine() -> Engine:
    """The application's database."""
    extension: Any = current_app.extensions["sqlalchemy"]
    return cast(Engine, extension.engine)
