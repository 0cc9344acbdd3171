"""`flask audit stream`, as an operator runs it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from flask import Flask

from audit.actions import Action
from exchange.db import db
from tests.makers.audit import make_intent, write
from tests.makers.log import entries


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["audit", "stream", *words])


def test_a_start_is_recorded_before_anything_leaves(app: Flask, tmp_path: Path) -> None:
    out = tmp_path / "out.ocsf"
    with app.app_context():
        write(db.engine, [make_intent(), make_intent()])
    assert app.test_cli_runner().invoke(args=["audit", "verify"]).exit_code == 0
    result = run(app, "siem", "--to", f"file://{out}", "--once")
    assert result.exit_code == 0, result.output
    sent = [json.loads(line)["metadata"]["sequence"] for line in out.read_text().splitlines()]
    assert sent == list(range(len(sent)))
    assert f"siem: everything before entry {len(sent)} was taken" in result.output
    with app.app_context():
        started = entries(db.session(), Action.LOG_ENTRIES_STREAM)
    assert [(e["details"]["stream"], e["details"]["from"]) for e in started] == [("siem", 0)]


def test_a_receiver_that_is_away_is_said_so_and_recorded(app: Flask) -> None:
    with app.app_context():
        write(db.engine, [make_intent()])
    app.test_cli_runner().invoke(args=["audit", "verify"])
    result = run(app, "siem", "--to", "syslog://user:word@127.0.0.1:9", "--once")
    assert result.exit_code == 1
    assert "run the command again to go on" in result.output
    with app.app_context():
        started = entries(db.session(), Action.LOG_ENTRIES_STREAM)
    assert [e["details"]["to"] for e in started] == ["syslog://127.0.0.1:9"]


def test_what_cannot_be_meant_is_refused(app: Flask) -> None:
    assert "small letters" in run(app, "../x", "--to", "file:///x").output
    assert "Name file:///path" in run(app, "siem", "--to", "ftp://x").output
