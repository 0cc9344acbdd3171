"""`flask publish`: what it prints, where it stops, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from exchange.catalog.models import Dataset, DatasetState, Version
from exchange.db import db
from exchange.directory.models import AgencyAlias
from exchange.hub.models import PublishingRun, RunState
from tests.makers.directory import make_agency
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
    assert "line 2 has 1 cells" in told


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
