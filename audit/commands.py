"""`flask audit …`: sequence the log, verify it, make its key."""

from __future__ import annotations

import base64
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import Engine

from audit import sequencer, verification
from audit.checkpoints import FileSigner, KeyUnusable, load_signer
from audit.reconciliation import compare
from audit.recovery import InconsistentLog


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


@click.group("audit")
def audit() -> None:
    """The log: who did what, under which agreement, provable to somebody who does not trust us."""


@audit.command()
@with_appcontext
def sequence() -> None:
    """Give entries their index, grow the tree and sign it, until told to stop (SIGTERM)."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        sequencer.run(_engine(), _settings().data_dir, _signer(), stop, _now)
    except InconsistentLog as broken:
        raise click.ClickException(f"the log does not fit what was signed; nothing is signed. {broken}") from broken


@audit.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", help="The log's public key, as you learnt it elsewhere.")
@with_appcontext
def verify(folder: Path | None, key: str | None) -> None:
    """Check every entry, hash and signature; exit 0 only if the whole log holds.

    Without FOLDER the log of this installation is brought up to date, checked, and compared with the database.
    """
    own = _settings().data_dir / sequencer.LOG
    try:
        if folder is None:
            _bring_up_to_date()
        report = verification.verify(folder or own, key)
        click.echo(f"log       {report.origin}\nkey       {report.key}")
        click.echo(f"entries   {report.size} checked in {report.files} files")
        click.echo(f"tree size {report.size}\nroot      {base64.b64encode(report.root).decode()}")
        if folder is None:
            _compare(own, report.size)
    except (verification.VerificationFailed, InconsistentLog) as failed:
        raise click.ClickException(f"the log does NOT hold: {failed}") from failed
    click.echo("the log holds")


def _bring_up_to_date() -> None:
    """If no other process sequences, do it now, so that the answer covers all that is durable."""
    if sequencer.run_once(_engine(), _settings().data_dir, _signer(), _now) is None:
        click.echo("another process sequences this log; its last checkpoint is checked")


def _compare(folder: Path, size: int) -> None:
    found = compare(_engine(), folder, size)
    click.echo(f"database  the same {found.size} entries; {found.indexed_after} newer, {found.waiting} still waiting")


@audit.command("make-key")
@with_appcontext
def make_key() -> None:
    """Make the log's signing key, once, and print its public half."""
    try:
        signer = load_signer(_settings().log_key_file, _settings().log_origin, create=True)
    except KeyUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    click.echo(signer.verifier.vkey())


def _settings() -> LogSettings:
    return cast(LogSettings, current_app.config["SETTINGS"])


def _engine() -> Engine:
    extension: Any = current_app.extensions["sqlalchemy"]
    return cast(Engine, extension.engine)


def _signer() -> FileSigner:
    settings = _settings()
    try:
        return load_signer(settings.log_key_file, settings.log_origin, create=settings.demo)
    except KeyUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable


def _now() -> datetime:
    return datetime.now(UTC)
