"""Search by any word of a dataset, filters that narrow, counts that keep their promise."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from exchange.catalog.discovery.snapshot import snapshot_for
from exchange.catalog.search import PAGE_SIZE, Search, find, find_public
from exchange.db import db
from exchange.directory.models import AgencyAlias, RoleKind
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON
from tests.makers.catalogue import make_listed
from tests.makers.classification import make_dataset
from tests.makers.directory import make_agency, make_identity


def make_some(session: Session) -> None:
    make_agency(session, "education", "Department of Education", "SDE")
    make_agency(session, "labor", "Department of Labor", "DOL")
    session.add(AgencyAlias(agency_id="labor", alias="CTDOL"))
    towns = (ColumnInfo("town", "Town name", "text"),)
    make_dataset(session, state="published", title="School attendance", category="Education", tags=["pupils"])
    make_dataset(session, state="published", title="Wages", agency="labor", category="Business", columns=towns,
                 description="What was paid, and school fees")  # fmt: skip
    make_dataset(session, state="published", class_="open", title="Wages by 100% town_x", agency="labor", columns=())
    session.flush()


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("school", ["School attendance", "Wages"]),
        ("PUPILS", ["School attendance"]),
        ("town name", ["Wages"]),
        ("student_name", ["School attendance"]),
        ("sde", ["School attendance"]),
        ("ctdol wages", ["Wages", "Wages by 100% town_x"]),
        ("100%", ["Wages by 100% town_x"]),
        ("%", ["Wages by 100% town_x"]),
        ("school nothing", []),
    ],
)
def test_every_word_must_be_found_somewhere(session: Session, text: str, titles: list[str]) -> None:
    make_some(session)
    cdo = make_identity(session, RoleKind.CDO, now=NOON)
    assert [dataset.title for dataset in find(session, cdo, Search(text)).datasets] == titles


def test_filters_narrow_and_facets_promise_right(session: Session) -> None:
    make_some(session)
    cdo = make_identity(session, RoleKind.CDO, now=NOON)
    found = find(session, cdo, Search(agency="labor"))
    assert found.total == 2
    for part in ("agency", "category", "class_"):
        for choice in found.facets[part]:
            narrowed = Search(**({"agency": "labor"} | {part: choice.value}))
            assert find(session, cdo, narrowed).total == choice.count
    assert {choice.label: choice.count for choice in found.facets["agency"]} == {
        "Department of Education": 1,
        "Department of Labor": 2,
    }


def test_pages_hold_everything_once(session: Session) -> None:
    for number in range(PAGE_SIZE * 2 + 3):
        make_dataset(session, state="published", title=f"Same title {number % 2}", columns=())
    cdo = make_identity(session, RoleKind.CDO, now=NOON)
    ids = [one.id for page in (1, 2, 3) for one in find(session, cdo, Search(page=page)).datasets]
    assert len(ids) == len(set(ids)) == PAGE_SIZE * 2 + 3
    assert find(session, cdo, Search(page=99)).page == 3


def test_memory_and_database_find_the_same_for_the_public(app: Flask) -> None:
    session = db.session()
    for number, (title, words) in enumerate(
        (("School Directory", ("grades",)), ("Mill rates", ()), ("Schools’ meals", ()))
    ):
        make_listed(
            session, f"aaaa-000{number}", title, tags=words, agency=("education", "energy")[number % 2],
            category=("Education", "Government")[number % 2], description=f"All of it, {number} school_s 100%",
        )  # fmt: skip
    make_listed(session, "rrrr-0001", "Restricted school", class_="restricted")
    session.commit()
    snapshot = snapshot_for(db.session, None)
    texts = ("", "school", "SCHOOL directory", "grades", "aaaa-0001", "aaaa-0001 mill", "DoE", "de", "mill rate", "100%",
             "school_s", "energy", "town", "nothing at all", "education school")  # fmt: skip
    for text in texts:
        for more in ({}, {"agency": "energy"}, {"category": "Education"}, {"class_": "open"}, {"page": 2}):
            search = Search(text=text, **more)
            assert find_public(snapshot, search) == find(session, None, search), search
