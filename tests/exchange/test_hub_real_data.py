"""Every real file of Connecticut open data loads, with the counts that were established by hand (SOURCES.md)."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from exchange.hub.conforming import CONFORMED, conform
from exchange.hub.extracting import extract
from exchange.hub.proposing import ProposedColumn
from exchange.hub.recipe import read_recipe
from exchange.hub.source import FileGiven
from exchange.hub.staging import Staging
from exchange.rows.types import SodaType

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data folder is not beside this clone")

ABSENTEEISM = "chronic_absenteeism_by_race_ethnicity_2012-2020.csv"
FILES = [
    ("accidental_drug_related_deaths_2012-2018.csv", None, 5_105, 41),
    ("education_directory.csv", None, 1_209, 25),
    ("smarter_balanced_raw.csv", "smarter_balanced", 12_642, 14),
    ("affordable_housing_by_town_2011-2022.csv", None, 2_025, 10),
    (ABSENTEEISM, None, 12_915, 7),
    ("school_attendance_by_student_group_and_district_2021-2022.csv", None, 2_019, 12),
    ("covid19_tests_cases_deaths_by_town.csv", None, 27_209, 16),
    ("population_and_housing_by_town_2010.socrata.rdf", None, 169, 5),
    ("police_departments.socrata.rdf", None, 185, 9),
]
"""Police departments have ten values a row in the file: their location is two of them, and one column here."""


def load(tmp_path: Path, name: str, recipe: str | None = None) -> tuple[Staging, dict[str, ProposedColumn], int]:
    staging = Staging.of(tmp_path, "run")
    extracted = extract(staging, FileGiven(DATA / name, name), read_recipe(Path(recipe)) if recipe else None)
    columns = [ProposedColumn.from_json(kept) for kept in extracted["proposal"]]
    conformed = conform(staging, columns)
    assert conformed["refused"] == 0
    assert conformed["rows"] == extracted["rows"]
    return staging, {column.name: column for column in columns}, conformed["rows"]


@pytest.mark.parametrize(("name", "recipe", "rows", "columns"), FILES, ids=[name for name, *_ in FILES])
def test_the_file_loads_whole(tmp_path: Path, name: str, recipe: str | None, rows: int, columns: int) -> None:
    _, found, read = load(tmp_path, name, recipe)
    assert (read, len(found)) == (rows, columns)


def test_every_csv_and_rdf_file_is_covered() -> None:
    assert {path.name for path in DATA.iterdir() if path.suffix in (".csv", ".rdf")} == {name for name, *_ in FILES}


def test_sentinels_become_meanings_and_never_numbers(tmp_path: Path) -> None:
    staging, columns, _ = load(tmp_path, ABSENTEEISM)
    assert dict(columns["value"].sentinel_counts) == {"-9999": 6_365, "-6666": 1_824}
    table = pq.read_table(staging.path(CONFORMED))
    meanings = {p["values"]: p["counts"] for p in pc.value_counts(table["value__cell"]).to_pylist()}
    assert meanings == {"suppressed": 6_365, "missing": 1_824, None: 12_915 - 6_365 - 1_824}
    assert table["value"].null_count == 6_365 + 1_824
    assert pc.min(table["value"]).as_py() >= 0


def test_zip_codes_keep_their_leading_zeros(tmp_path: Path) -> None:
    staging, columns, _ = load(tmp_path, "education_directory.csv")
    assert {columns[name].type for name in ("zipcode", "phone", "organization_code")} == {"text"}
    zips = pq.read_table(staging.path(CONFORMED), columns=["zipcode"])["zipcode"]
    assert pc.all(pc.starts_with(zips, "0")).as_py()
    assert pc.sum(pc.equal(pc.utf8_length(zips), 5)).as_py() == 517
    assert pc.sum(pc.equal(pc.utf8_length(zips), 10)).as_py() == 692
    location = pq.read_table(staging.path(CONFORMED), columns=["location__lat"])
    assert location["location__lat"].null_count == 29


def test_deaths_have_dates_and_places(tmp_path: Path) -> None:
    staging, columns, _ = load(tmp_path, "accidental_drug_related_deaths_2012-2018.csv")
    assert columns["id"].type == SodaType.TEXT
    table = pq.read_table(staging.path(CONFORMED))
    years = {p["values"]: p["counts"] for p in pc.value_counts(pc.year(table["date"])).to_pylist()}
    assert [years[year] for year in range(2012, 2019)] == [355, 490, 558, 727, 917, 1_038, 1_018]
    assert years[None] == 2
    assert columns["injurycitygeo"].type == SodaType.POINT


def test_three_header_lines_by_a_shipped_recipe(tmp_path: Path) -> None:
    _, columns, _ = load(tmp_path, "smarter_balanced_raw.csv", "smarter_balanced")
    assert [column.label for column in columns.values()][3:6] == [
        "District", "2015 Total Number with Scored Tests", "2015 Average VSS",
    ]  # fmt: skip
    assert columns["_2015_average_vss"].type == SodaType.NUMBER
    assert dict(columns["_2015_average_vss"].sentinels) == {"*": "suppressed"}


def test_the_same_scores_as_tidy_rows(tmp_path: Path) -> None:
    _, columns, rows = load(tmp_path, "smarter_balanced_raw.csv", "smarter_balanced_tidy")
    assert list(columns) == [
        "grade", "subject", "race_ethnicity", "district", "year", "total_number_with_scored_tests", "average_vss",
    ]  # fmt: skip
    assert 12_642 < rows <= 5 * 12_642


def test_town_and_district_codes_stay_text(tmp_path: Path) -> None:
    _, attendance, _ = load(tmp_path / "a", "school_attendance_by_student_group_and_district_2021-2022.csv")
    _, covid, _ = load(tmp_path / "b", "covid19_tests_cases_deaths_by_town.csv")
    _, housing, _ = load(tmp_path / "c", "affordable_housing_by_town_2011-2022.csv")
    assert {attendance["district_code"].type, covid["town_number"].type, housing["town_code"].type} == {"text"}
    assert "Single Family CHFA/ USDA Mortgages" in {column.label for column in housing.values()}
