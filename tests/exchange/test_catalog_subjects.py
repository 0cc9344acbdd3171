"""Naming the column that says whom a row is about: by page, by command, and who may."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from exchange import clock
from exchange.catalog.models import Dataset, SubjectColumn
from exchange.catalog.subjects import EDUCATION, HEALTH, OTHER, name_subject, record_of, subject_of
from exchange.db import db
from exchange.directory.models import RoleKind
from exchange.errors import Invalid, Refused
from tests.makers.access import entries, make_dataset
from tests.makers.browser import make_browser
from tests.makers.directory import make_agency, make_identity, make_person, sign_in
from tests.makers.hub import write_csv


@pytest.fixture
def dataset(app: Flask) -> Dataset:
    made = make_dataset(db.session())
    db.session.commit()
    return made


def test_it_is_named_with_its_entry_and_named_anew(dataset: Dataset) -> None:
    assert subject_of(db.session(), dataset.id) is None
    name_subject(db.session(), None, dataset, "ssn", now=clock.now())
    assert subject_of(db.session(), dataset.id) == ("ssn", "aaaa-2222")
    named = name_subject(db.session(), None, dataset, "town", namespace="town-id", record=HEALTH, now=clock.now())
    db.session.commit()
    assert (named.column, named.namespace, named.record) == ("town", "town-id", HEALTH)
    first, second = entries("dataset:subject:name")
    assert (first["columns"], first["details"]) == (["ssn"], {"namespace": "aaaa-2222", "record": OTHER})
    assert (second["columns"], second["source"]) == (["town"], "education")


@pytest.mark.parametrize(
    ("column", "namespace", "record", "words"),
    [
        ("nothing", "", "", "no column 'nothing'"),
        ("_subject", "", "", "no column"),
        ("ssn", "Student Id", "", "small letters"),
        ("ssn", "a" * 81, "", "small letters"),
        ("ssn", "", "secret", "no kind of record"),
    ],
)
def test_what_cannot_be_is_refused(dataset: Dataset, column: str, namespace: str, record: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        name_subject(db.session(), None, dataset, column, namespace=namespace, record=record, now=clock.now())


def test_open_data_names_nobody_and_others_do_not_name(dataset: Dataset) -> None:
    other = make_identity(db.session(), RoleKind.DATA_OFFICER, agency="labor")
    with pytest.raises(Refused):
        name_subject(db.session(), other, dataset, "ssn", now=clock.now())
    dataset.class_ = "open"
    with pytest.raises(Invalid, match="Open data"):
        name_subject(db.session(), None, dataset, "ssn", now=clock.now())


def test_the_regimes_say_which_record_it_is() -> None:
    kinds = [record_of(regimes) for regimes in ((), ("FERPA",), ("HIPAA", "PART2"), ("FTI",), ("HIPAA", "FERPA"))]
    assert kinds == [OTHER, EDUCATION, HEALTH, OTHER, EDUCATION]


def test_the_page_of_a_steward(app: Flask, dataset: Dataset) -> None:
    steward = make_person(db.session(), "Ada Steward", agency="education", roles=[RoleKind.STEWARD])
    stranger = make_person(db.session(), "Ada Stranger", agency="labor", roles=[RoleKind.STEWARD])
    browser, other = make_browser(app), make_browser(app)
    sign_in(browser, steward)
    sign_in(other, stranger)
    assert "not named" in unescape(browser.get("/subjects").get_data(as_text=True))
    answer = browser.submit("/subjects/aaaa-2222", {"column": "ssn", "namespace": "Person Id", "record": EDUCATION})
    assert answer.status_code == 400
    answer = browser.submit("/subjects/aaaa-2222", {"column": "ssn", "namespace": "person-id", "record": EDUCATION})
    assert answer.status_code == 303
    page = unescape(browser.get("/subjects").get_data(as_text=True))
    assert "person-id" in page
    assert "34 CFR 99.32" in page
    assert db.session.get_one(SubjectColumn, "aaaa-2222").column == "ssn"
    assert other.get("/subjects/aaaa-2222").status_code == 404
    assert "Absence by student" not in other.get("/subjects").get_data(as_text=True)


def test_a_command_names_it_with_the_first_version(app: Flask, tmp_path: Path) -> None:
    make_agency(db.session(), "labor", "Department of Labor", "DOL")
    db.session.commit()
    path = str(write_csv(tmp_path / "a.csv"))
    words = ["publish", path, "--agency", "labor", "--title", "Claims", "--id", "abcd-1234"]
    runner = app.test_cli_runner()
    told = runner.invoke(args=[*words, "--subject", "case", "--key-kind", "claim-id"])
    assert told.exit_code == 0, told.output
    assert "person in case (kind of key: claim-id, other record)" in told.output
    assert subject_of(db.session(), "abcd-1234") == ("case", "claim-id")
    wrong = runner.invoke(args=[*words, "--subject", "nobody"])
    assert wrong.exit_code == 1
    assert "no column 'nobody'" in wrong.output


def test_the_secret_is_made_once_and_rotated_when_asked(app: Flask) -> None:
    runner = app.test_cli_runner()
    assert "Back the file up" in runner.invoke(args=["disclosures", "make-secret"]).output
    assert runner.invoke(args=["disclosures", "make-secret"]).exit_code == 1
    assert runner.invoke(args=["disclosures", "make-secret", "--rotate"]).exit_code == 0
    assert "Took in 0" in runner.invoke(args=["disclosures", "index"]).output
    assert "from 0 manifests" in runner.invoke(args=["disclosures", "rebuild"]).output
