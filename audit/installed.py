"""The log of this installation, as the operator's commands find it: settings, database, key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast

import click
from flask import current_app

from audit import upkeep
from audit.checkpoints import Signer
from audit.keys import KeyFile, KeyUnusable, load_signer
from audit.mark import HighWater, mark_of
from audit.published import engine
from audit.signing.remote import RemoteSigner

__all__ = ["LogSettings", "engine", "installation", "now", "settings", "signer", "signing"]


class LogSettings(Protocol):
    """What the log needs to know of the operator's settings."""

    @property
    def data_dir(self) -> Path: ...
    @property
    def log_key_file(self) -> Path: ...
    @property
    def log_signer(self) -> str: ...
    @property
    def log_origin(self) -> str: ...
    @property
    def time_stamp(self) -> str: ...
    @property
    def time_stamp_certificate(self) -> str: ...
    @property
    def witness_policy(self) -> str: ...
    @property
    def demo(self) -> bool: ...


def settings() -> LogSettings:
    """What the operator chose."""
    return cast(LogSettings, current_app.config["SETTINGS"])


def signing() -> tuple[Signer, HighWater]:
    """Who signs, and the high-water mark: a process of its own if one is set, else the key file."""
    if settings().log_signer:
        remote = RemoteSigner(Path(settings().log_signer))
        return remote, remote
    key = signer()
    return key, mark_of(settings().log_key_file, key)


def signer() -> KeyFile:
    """The log's signing key in its file; says what to do where it cannot be used."""
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
    return upkeep.Installation(engine(), settings().data_dir, *signing())


def now() -> datetime:
    """The time by the machine's clock."""
    return datetime.now(UTC)
