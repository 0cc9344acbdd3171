"""`flask audit compare`: an agency's kept receipts beside the log as it stands."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from audit import installed
from audit.published import store
from audit.receipts import comparing
from audit.receipts.__main__ import AGREES, NotCompared, keys_of, not_compared, said, with_other
from audit.receipts.comparing import Compared, Differs
from audit.receipts.receipt import BadReceipts


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--with", "other", help="A log elsewhere: its address (https://…/audit/log), or a copy of its folder.")
@click.option("--key", multiple=True, help="The log's public key, as you learnt it elsewhere; then older ones.")
@with_appcontext
def compare(file: Path, other: str | None, key: tuple[str, ...]) -> None:
    """Compare kept receipts with the log; exit 0 only if the log still holds every one of them, where it was.

    Without --with the log is this installation's: its files, its database, and whether the receipts were complete.
    On an agency's own machine, without settings: `python -m audit.receipts`.
    """
    try:
        compared = with_other(file, other, key) if other else _with_installation(file, key)
    except NotCompared as failed:
        raise click.ClickException(str(failed)) from failed
    click.echo(said(compared))
    if compared.missing:
        named = ", ".join(map(str, compared.missing[:10])) + (" …" if len(compared.missing) > 10 else "")
        raise click.ClickException(f"the receipts lack {len(compared.missing)} entries of the log: {named}")
    click.echo(AGREES)


def _with_installation(file: Path, vkeys: tuple[str, ...]) -> Compared:
    keys = keys_of(vkeys) if vkeys else installed.signing()[0]
    try:
        with file.open("rb") as lines:
            compared = comparing.with_log(lines, keys, store())
        with file.open("rb") as lines:
            comparing.database_differs(installed.engine(), lines, keys)
        with file.open("rb") as lines:
            return comparing.with_missing(compared, comparing.lacking(installed.engine(), lines, keys))
    except (Differs, BadReceipts, OSError) as wrong:
        raise not_compared(wrong) from wrong
