"""`flask publish`: what it prints, where it stops, and its exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from audit.tables import queue
from exchange.catalog.models import Dataset, DatasetState, Version
from exchange.classification.models import ColumnDecision
from exchange.db import db
from exchange.directory.models import AgencyAlias, RoleKind
from exchange.hub.commands import STOPPED
from exchange.hub.models import PublishingRun, RunState
from tests.makers.directory import make_agency, make_person
from tests.makers.hub import ROWS, write_csv


@pytest.fixture
def flask(app: Flask) -> Flask:
    """The application with three agencies, two of which are called DSS."""
    for key, name in (("social-services", "Department of Social Services"), ("labor", "Department of Labor")):
        make_agency(db.session(), key, name, "DSS" if key == "social-services" else "DOL")
    science = make_agency(db.session(), "scientific-services", "Division of Scientific Services", "DSS")
    science.aliases.append(AgencyAlias(alias="Forensic Laboratory"))
    db.session.commit()
    return app


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["publish", *words])
    return result.exit_code, result.output


def test_a_file_is_published_with_counts_and_address(flask: Flask, tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "a.csv"))
    code, told = run(flask, path, "--agency", "DOL", "--title", "Claims", "--id", "abcd-1234", "--row-id", "Case")
    assert code == 0, told
    assert "read 3, added 3, changed 0, removed 0, refused 0" in told
    assert "http://127.0.0.1:8000/data/abcd-1234" in told
    dataset = db.session.get_one(Dataset, "abcd-1234")
    assert (dataset.agency_id, dataset.class_, dataset.row_id) == ("labor", "restricted", "case")


def test_an_open_dataset_waits_for_the_cdo_and_says_so(flask: Flask, tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "a.csv"))
    code, told = run(flask, path, "--agency", "labor", "--title", "Claims", "--class", "open", "--yes")
    assert code == 0
    assert "not public yet" in told
    assert "/classification/" in told
    assert db.session.scalars(select(Dataset)).one().state == DatasetState.DRAFT


def test_the_same_agency_and_title_is_a_new_version(flask: Flask, tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "a.csv"))
    for _ in range(2):
        assert run(flask, path, "--agency", "Forensic Laboratory", "--title", "Cases")[0] == 0
    assert db.session.scalar(select(func.count()).select_from(Dataset)) == 1
    assert db.session.scalar(select(func.count()).select_from(Version)) == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--agency", "DSS", "--title", "T"], "social-services"),
        (["--agency", "DSS", "--title", "T"], "scientific-services"),
        (["--agency", "Ministry of Silly Walks", "--title", "T"], "No agency is known as"),
        (["--agency", "labor"], "needs an agency and a title"),
        (["--title", "T"], "needs an agency and a title"),
        (["--agency", "labor", "--title", "T", "--id", "abc"], "is not a dataset id"),
        (["--agency", "labor", "--title", "T", "--recipe", "none"], "There is no recipe file"),
        (["--agency", "labor", "--title", "T", "--type", "Colour=text"], "There is no column Colour"),
        (["--agency", "labor", "--title", "T", "--type", "Count=integer"], "is not a type"),
        (["--agency", "labor", "--title", "T", "--row-id", "Colour"], "no column colour"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_published(
    flask: Flask, tmp_path: Path, words: list[str], expected: str
) -> None:
    code, told = run(flask, str(write_csv(tmp_path / "a.csv")), *words)
    assert code == 1
    assert expected in told
    assert "Traceback" not in told
    assert db.session.scalar(select(func.count()).select_from(Version)) == 0


def test_a_broken_file_says_where(flask: Flask, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("A,B\n1\n", encoding="utf-8")
    code, told = run(flask, str(path), "--agency", "labor", "--title", "T")
    assert code == 1
    assert "line 2 has 1 cell." in told


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"A,A\n1,2\n", "more than once"),
        (b",,2015\nA,B,C\n1,2,3\n", "--recipe smarter_balanced"),
        (b"", "empty"),
        (b"A,B\n", "no rows"),
        (b"A,B\n1,\x00\n", "NUL"),
        (b"A,B\n1,2\n3\n", "line 3 has 1 cell."),
        (b'A,B\n1,"2\n', "inside a quoted cell"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_no_trace(flask: Flask, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    code, told = run(flask, str(path), "--agency", "labor", "--title", "T")
    assert code == 1
    assert words in told
    assert "--resume" not in told
    assert (count(Dataset), count(PublishingRun)) == (0, 0)
    assert not (flask.config["SETTINGS"].data_dir / "runs").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:s3cret@h/db", "No driver for mysql is installed here; there is one for postgresql, sqlite."),
        ("postgresql://u:s3cret@127.0.0.1:9/db", "cannot be read"),
        ("sqlite:///{folder}/nothere.db", "There is no file"),
        ("sqlite:///{folder}/empty.db", "has no table 'people'"),
    ],
)
def test_a_database_that_cannot_be_read_leaves_no_trace(flask: Flask, tmp_path: Path, url: str, words: str) -> None:
    (tmp_path / "empty.db").touch()
    code, told = run(flask, url.format(folder=tmp_path), "--agency", "labor", "--title", "T", "--table", "people")
    assert code == 1
    assert words in told
    assert "Traceback" not in told
    assert "s3cret" not in told
    assert (count(Dataset), count(PublishingRun)) == (0, 0)
    assert not (tmp_path / "nothere.db").exists()


def test_a_failure_says_how_to_go_on_where_that_can_work(flask: Flask, tmp_path: Path) -> None:
    twice = write_csv(tmp_path / "a.csv", [("001", "Avon", "1"), ("001", "Avon", "2")])
    code, told = run(flask, str(twice), "--agency", "labor", "--title", "T", "--row-id", "Case")
    assert code == 1
    failed = db.session.scalars(select(PublishingRun)).one().id
    assert f"flask publish --resume {failed} --type COL=TYPE --row-id COL" in told
    assert run(flask, "--resume", failed, "--row-id", "Count")[0] == 0


def test_a_type_that_is_none_is_refused_before_the_file_is_looked_for(flask: Flask) -> None:
    code, told = run(flask, "nothere.csv", "--agency", "labor", "--title", "T", "--type", "count=banana")
    assert code == 1
    assert "'banana' is not a type" in told


def test_an_unknown_regime_is_refused_with_the_known_ones(flask: Flask, tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "a.csv"))
    code, told = run(flask, path, "--agency", "labor", "--title", "T", "--regime", "NOLAW")
    assert code == 1
    assert "There is no regime NOLAW" in told
    assert "FERPA, FTI, HIPAA" in told
    assert count(Dataset) == 0
    assert run(flask, path, "--agency", "labor", "--title", "T", "--regime", "UC-WAGE")[0] == 0


def test_a_run_that_goes_on_keeps_what_it_began_with(flask: Flask, tmp_path: Path) -> None:
    run(flask, str(write_csv(tmp_path / "a.csv")), "--agency", "labor", "--title", "T")
    known = db.session.scalars(select(PublishingRun)).one().id
    code, told = run(flask, "--resume", known, "--recipe", "smarter_balanced")
    assert code == 1
    assert "--recipe cannot change in a run that has begun" in told


def test_the_agencies_keys_are_listed(flask: Flask) -> None:
    code, told = run(flask, "--list-agencies")
    assert code == 0
    assert "labor  Department of Labor (DOL)" in told
    assert "--list-agencies" in run(flask, "x.csv", "--agency", "nonsense", "--title", "T")[1]


def test_help_names_the_shipped_recipes(flask: Flask) -> None:
    assert "smarter_balanced_tidy" in " ".join(run(flask, "--help")[1].split())


def make_cdo() -> None:
    make_person(db.session(), "Bertram Castellane", roles=[RoleKind.CDO])
    db.session.commit()


def recorded_actions() -> list[str]:
    bodies = db.session.scalars(select(queue.c.body).order_by(queue.c.seq))
    return [json.loads(body)["action"] for body in bodies]


def test_in_the_demo_the_cdo_agrees_at_once_and_it_is_recorded(flask: Flask, tmp_path: Path) -> None:
    make_cdo()
    words = ("--agency", "labor", "--title", "Claims", "--class", "open", "--id", "abcd-1234", "--yes")
    code, told = run(flask, str(write_csv(tmp_path / "a.csv")), *words)
    assert code == 0, told
    assert (
        "Demo: agreed for Bertram Castellane, Chief Data Officer; public at http://127.0.0.1:8000/data/abcd-1234"
    ) in told
    assert "Waiting for" not in told
    assert db.session.get_one(Dataset, "abcd-1234").state == DatasetState.PUBLISHED
    assert flask.test_client().get("/resource/abcd-1234.json").status_code == 200
    assert "classification:columns:agree" in recorded_actions()
    wider = write_csv(tmp_path / "b.csv", [(*row, "x") for row in ROWS], ("Case", "Town", "Count", "Note"))
    for path in (tmp_path / "a.csv", wider):
        code, told = run(flask, str(path), *words)
        if code == STOPPED:
            code, told = run(flask, "--resume", told.split("--resume ")[1].split()[0], "--yes")
        assert code == 0, told
        assert db.session.get_one(Dataset, "abcd-1234", populate_existing=True).state == DatasetState.PUBLISHED
    assert "x" in flask.test_client().get("/resource/abcd-1234.csv").text


@pytest.mark.parametrize("outside", [True, False])
def test_it_waits_outside_the_demo_and_where_asked_to(flask: Flask, tmp_path: Path, outside: bool) -> None:
    make_cdo()
    words = ["--agency", "labor", "--title", "Claims", "--class", "open", "--yes"]
    if outside:
        flask.config["SETTINGS"] = replace(flask.config["SETTINGS"], demo=False)
    else:
        words.append("--no-agree")
    code, told = run(flask, str(write_csv(tmp_path / "a.csv")), *words)
    assert code == 0
    assert "declared open by the operator at the command line; the CDO, another person, has to agree" in told
    assert "Demo: agreed" not in told
    assert db.session.scalars(select(Dataset)).one().state == DatasetState.DRAFT
    assert "classification:columns:agree" not in recorded_actions()


def test_a_decision_of_a_person_is_never_answered_by_the_demo(flask: Flask, tmp_path: Path) -> None:
    make_cdo()
    words = ("--agency", "labor", "--title", "Claims", "--class", "open", "--yes")
    path = str(write_csv(tmp_path / "a.csv"))
    run(flask, path, *words, "--no-agree")
    steward = make_person(db.session(), agency="labor", roles=[(RoleKind.STEWARD, "labor")])
    db.session.scalars(select(ColumnDecision)).all()[0].decided_by_id = steward.id
    db.session.commit()
    code, told = run(flask, path, *words)
    assert code == 0
    assert "Demo: agreed" not in told
    assert db.session.scalars(select(Dataset)).one().state == DatasetState.DRAFT


@pytest.mark.parametrize("source", ["nothing.csv", "http://example.org/x.csv", "nosuch+driver://x/y", "sqlite:///x.db"])
def test_a_source_that_is_none_is_refused(flask: Flask, source: str) -> None:
    code, told = run(flask, source, "--agency", "labor", "--title", "T")
    assert code == 1
    assert "Error" in told
    assert db.session.scalar(select(func.count()).select_from(Dataset)) == 0


def test_a_drop_stops_with_a_code_of_its_own_and_goes_on_when_told(flask: Flask, tmp_path: Path) -> None:
    assert run(flask, str(write_csv(tmp_path / "a.csv")), "--agency", "labor", "--title", "T")[0] == 0
    code, told = run(flask, str(write_csv(tmp_path / "b.csv", ROWS[:1])), "--agency", "labor", "--title", "T")
    assert code == 3
    assert "67 % fewer" in told
    stopped = db.session.scalars(select(PublishingRun).where(PublishingRun.state == RunState.STOPPED)).one().id
    assert run(flask, "--resume", stopped)[0] == 3
    assert run(flask, "--resume", stopped, "--yes")[0] == 0
    assert db.session.get_one(PublishingRun, stopped).state == RunState.PUBLISHED


def test_a_type_can_be_changed_on_the_way(flask: Flask, tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "a.csv"))
    code, told = run(flask, path, "--agency", "labor", "--title", "T", "--type", "Count=text")
    assert code == 0
    assert "Chosen by you." in told
    assert db.session.scalars(select(Dataset)).one().columns[2].type == "text"
