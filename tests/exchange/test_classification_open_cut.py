"""The open cut: only what was agreed to be open, the same bytes each time, gone when nothing is open any more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import tables
from exchange.catalog.models import Dataset, DatasetState, Version
from exchange.classification import deciding, open_cut
from exchange.rows import store_open
from exchange.rows.types import ColumnInfo, physical_fields
from exchange.settings import Settings
from exchange.values import derived_four_by_four
from tests.conftest import NOON
from tests.makers.classification import (
    COLUMNS,
    ROWS,
    make_agreed,
    make_cdo,
    make_dataset,
    make_proposed,
    make_restricted,
    make_steward,
    make_table,
    make_version,
    stored_rows,
)

NAMES = tuple(column.name for column in COLUMNS)


def cut_of(session: Session, dataset: Dataset) -> Dataset:
    cut = open_cut.cut_of(session, dataset)
    assert cut is not None
    return cut


def version_of(session: Session, dataset: Dataset) -> Version:
    return session.get_one(Version, dataset.current_version_id)


def test_the_cut_is_a_dataset_of_its_own(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings, title="Pupils", row_id="student_name", tags=["schools"])
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    cut = cut_of(session, dataset)
    assert (cut.id, cut.title) == (derived_four_by_four(dataset.id, "open cut"), "Pupils (open cut)")
    assert (cut.class_, cut.state, cut.cut_of_id, cut.agency_id) == ("open", "published", dataset.id, "education")
    assert cut.row_id is None, "the row identifier is withheld"
    assert [column.name for column in cut.columns] == ["district", "year", "absent", "rate"]
    assert [one.code for one in open_cut.left_out(session, cut)] == ["FERPA"]
    rows = stored_rows(settings, version_of(session, cut))
    wanted = [{name: row[name] for name in NAMES if name != "student_name"} for row in ROWS]
    assert sorted(map(str, rows)) == sorted(map(str, wanted))


def test_the_order_of_rows_tells_nothing_withheld(session: Session, settings: Settings) -> None:
    dataset = make_dataset(session)
    make_version(session, settings, dataset)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    first = stored_rows(settings, version_of(session, cut_of(session, dataset)))
    make_version(
        session,
        settings,
        dataset,
        make_table(rows=sorted(ROWS, key=lambda row: str(row["student_name"]), reverse=True)),
    )
    open_cut.rebuild(session, settings, dataset, NOON)
    assert stored_rows(settings, version_of(session, cut_of(session, dataset))) == first


def test_small_cells_are_hidden_and_their_order_too(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    rule = {"rule": "SDE_LE5", "columns": ["absent"], "hide_with": ["rate"], "groups": ["district", "year"]}
    make_agreed(session, settings, dataset, {"student_name": "FERPA"}, rule)
    cut = cut_of(session, dataset)
    rows = stored_rows(settings, version_of(session, cut))
    assert [row["absent"] for row in rows if row["district"] == "Hartford"] == [40, None, None]
    assert [row["rate"] for row in rows if row["absent"] is None] == [None, None]
    assert [row["absent__cell"] for row in rows].count("suppressed") == 2
    assert {column.name for column in cut.columns if column.has_meanings} == {"absent", "rate"}
    assert "SDE_LE5" in cut.description


def test_meanings_of_open_columns_are_carried_along(session: Session, settings: Settings) -> None:
    columns = tuple(replace(column, has_meanings=column.name in ("absent", "rate")) for column in COLUMNS)
    rows = [{**ROWS[0], "absent": None, "absent__cell": "suppressed", "rate": None, "rate__cell": "missing"}, *ROWS[1:]]
    dataset = make_dataset(session, columns=columns)
    make_version(session, settings, dataset, make_table(columns, rows), columns)
    make_agreed(session, settings, dataset, {"student_name": "FERPA", "rate": "HIPAA"})
    shown = stored_rows(settings, version_of(session, cut_of(session, dataset)))
    assert [row["absent__cell"] for row in shown].count("suppressed") == 1
    assert all("rate" not in name for row in shown for name in row)


def test_nothing_before_agreement_and_nothing_for_open_datasets(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    work = make_proposed(session, dataset, {"student_name": "FERPA"})
    assert open_cut.rebuild(session, settings, dataset, NOON) is None
    assert open_cut.cut_of(session, dataset) is None
    deciding.return_(session, make_cdo(session), work, "not yet", NOON)
    assert open_cut.rebuild(session, settings, dataset, NOON) is None
    assert not (settings.data_dir / "open").exists()
    assert open_cut.rebuild(session, settings, make_dataset(session, class_="open"), NOON) is None


def test_a_first_version_after_agreement_brings_the_cut(session: Session, settings: Settings) -> None:
    dataset = make_dataset(session)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    assert open_cut.cut_of(session, dataset) is None
    make_version(session, settings, dataset)
    version = open_cut.rebuild(session, settings, dataset, NOON)
    assert version is not None and version.rows == len(ROWS)


def test_invariant_9_building_twice_gives_the_same_bytes(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    first = version_of(session, cut_of(session, dataset))
    assert open_cut.rebuild(session, settings, dataset, NOON) is first
    make_version(session, settings, dataset)
    assert open_cut.rebuild(session, settings, dataset, NOON) is first, "the same rows are the same version"
    make_version(session, settings, dataset, make_table(rows=ROWS[:2]))
    assert open_cut.rebuild(session, settings, dataset, NOON) is not first
    make_version(session, settings, dataset)
    again = open_cut.rebuild(session, settings, dataset, NOON)
    assert again is not None
    assert (again.number, again.sha256) == (3, first.sha256)


def restrict(session: Session, settings: Settings, dataset: Dataset, columns: dict[str, str], now: datetime) -> None:
    """A later classification that restricts these columns as well."""
    steward = make_steward(session)
    work = deciding.start(session, steward, dataset, now)
    choices = [deciding.Choice(name, "restricted", code) for name, code in columns.items()]
    deciding.decide(session, steward, work, choices, now)
    deciding.propose(session, steward, work, now)
    deciding.agree(session, make_cdo(session, "Cleo Chief"), work, now, settings=settings)


def test_a_column_restricted_later_disappears_and_so_do_its_old_files(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    cut = cut_of(session, dataset)
    old = version_of(session, cut)
    restrict(session, settings, dataset, {"rate": "HIPAA"}, NOON + timedelta(days=1))
    session.commit()
    assert [column.name for column in cut.columns] == ["district", "year", "absent"]
    current = version_of(session, cut)
    assert all("rate" not in row for row in stored_rows(settings, current))
    open_cut.forget_withdrawn(session, settings, dataset)
    root = settings.data_dir / "open"
    assert not (root / old.path).exists()
    assert (root / current.path).exists()
    assert session.get(Version, old.id) is not None, "that it was public, and its hash, stay on record"


def test_it_is_retired_when_nothing_is_open_and_comes_back(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    cut = cut_of(session, dataset)
    restrict(session, settings, dataset, dict.fromkeys(NAMES, "HIPAA"), NOON + timedelta(days=1))
    session.commit()
    open_cut.forget_withdrawn(session, settings, dataset)
    assert (cut.state, cut.current_version_id, list(cut.columns)) == (DatasetState.RETIRED, None, [])
    assert [path for path in (settings.data_dir / "open" / cut.id).rglob("*") if path.is_file()] == []
    steward = make_steward(session, name="Sue Sample")
    work = deciding.start(session, steward, dataset, NOON + timedelta(days=2))
    deciding.decide_column(session, steward, work, "district", "open", now=NOON + timedelta(days=2))
    deciding.propose(session, steward, work, NOON + timedelta(days=2))
    deciding.agree(session, make_cdo(session, "Cora Chief"), work, NOON + timedelta(days=2), settings=settings)
    assert (cut.state, [column.name for column in cut.columns]) == (DatasetState.PUBLISHED, ["district"])
    assert version_of(session, cut).number == 2


def test_a_new_column_stays_closed_until_it_is_decided(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    wider = (*COLUMNS, ColumnInfo("ssn", "SSN", "text"))
    make_version(session, settings, dataset, make_table(wider, [{**row, "ssn": "000-00-0000"} for row in ROWS]), wider)
    open_cut.rebuild(session, settings, dataset, NOON)
    assert all("ssn" not in row for row in stored_rows(settings, version_of(session, cut_of(session, dataset))))


def test_the_build_is_on_record(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    cut = cut_of(session, dataset)
    entries = [json.loads(body) for body in session.scalars(select(tables.queue.c.body))]
    built = [entry for entry in entries if entry["action"] == "cut:version:build"]
    assert len(built) == 1
    assert (built[0]["dataset"], built[0]["result_sha256"]) == (cut.id, version_of(session, cut).sha256)
    assert built[0]["columns"] == ["district", "year", "absent", "rate"]


def test_a_broken_seal_builds_nothing(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    work = make_proposed(session, dataset, {"student_name": "FERPA"})
    sealed = settings.data_dir / "restricted" / version_of(session, dataset).path
    body = bytearray(sealed.read_bytes())
    body[len(body) // 2] ^= 1
    sealed.chmod(0o600)
    sealed.write_bytes(bytes(body))
    with pytest.raises(Exception, match=r"(?i)seal|tamper|stored|changed|differ"):
        deciding.agree(session, make_cdo(session), work, NOON, settings=settings)
    session.rollback()
    assert not list((settings.data_dir / "open").rglob("*.parquet"))


TYPES = st.sampled_from(["text", "number", "checkbox", "calendar_date", "point", "url"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.none() | st.text("abc", max_size=3),
    "url": st.none() | st.just("https://example.org/"),
    "number": st.none() | st.integers(0, 20).map(float),
    "checkbox": st.none() | st.booleans(),
    "calendar_date": st.none() | st.just(datetime(2015, 1, 2)),  # noqa: DTZ001 (a floating date has no zone)
}
CELLS = st.sampled_from([None, "suppressed", "not_applicable", "missing"])


@st.composite
def restricted_tables(draw: st.DrawFn) -> tuple[tuple[ColumnInfo, ...], pa.Table, frozenset[str]]:
    """Columns of any type, rows that name their column where they can, and the columns that are withheld."""
    types = draw(st.lists(TYPES, min_size=1, max_size=6))
    columns = tuple(
        ColumnInfo(f"c{i}" if draw(st.booleans()) else f"c{i}_c", f"Column {i}", type_, draw(st.booleans()))
        for i, type_ in enumerate(types)
    )
    height = draw(st.integers(0, 8))
    arrays = {}
    for column in columns:
        for field in physical_fields(column):
            source = (
                CELLS if field.name.endswith("__cell") else VALUES["number" if column.type == "point" else column.type]
            )
            values = draw(st.lists(source, min_size=height, max_size=height))
            arrays[field.name] = pa.array(values, field.type)
    withheld = draw(st.sets(st.sampled_from([column.name for column in columns])))
    return columns, pa.table(arrays), frozenset(withheld)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=restricted_tables())
def test_invariant_9_the_cut_holds_exactly_the_open_columns(
    session: Session, settings: Settings, made: tuple[tuple[ColumnInfo, ...], pa.Table, frozenset[str]]
) -> None:
    columns, table, withheld = made
    dataset = make_dataset(session, columns=columns)
    make_version(session, settings, dataset, table, columns)
    make_agreed(session, settings, dataset, dict.fromkeys(withheld, "CONF-ID"))
    cut = open_cut.cut_of(session, dataset)
    open_ = [column for column in columns if column.name not in withheld]
    if not open_:
        assert cut is None
        return
    assert cut is not None
    stored = store_open.read_table(settings.data_dir / "open", version_of(session, cut).path)
    assert stored.num_rows == table.num_rows
    assert stored.schema.names == ["_row", *(field.name for column in open_ for field in physical_fields(column))]
    names = stored.schema.names[1:]
    assert sorted(map(str, stored.select(names).to_pylist())) == sorted(
        map(str, table.select(names).cast(stored.select(names).schema).to_pylist())
    )
