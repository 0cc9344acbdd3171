"""`flask audit rebuild-tallies`: count the whole log anew."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from audit.published import engine
from audit.tally import keeping


@click.command("rebuild-tallies")
@with_appcontext
def rebuild_tallies() -> None:
    """Count every entry into the tallies anew, beside a running sequencer. What was recorded is not touched."""
    try:
        counted = keeping.rebuild(engine())
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"the tallies cannot be written: {type(error).__name__}. Make their tables with: flask migrate"
        ) from error
    click.echo(f"the tallies hold {counted:,} entries")
