"""`flask audit hammer`: it fills and checks a log, and notices when a promise is broken while it does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from audit import checkpoints, tables
from audit.checkpoints import Checkpoint
from audit.hammer import PROOFS, Acknowledged, Checker, Results, hammer
from audit.merkle import leaf_hash
from audit.tiles import Edge, grow
from audit.upkeep import Installation
from audit.verification import VerificationFailed
from exchange.db import db
from tests.makers.audit import make_intent, make_mark, make_signer, now, sequence, write

SECONDS = float(os.environ.get("HAMMER_SECONDS", "1"))


def installation(engine: Engine, data_dir: Path) -> Installation:
    """The log in this folder."""
    return Installation(engine, data_dir, make_signer(data_dir), make_mark(data_dir))


def test_every_promise_is_kept(database: Engine, tmp_path: Path) -> None:
    told: list[int] = []
    results = hammer(installation(database, tmp_path), SECONDS, 4, now, lambda seen: told.append(seen.acknowledged))
    assert results.failures == []
    assert results.acknowledged == len(results.lags) == len(results.appends) > 0
    assert results.checkpoints > 0
    assert results.proofs >= min(results.acknowledged, PROOFS)
    assert told
    with database.connect() as connection:
        count = connection.execute(tables.entries.select()).all()
    assert len(count) == results.acknowledged


BODIES = [make_intent().canonical() for _ in range(300)]


def publish(log: Installation, bodies: list[bytes]) -> None:
    """What the log shows, whatever it showed before."""
    edge, files = grow(Edge(), bodies)
    log.store.write(files)
    note = checkpoints.sign(Checkpoint(log.signer.verifier.name, edge.size, edge.root()), log.signer)
    log.store.write({"checkpoint": note.encode()})


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (lambda log: publish(log, BODIES[:90]), "after a checkpoint of 100 entries another of 90"),
        (lambda log: publish(log, [BODIES[150], *BODIES[1:100]]), "after a checkpoint of 100 entries another of 100"),
        (lambda log: publish(log, [BODIES[150], *BODIES[1:120]]), "proof"),
        (lambda log: publish(log, [*BODIES[:110], BODIES[7]]), "entry 110 repeats entry 7"),
    ],
)
def test_a_broken_promise_is_noticed(
    database: Engine, tmp_path: Path, then: Callable[[Installation], None], said: str
) -> None:
    log, results = installation(database, tmp_path), Results()
    checker = Checker(log, results, tmp_path)
    publish(log, BODIES[:100])
    checker.look()
    then(log)
    with pytest.raises(ValueError if said == "proof" else VerificationFailed, match=None if said == "proof" else said):
        checker.look()


def test_an_acknowledged_entry_that_was_published_otherwise_is_noticed(database: Engine, tmp_path: Path) -> None:
    log, results = installation(database, tmp_path), Results()
    checker, entry = Checker(log, results, tmp_path), make_intent()
    checker.expect(Acknowledged(entry.id, leaf_hash(b"what its writer wrote"), 0.0, 0.0))
    assert checker.waiting == 1
    publish(log, [*BODIES[:3], entry.canonical()])
    with pytest.raises(VerificationFailed, match="entry 3 is not what its writer wrote"):
        checker.look()


def test_it_does_not_write_into_a_log_that_holds_entries(app: Flask) -> None:
    write(db.engine, [make_intent()])
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    refused = app.test_cli_runner().invoke(args=["audit", "hammer", "--seconds", "0.2", "--writers", "2"])
    assert refused.exit_code == 1
    assert "--into-this-log" in refused.output


def test_the_command_reports(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["audit", "hammer", "--seconds", "0.3", "--writers", "2"])
    assert done.exit_code == 0, done.output
    assert "each containing the one before" in done.output
    assert "every promise was kept" in done.output
