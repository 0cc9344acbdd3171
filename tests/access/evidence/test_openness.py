"""Question 9: public datasets that may hold protected data, and the look for small counts."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from access.evidence import small_cells
from access.evidence.models import OpenScan
from access.evidence.openness import QUESTION
from audit.actions import Action
from exchange.catalog.cuts import cut_of
from exchange.catalog.models import Dataset
from exchange.classification.withheld import agreed
from exchange.db import db
from exchange.directory.models import RoleKind
from exchange.rows.types import ColumnInfo
from exchange.settings import Settings
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.agreements import later
from tests.makers.classification import (
    COLUMNS,
    make_agreed,
    make_dataset,
    make_restricted,
    make_table,
    make_version,
)  # fmt: skip
from tests.makers.directory import make_person, sign_in
from tests.makers.evidence import ask, texts

NAMES = {"student_name": "FERPA"}
RULE = {"rule": "SDE_LE5", "columns": ["absent"], "hide_with": ["rate"], "groups": []}
PLAIN = (ColumnInfo("town", "Town", "text"), ColumnInfo("cases", "Cases", "number"), ColumnInfo("year", "Y", "number"))


def plain_table(*cases: float | None) -> Any:
    return make_table(PLAIN, [{"town": "Union", "cases": value, "year": 3} for value in cases])


def make_public(session: Session, settings: Settings, *cases: float | None) -> Dataset:
    dataset = make_dataset(session, class_="open", state="published", columns=PLAIN, title="Cases by town")
    make_version(session, settings, dataset, plain_table(*cases), PLAIN)
    make_agreed(session, settings, dataset, {})
    return dataset


def scan(session: Session, settings: Settings, dataset: Dataset) -> OpenScan:
    kept = small_cells.scan(session, settings.data_dir / "open", dataset, NOON)
    assert kept is not None
    return kept


def test_small_counts_are_found_within_the_bounds_and_nowhere_else(session: Session, settings: Settings) -> None:
    dataset = make_public(session, settings, 0, 1, 5, 6, 2.5, None)
    (found,) = scan(session, settings, dataset).found
    assert (found["column"], found["cells"], found["least"], found["highest"]) == ("cases", 2, 1, 5)


def test_they_are_listed_with_who_agreed_until_a_version_has_none(session: Session, settings: Settings) -> None:
    dataset = make_public(session, settings, 3)
    assert texts(ask(session, QUESTION, NOON)) == []
    assert [row[3] for row in texts(ask(session, QUESTION, NOON, sign="unseen"))] == ["rows not looked at yet"]
    scan(session, settings, dataset)
    (row,) = ask(session, QUESTION, NOON).rows
    assert [cell.text for cell in row[2:6]] == [
        "cases",
        "small counts are shown",
        "1 counts of 3 to 5 (none)",
        "Carla Chief",
    ]
    assert row[3].href == f"/audit/open-rows/{dataset.id}"
    make_version(session, settings, dataset, plain_table(30), PLAIN, later(1))
    scan(session, settings, dataset)
    assert ask(session, QUESTION, NOON).rows == ()


def test_a_version_is_looked_at_once_and_the_look_is_recorded(session: Session, settings: Settings) -> None:
    dataset = make_public(session, settings, 3)
    assert small_cells.not_looked_at(session) == [dataset]
    scan(session, settings, dataset)
    assert small_cells.scan(session, settings.data_dir / "open", dataset, NOON) is None
    assert small_cells.not_looked_at(session) == []
    (entry,) = recorded(session, Action.DATASET_CELLS_SCAN)
    assert (entry["dataset"], entry["columns"], entry["details"]["cells"]) == (dataset.id, ["cases"], 1)


def test_an_open_cut_hides_what_its_rule_hides(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, NAMES, RULE)
    cut = cut_of(session, dataset)
    assert cut is not None
    assert scan(session, settings, cut).found == []
    assert ask(session, QUESTION, NOON).rows == ()


def test_zero_is_no_small_count_even_where_a_rule_hides_it(session: Session, settings: Settings) -> None:
    dataset = make_public(session, settings, 0, 11, 10)
    classification = agreed(session, dataset.id)
    assert classification is not None
    classification.suppression = {"rule": "DCF_LE10", "columns": ["cases"]}
    (found,) = scan(session, settings, dataset).found
    assert (found["cells"], found["least"], found["rule"]) == (1, 10, "DCF_LE10")


def test_a_cut_without_a_rule_shows_them(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, NAMES)
    cut = cut_of(session, dataset)
    assert cut is not None
    assert [found["column"] for found in scan(session, settings, cut).found] == ["absent"]


def test_a_name_that_suggests_protected_data(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, {"absent": "FERPA"})
    (row,) = ask(session, QUESTION, NOON, sign="hint").rows
    assert (row[2].text, row[4].text[:6]) == ("student_name", "FERPA:")
    assert row[5].note == "proposed by Stella Sample"


def test_a_public_column_that_no_decision_opens(session: Session, settings: Settings) -> None:
    dataset = make_dataset(session, class_="open", state="published")
    make_version(session, settings, dataset)
    rows = texts(ask(session, QUESTION, NOON, sign="undecided"))
    assert [row[2] for row in rows] == sorted(column.name for column in COLUMNS)
    assert {row[5:] for row in rows} == {("nobody", "never agreed")}


def test_a_dataset_registered_under_a_law(session: Session, settings: Settings) -> None:
    make_public(session, settings, 30).regimes = ["FERPA"]
    ((_, _, column, _, words, *_),) = texts(ask(session, QUESTION, NOON, sign="law"))
    assert (column, words) == ("the dataset", "registered under FERPA")


@pytest.mark.parametrize("role", [RoleKind.AUDITOR, RoleKind.CDO])
def test_the_look_at_one_dataset_is_the_auditors(app: Flask, client: FlaskClient, role: RoleKind) -> None:
    dataset = make_public(db.session(), app.config["SETTINGS"], 3)
    four_by_four = dataset.id
    sign_in(client, make_person(db.session(), roles=[role]))
    answer = client.get(f"/audit/open-rows/{four_by_four}")
    assert answer.status_code == (200 if role is RoleKind.AUDITOR else 403)
    if role is RoleKind.AUDITOR:
        assert b"cases" in answer.data
        lines = client.get(f"/audit/open-rows/{four_by_four}.csv").text.splitlines()
        assert lines == ["column,cells,least,highest,rule", "cases,1,3,5,none"]
        assert client.get("/audit/open-rows/zzzz-9999").status_code == 404


def test_the_operators_command_looks_at_all(app: Flask) -> None:
    make_public(db.session(), app.config["SETTINGS"], 3)
    db.session.commit()
    runner = app.test_cli_runner()
    assert "small counts in cases" in runner.invoke(args=["access", "scan-open"]).output
    assert runner.invoke(args=["access", "scan-open"]).output == ""
