"""`flask audit compare`: an agency's kept receipts beside the log as it stands."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from audit import installed
from audit.published import store
from audit.receipts import comparing
from audit.receipts.comparing import Compared, Differs
from audit.receipts.elsewhere import PublishedLog
from audit.tiles import TileStore


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--with", "other", help="A log elsewhere: its address (https://…/audit/log), or a copy of its folder.")
@click.option("--key", help="The log's public key, as you learnt it elsewhere.")
@with_appcontext
def compare(file: Path, other: str | None, key: str | None) -> None:
    """Compare kept receipts with the log; exit 0 only if the log still holds every one of them, where it was.

    Without --with the log is this installation's: its files, its database, and whether the receipts were complete.
    """
    try:
        compared = _with_other(file, other, key) if other else _with_installation(file, key)
    except (Differs, OSError) as differs:
        raise click.ClickException(f"the log does NOT agree with the receipts: {differs}") from differs
    _say(compared)
    if compared.missing:
        named = ", ".join(map(str, compared.missing[:10])) + (" …" if len(compared.missing) > 10 else "")
        raise click.ClickException(f"the receipts lack {len(compared.missing)} entries of the log: {named}")
    click.echo("the log agrees with the receipts")


def _with_other(file: Path, other: str, key: str | None) -> Compared:
    if not key:
        raise click.ClickException("name the log's public key: --key 'data.example/audit/log+…'; not the one it shows")
    remote = other.startswith(("https://", "http://"))
    with file.open("rb") as lines:
        return comparing.with_log(lines, key, PublishedLog(other) if remote else TileStore(Path(other)))


def _with_installation(file: Path, key: str | None) -> Compared:
    vkey = key or installed.signer().verifier.vkey()
    with file.open("rb") as lines:
        compared = comparing.with_log(lines, vkey, store())
    with file.open("rb") as lines:
        comparing.database_differs(installed.engine(), lines, vkey)
    with file.open("rb") as lines:
        return comparing.with_missing(compared, comparing.lacking(installed.engine(), lines, vkey))


def _say(compared: Compared) -> None:
    click.echo(f"agency    {compared.agency}")
    click.echo(f"receipts  {compared.receipts}, entries {compared.first} to before {compared.following}")
    click.echo(
        f"then      {compared.kept.size} entries\nnow       {compared.stands.size} entries, which begin with those"
    )
