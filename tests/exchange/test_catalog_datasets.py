"""Registering datasets: ids, agencies, and the entry that goes with each."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import tables
from exchange.catalog.datasets import columns_of, current_version, find_datasets, get_dataset, register_dataset
from exchange.catalog.models import Dataset
from exchange.errors import Conflict, Invalid
from exchange.values import is_four_by_four
from tests.makers.catalog import make_dataset
from tests.makers.directory import make_agency, make_identity
from tests.makers.hub import NOON


def register(session: Session, **more: Any) -> Dataset:
    make_agency(session, "education")
    given = {"agency_id": "education", "title": "Attendance", "class_": "restricted", "now": NOON, **more}
    return register_dataset(session, make_identity(session), **given)


def test_a_dataset_is_a_draft_without_a_version_and_has_an_entry(session: Session) -> None:
    dataset = register(session, regimes=["FERPA", "FERPA"], row_id="Case Number")
    assert is_four_by_four(dataset.id)
    assert (dataset.state, dataset.row_id, dataset.regimes) == ("draft", "case_number", ["FERPA"])
    assert current_version(session, dataset) is None
    assert columns_of(dataset) == ()
    assert get_dataset(session, dataset.id) is dataset
    body = session.connection().execute(select(tables.queue.c.body)).scalar_one()
    assert b'"action":"dataset:registration:add"' in body
    assert dataset.id.encode() in body


def test_a_given_id_is_kept(session: Session) -> None:
    assert register(session, id="rybz-nyjw").id == "rybz-nyjw"


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"id": "abcd-1234"}, Conflict, "is taken"),
        ({"id": "ABCD-1234"}, Invalid, "is not a dataset id"),
        ({"id": "../etc"}, Invalid, "is not a dataset id"),
        ({"agency_id": "DSS"}, Invalid, "no agency with the key"),
        ({"title": "  "}, Invalid, "needs a title"),
        ({"title": "x" * 301}, Invalid, "needs a title"),
        ({"class_": "secret"}, Invalid, "open or restricted"),
        ({"category": "Fun"}, Invalid, "is not a category"),
    ],
)
def test_what_cannot_be_registered_is_refused(
    session: Session, more: dict[str, Any], error: type[Exception], words: str
) -> None:
    make_dataset(session, id="abcd-1234")
    with pytest.raises(error, match=words):
        register(session, **more)
    assert session.scalar(select(func.count()).select_from(Dataset)) == 1


def test_an_exact_title_means_one_dataset(session: Session) -> None:
    whole, longer = make_dataset(session, title="Attendance"), make_dataset(session, title="Attendance by District")
    assert find_datasets(session, " attendance ") == [whole.id]
    assert find_datasets(session, "Attend") == [whole.id, longer.id]
    assert find_datasets(session, "Nothing") == []
