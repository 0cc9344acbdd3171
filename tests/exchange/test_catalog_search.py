"""Search by any word of a dataset, filters that narrow, counts that keep their promise."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from exchange.catalog.search import PAGE_SIZE, Search, find
from exchange.directory.models import AgencyAlias, RoleKind
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON
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
