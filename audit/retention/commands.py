"""`flask audit retention`: what is due and what is held. `flask audit rotate-personal-key`: another master key."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from audit import installed
from audit.days import legal_day
from audit.master_key import MasterKeyUnusable
from audit.retention import destruction, erasure, here, holds, scope, steps
from audit.retention.rotation import rotate


@click.command()
@click.option("--destroy-again", is_flag=True, help="Overwrite destroyed keys that came back from a backup.")
@with_appcontext
def retention(destroy_again: bool) -> None:
    """Print what may be proposed for disposal, and from when; open requests; living holds. Changes nothing by itself.

    Exit 1 if a key lives that the log says is destroyed, or is gone though the log does not say so, or if the holds are
    not those that the log says were placed and lifted.
    """
    if destroy_again:
        with installed.engine().begin() as connection:
            again = destruction.destroy_again(connection)
        if not destruction.scrub(installed.engine()):
            raise click.ClickException(
                "the database is busy, so overwritten bytes may still be in its files; try again"
            )
        click.echo(f"{len(again)} keys destroyed again")
    with installed.engine().connect() as connection:
        kept, back = scope.everything_kept(connection, legal_day(installed.now())), destruction.revived(connection)
        asked, held = erasure.every(connection), holds.every(connection)
        changed, gone = holds.differing(connection), destruction.vanished(connection)
        for due in kept:
            click.echo(_due(due, holds.covering(connection, due.scope)))
    for row in asked:
        if steps.waits_on(row):
            state = steps.STATE_WORDS[steps.State(row.state)]
            click.echo(
                f"{erasure.number_of(row.id)}  {state}, from {steps.waits_on(row)}, since {steps.since(row):%Y-%m-%d}"
            )
    for hold in held:
        if hold.lifted_at is None:
            click.echo(f"{hold.number}  in force: {hold.words}")
    _require_as_logged(changed, gone)
    if back:
        raise click.ClickException(
            f"{len(back)} keys live that the log says are destroyed: a backup was restored. They open nothing; "
            "overwrite them with: flask audit retention --destroy-again"
        )


def _require_as_logged(changed: list[str], gone: list[str]) -> None:
    """Somebody changed rows behind the log's back: nothing here mends that."""
    if changed:
        raise click.ClickException(f"the holds {', '.join(changed)} are not what the log says; tell the auditors")
    if gone:
        raise click.ClickException(
            f"{len(gone)} keys are gone, and the log does not say that they were destroyed: {', '.join(gone[:5])}. "
            "Tell the auditors; restore audit_subject_key from the newest backup that has them"
        )


@click.command("rotate-personal-key")
@with_appcontext
def rotate_personal_key() -> None:
    """Wrap every living key of personal fields under a new master key, and forget the old one.

    Stop the web workers first. Afterwards destroy the copies of the old key file: erased keys in backups are then gone.
    """
    try:
        count = rotate(installed.engine(), here.sealer().master, installed.now())
    except MasterKeyUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    click.echo(f"{count} keys wrapped under a new master key; destroy every copy of the old file")


def _due(due: scope.Due, covering: list[holds.Hold]) -> str:
    rule = due.kept.because.citation if due.kept.because else ""
    ready = due.kept.is_due(legal_day(installed.now()))
    state = "held by " + ", ".join(hold.number for hold in covering) if covering else ("due" if ready else "kept")
    records = " and once the records themselves are disposed of" if due.kept.needs_record else ""
    whose = scope.WHOSE_WORDS[due.scope.whose].lower()
    return f"{due.scope.last_year}  {state}: {whose}, {due.keys} keys; from {due.kept.from_day} ({rule}){records}"
