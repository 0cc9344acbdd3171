"""The log of this installation, as the operator's commands find it: settings, database, key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast

import click
from flask import current_app

from audit import upkeep
from audit.keys import KeyFile, KeyUnusable, load_signer
from audit.mark import mark_of
from audit.published import engine

__all__ = ["LogSettings", "engine", "installation", "now", "settings", "signer"]


class LogSettings(Protocol):
    """What the log needs to know of the operator's settings."""

    @property
    def data_dir(self) -> Path: ...
    @property
    def log_key_file(self) -> Path: ...
    @property
    def log_origin(self) -> str: ...
    @property
    def demo(self) -> bool: ...


def settings() -> LogSettings:
    """What the operator chose."""
    return cast(LogSettings, current_app.config["SETTINGS"])


def signer() -> KeyFile:
    """The log's signing key; says what to do where it cannot be used."""
    chosen = settings()
    try:
        return load_signer(chosen.log_key_file, chosen.log_origin, create=chosen.demo, now=now)
    except KeyUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable


def installation() -> upkeep.Installation:
    """The log of this installation, if there is one; otherwise says so, and makes nothing."""
    missing = upkeep.missing_tables(engine())
    if missing:
        raise click.ClickException(f"{missing}; make it with: flask migrate")
    key = signer()
    mark = mark_of(settings().log_key_file, key)
    return upkeep.Installation(engine(), settings().data_dir, key, mark)


def now() -> datetime:
    """The time by the machine's clock."""
    return datetime.now(UTC)
