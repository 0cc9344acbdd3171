"""`flask audit …`: sequence the log, verify it, make its key, accept a restore that lost entries."""

from __future__ import annotations

import base64
import signal
import threading
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from audit import installed, sequencer, upkeep, verification
from audit.mark import InconsistentLog
from audit.signing import stamps
from audit.witness import witnessing


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
    data_dir = installed.settings().data_dir
    asking = witnessing.accompany(installed.settings(), stop, installed.now)
    try:
        sequencer.run(installed.engine(), data_dir, *installed.signing(), stop, installed.now)
    except InconsistentLog as broken:
        raise click.ClickException(f"the log does not fit what was signed; nothing is signed. {broken}") from broken
    finally:
        stop.set()
        for thread in asking:
            thread.join(witnessing.PATIENCE_S)


@audit.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", help="The log's public key, as you learnt it elsewhere.")
@with_appcontext
def verify(folder: Path | None, key: str | None) -> None:
    """Check every entry, hash and signature; exit 0 only if the whole log holds.

    Without FOLDER the log of this installation is compared with its high-water mark and the database too, and only if
    all of it holds brought up to date.
    """
    try:
        if folder is not None:
            _say(verification.verify(folder, key or ""))
        else:
            log = installed.installation()
            checked = upkeep.check(log, key or log.signer.verifier.vkey(), installed.now)
            _say_all(checked)
            held = stamps.check(log.store, log.signer, installed.settings().time_stamp_certificate, checked.report.size)
            click.echo(f"stamps    {held} hold" if held else "stamps    none")
    except (verification.VerificationFailed, InconsistentLog, stamps.NotStamped) as failed:
        raise click.ClickException(f"the log does NOT hold: {failed}") from failed
    except SQLAlchemyError as error:
        raise click.ClickException(f"the database cannot be read: {type(error).__name__}") from error
    click.echo("the log holds")


def _say(report: verification.Report) -> None:
    click.echo(f"log       {report.origin}\nkey       {report.key}")
    click.echo(f"entries   {report.size} checked in {report.files} files")
    click.echo(f"tree size {report.size}\nroot      {base64.b64encode(report.root).decode()}")


def _say_all(checked: upkeep.Checked) -> None:
    if not checked.led:
        click.echo("another process sequences this log; its last checkpoint is checked")
    _say(checked.report)
    found = checked.comparison
    click.echo(f"database  the same {found.size} entries; {found.indexed_after} newer, {found.waiting} still waiting")


@audit.command("accept-restore")
@click.option("--because", required=True, help="What happened; it is recorded in the log.")
@with_appcontext
def accept_restore(because: str) -> None:
    """Go on from a backup that lacks entries which were signed. Records that they are lost, and why."""
    if not because.strip():
        raise click.ClickException("say what happened: --because 'the disk failed; restored from 3 May, 02:00'")
    try:
        head = upkeep.accept_restore(installed.installation(), because.strip(), installed.now)
    except InconsistentLog as broken:
        raise click.ClickException(str(broken)) from broken
    click.echo(f"the log goes on from {head.size} entries; that the rest is lost is the next entry")
