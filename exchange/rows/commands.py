"""`flask rows engine`: which engine answers for a dataset, by the operator."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from exchange.errors import CharterError
from exchange.rows.routing import order_engine
from exchange.rows.whereabouts import EngineName
from exchange.web import session

BY_SIZE = "auto"
rows = AppGroup("rows", help="How rows are answered.")


@rows.command("engine")
@click.argument("four_by_four", metavar="4x4")
@click.argument("engine", type=click.Choice([*(name.value for name in EngineName), BY_SIZE]))
def engine_(four_by_four: str, engine: str) -> None:
    """Answer for one dataset by DuckDB or by Spark, or by whichever its size says (auto)."""
    try:
        order_engine(session(), four_by_four, None if engine == BY_SIZE else engine)
    except CharterError as error:
        raise click.ClickException(error.message) from error
    session().commit()
    click.echo(f"{four_by_four} is answered by {'the engine for its size' if engine == BY_SIZE else engine}.")
