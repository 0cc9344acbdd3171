"""`flask audit fsck` and `flask audit hammer`: the operator's thorough looks at the log."""

from __future__ import annotations

import sys

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from audit import fsck as checking
from audit import hammer as hammering
from audit import installed, tables
from audit.locks import leadership
from audit.upkeep import Installation
from audit.verification import VerificationFailed

SHOWN = 50
"""Most faults that are shown one by one."""


@click.command()
@click.option(
    "--repair", is_flag=True, help="Write files again that follow from entries which lead to the signed root."
)
@with_appcontext
def fsck(repair: bool) -> None:
    """Check every file and table of the log, to the end, and say what can be repaired and how; exit 0 if all is right.

    Nothing is written without --repair, and with it only files of the tree. It can be interrupted at any time.
    """
    log = installed.installation()
    try:
        with leadership(log.engine, log.data_dir) as leader:
            if leader is None and repair:
                raise click.ClickException("another process sequences this log; stop it before a repair")
            found = checking.examine(log, _progress, alone=leader is not None)
            _tell(found)
            if repair and (found.files or found.litter):
                click.echo(f"repaired: {checking.repair(log, found)} files; looking again")
                found = checking.examine(log, _progress, alone=True)
                _tell(found)
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted; files that were written are whole, everything else is as it was"
        ) from None
    except (VerificationFailed, SQLAlchemyError) as failed:
        raise click.ClickException(str(failed)) from failed
    if found.faults:
        raise click.ClickException(f"{len(found.faults)} faults")


def _progress(done: int, size: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done:,} of {size:,} entries", err=True, nl=False)


def _tell(found: checking.Findings) -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    for fault in found.faults[:SHOWN]:
        click.echo(f"- {fault.what}\n  {fault.mend}")
    if len(found.faults) > SHOWN:
        click.echo(f"- and {len(found.faults) - SHOWN} more")
    click.echo(f"{found.size} entries examined: {len(found.faults) or 'no'} faults")


@click.command()
@click.option("--seconds", default=30.0, help="How long to write.", show_default=True)
@click.option("--writers", default=8, help="How many write at a time.", show_default=True)
@click.option("--into-this-log", is_flag=True, help="Write even if the log holds entries; those that are written stay.")
@with_appcontext
def hammer(seconds: float, writers: int, into_this_log: bool) -> None:
    """Fill a log while it is checked; exit 0 only if it kept every promise. For a log that nobody needs.

    Make one, with a key of its own: env -i PATH="$PATH" EXCHANGE_DEMO=1 EXCHANGE_DATA_DIR=/tmp/hammer flask migrate
    """
    log = installed.installation()
    if not into_this_log and _holds_entries(log):
        raise click.ClickException(
            "this log holds entries, and what is written stays in it. Name another data folder and database in the "
            "environment and run flask migrate there, or say --into-this-log"
        )
    results = hammering.hammer(log, seconds, writers, installed.now, _show)
    _report(results)
    if results.failures:
        raise click.ClickException("the log does NOT hold: " + "; ".join(results.failures))
    click.echo("every promise was kept")


def _holds_entries(log: Installation) -> bool:
    with log.engine.begin() as connection:
        return any(connection.execute(select(table).limit(1)).first() for table in (tables.entries, tables.queue))


def _show(results: hammering.Results) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{results.seconds:.0f} s, {results.acknowledged:,} entries", err=True, nl=False)


def _report(results: hammering.Results) -> None:
    rate = results.acknowledged / results.seconds if results.seconds else 0.0
    click.echo(f"acknowledged {results.acknowledged:,} entries in {results.seconds:.1f} s ({rate:,.0f}/s)")
    click.echo(f"refused for lack of room {results.unavailable:,}")
    click.echo(
        f"checkpoints seen {results.checkpoints:,}, each containing the one before; proofs checked {results.proofs:,}"
    )
    for name, values in (("append", results.appends), ("from acknowledged to published", results.lags)):
        shares = ", ".join(f"{words} {hammering.share(values, part) * 1000:,.0f} ms" for words, part in PARTS)
        click.echo(f"{name}: {shares}")


PARTS = (("half", 0.5), ("99 of 100", 0.99), ("longest", 1.0))
