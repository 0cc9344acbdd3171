"""`flask audit …` for keys and those who vouch for the log: make, rotate, sign for another process, stamp, witness."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from pathlib import Path

import click
from flask.cli import with_appcontext

from audit import installed
from audit.checkpoints import BadCheckpoint, parse_vkey
from audit.keys import KeyUnusable, add_ml_dsa, load_signer, succeed
from audit.mark import InconsistentLog
from audit.sequencer import LOG
from audit.signing import guarded, rotation, stamps
from audit.tiles import TileStore
from audit.witness.__main__ import main as run_witness


@click.command("make-key")
@click.option("--add-ml-dsa", "second", is_flag=True, help="Give a key that signs with Ed25519 alone its second half.")
@with_appcontext
def make_key(second: bool) -> None:
    """Make the log's signing key, once, and print its public halves: Ed25519, then ML-DSA-44."""
    path, origin = installed.settings().log_key_file, installed.settings().log_origin
    try:
        key = add_ml_dsa(path) if second else load_signer(path, origin, create=True, now=installed.now).keys[0]
    except KeyUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    click.echo("\n".join(key.vkeys()))


@click.command("succeed-key")
@click.option("--name", required=True, help="The log's new name, such as data.example.gov/audit/log-2.")
@click.option("--lost", multiple=True, required=True, help="The lost key's public halves, Ed25519 first.")
@with_appcontext
def succeed_key(name: str, lost: tuple[str, ...]) -> None:
    """Go on under a new name after the log's key was lost. Nothing is signed before accept-restore said why."""
    try:
        old = [parse_vkey(vkey) for vkey in lost]
        key = succeed(installed.settings().log_key_file, name, old, installed.now())
    except (KeyUnusable, BadCheckpoint) as unusable:
        raise click.ClickException(str(unusable)) from unusable
    click.echo("\n".join(key.vkeys()))
    click.echo("next: flask audit accept-restore --because 'the key of … was lost on …'")


@click.command("rotate-key")
@click.option("--overlap-days", type=click.IntRange(0, 366), default=30, show_default=True,
              help="How long the old key signs too; 0 for a key that somebody else may have.")  # fmt: skip
@with_appcontext
def rotate_key(overlap_days: int) -> None:
    """Begin to sign with a new key. The log records it; for some days both keys sign. Run again after a crash."""
    try:
        path = installed.settings().log_key_file
        begun = rotation.rotate(installed.engine(), path, timedelta(days=overlap_days), installed.now)
    except KeyUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    click.echo("\n".join(begun.new.vkeys()))
    if not overlap_days:
        click.echo("no older key signs any more; publish the lines above now, and give them to each witness's operator")
        return
    click.echo(
        f"the old key signs until {begun.until.isoformat(timespec='seconds')}; publish the lines above before then"
    )


@click.command("signer")
@click.option("--socket", type=click.Path(path_type=Path), help="Where to listen; default EXCHANGE_LOG_SIGNER.")
@click.option("--group", is_flag=True, help="The socket's group may connect too (mode 0660); else its owner (0600).")
@with_appcontext
def signer(socket: Path | None, group: bool) -> None:
    """Hold the log's key in this process, and sign for the sequencer what goes on from what was signed before."""
    path = socket or Path(installed.settings().log_signer or "")
    if path == Path():
        raise click.ClickException("say where to listen: --socket /run/charter-oak/signer, or EXCHANGE_LOG_SIGNER")
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        installed.signer()
        guarded.serve(installed.settings().log_key_file, path, stop, installed.now, group=group)
    except (KeyUnusable, InconsistentLog) as unusable:
        raise click.ClickException(str(unusable)) from unusable


@click.command("stamp")
@click.option("--daily", is_flag=True, help="Only if this day has no stamp yet; the clock of `flask serve` does this.")
@with_appcontext
def stamp(daily: bool) -> None:
    """Have the present checkpoint stamped by the time-stamping authority (RFC 3161) that is set up."""
    chosen, store = installed.settings(), TileStore(installed.settings().data_dir / LOG)
    if daily and not (chosen.time_stamp and stamps.due(store, installed.now())):
        return
    if not chosen.time_stamp:
        raise click.ClickException("no authority is set up; set EXCHANGE_TIME_STAMP to its address")
    try:
        made = stamps.stamp(store, chosen.time_stamp, chosen.time_stamp_certificate, installed.now())
    except stamps.NotStamped as failed:
        raise click.ClickException(f"not stamped, and tried again by the clock: {failed}") from failed
    click.echo(f"the checkpoint of {made.size} entries was stamped at {made.at.isoformat()}")


@click.command("witness", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def witness(arguments: tuple[str, ...]) -> None:
    """Watch a log and cosign it: the same as `python -m audit.witness`, which needs no settings."""
    raise SystemExit(run_witness(arguments))
