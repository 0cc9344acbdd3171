"""`flask rows engine`: which engine answers for a dataset. `flask rows build`: serving files that nobody made."""

from __future__ import annotations

import signal
import sys

import click
from flask.cli import AppGroup

from exchange import clock
from exchange.errors import CharterError
from exchange.rows import upkeep, withdrawn
from exchange.rows.routing import BY_SIZE, order_engine
from exchange.rows.whereabouts import EngineName, whereabouts
from exchange.web import session, settings

rows = AppGroup("rows", help="How rows are answered.")


@rows.command("engine")
@click.argument("four_by_four", metavar="4x4")
@click.argument("engine", type=click.Choice([*(name.value for name in EngineName), BY_SIZE]))
def engine_(four_by_four: str, engine: str) -> None:
    """Answer for one dataset by DuckDB or by Spark, or by whichever its size says (auto)."""
    try:
        order_engine(session(), four_by_four, None if engine == BY_SIZE else engine, clock.now())
    except CharterError as error:
        raise click.ClickException(error.message) from error
    session().commit()
    click.echo(f"{four_by_four} is answered by {'the engine for its size' if engine == BY_SIZE else engine}.")


@rows.command("build")
def build() -> None:
    """Build the serving files that open versions lack, and remove those of superseded versions; nothing if one does.

    Before that, what was withdrawn from the public goes, here and in the object store.
    `flask serve` runs it every few minutes. It can be run by hand after a restore, and broken off at any moment.
    """
    root = settings().data_dir / "open"
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))  # so that unfinished files are removed
    with upkeep.alone(root) as free:
        if not free:
            click.echo("Another process of this machine is building.")
            return
        upkeep.step_back()
        gone = withdrawn.forget(settings(), withdrawn.every_withdrawn(session()))
        if gone:
            click.echo(f"{len(gone)} files of withdrawn versions were removed.")
        upkeep.build_missing(session(), root, whereabouts(settings()), click.echo)
        removed = upkeep.remove_superseded(session(), root, clock.now())
        if removed:
            click.echo(f"{removed} files of superseded versions were removed.")
