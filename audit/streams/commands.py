"""`flask audit stream`: hand the log on to another system as it grows."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from audit import installed
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import Ledger
from audit.streams import syslog
from audit.streams.following import Cursor, NotThisLog, Stream, place_of
from audit.streams.sequenced import Sequenced
from audit.streams.shapes import SHAPES
from audit.streams.targets import NotTaken, UnknownTarget, speaks_syslog, target_at

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@click.command()
@click.argument("name")
@click.option("--to", "address", required=True, help="file:///…, syslog://, syslog+tls://, relp:// or https://…")
@click.option("--format", "shape", type=click.Choice(list(SHAPES)), default="ocsf", show_default=True)
@click.option("--from", "first", type=click.IntRange(0), help="Begin at this index instead of where it stopped.")
@click.option("--authorization-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file with the Authorization header for an HTTP collector.")  # fmt: skip
@click.option("--once", is_flag=True, help="Send what is there and end, instead of following the log.")
@with_appcontext
def stream(name: str, address: str, shape: str, first: int | None, authorization_file: Path | None, once: bool) -> None:
    """Send entries to another system in order, at least once, going on where the stream NAME stopped.

    Each start is recorded in the log before the first entry leaves.
    """
    if not NAME.fullmatch(name):
        raise click.ClickException("a stream's name is of small letters, digits and hyphens, at most 40")
    authorization = authorization_file.read_text().strip() if authorization_file else ""
    try:
        target = target_at(address, shape, authorization)
        host = installed.settings().log_origin.partition("/")[0]
        wrapped = _wrapped(shape, host) if speaks_syslog(address) else SHAPES[shape]
        place = place_of(installed.settings().data_dir, name)
        going = Stream(installed.engine(), target, place, wrapped, lambda told: click.echo(told, err=True))
        cursor = going.begin(first)
    except (UnknownTarget, NotThisLog) as wrong:
        raise click.ClickException(str(wrong)) from wrong
    _record(name, shape, address, cursor)
    cursor = _send_once(going, cursor) if once else going.follow(cursor, _until_told())
    click.echo(f"{name}: everything before entry {cursor.following} was taken")


def _wrapped(shape: str, host: str) -> Callable[[Sequenced], bytes]:
    def line(entry: Sequenced) -> bytes:
        return syslog.message(entry, SHAPES[shape](entry), host)

    return line


def _send_once(going: Stream, cursor: Cursor) -> Cursor:
    try:
        return going.send_all(cursor)
    except (NotTaken, OSError) as error:
        raise click.ClickException(
            f"not everything was taken: {error}. What was confirmed is kept; run the command again to go on."
        ) from error


def _until_told() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _record(name: str, shape: str, address: str, cursor: Cursor) -> None:
    """That the log leaves, and whither: the scheme and host, not what an address may carry as a password."""
    ledger = cast(Ledger, current_app.extensions["ledger"])
    whither = re.sub(r"//[^/@]*@", "//", address).partition("?")[0]
    facts = {"stream": name, "format": shape, "to": whither, "from": cursor.following, "process": os.getpid()}
    ledger.record(Entry(Action.LOG_ENTRIES_STREAM, Outcome.DONE, details=facts))
