"""The demo's own tables, made from facts and a fixed seed: the same files on every machine.

Nobody in them exists. The open ones are facts about towns; the restricted ones imitate the shape of real
holdings: a student's attendance year (FERPA) and an employer's quarterly wage report (CGS 31-254).
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from demo.facts import TOWNS

SEED = 39
STUDENTS = 6_000
WAGE_RECORDS = 4_000
YEARS = ("2018-2019", "2019-2020")
DAYS_IN_YEAR = 181
LARGE_TOWNS = tuple(sorted(TOWNS, key=lambda town: -town.people)[:24])
RACES = (
    ("White", 52),
    ("Hispanic/Latino of any race", 26),
    ("Black or African American", 13),
    ("Asian", 5),
    ("Two or More Races", 3),
    ("American Indian or Alaska Native", 1),
)
INDUSTRIES = (
    ("31-33", "Manufacturing"),
    ("44-45", "Retail Trade"),
    ("52", "Finance and Insurance"),
    ("61", "Educational Services"),
    ("62", "Health Care and Social Assistance"),
    ("72", "Accommodation and Food Services"),
)


def write_all(folder: Path) -> dict[str, Path]:
    """Write every table as CSV and return the files by key."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "towns": _write(folder / "population_and_housing_by_town.csv", TOWN_HEADER, town_rows()),
        "attendance": _write(folder / "student_attendance.csv", ATTENDANCE_HEADER, attendance_rows()),
        "wages": _write(folder / "wage_records.csv", WAGE_HEADER, wage_rows()),
        "sites": _write(folder / "program_sites.csv", SITE_HEADER, site_rows()),
        "unclassified": _write(folder / "early_intervention_visits.csv", VISIT_HEADER, visit_rows()),
    }


TOWN_HEADER = ("Town Code", "Town", "People", "Housing Units", "Occupied Units", "Vacant Units")
ATTENDANCE_HEADER = (
    "Student Key",
    "School Year",
    "District",
    "Town Code",
    "Grade",
    "Race/Ethnicity",
    "Days Enrolled",
    "Days Absent",
    "Chronically Absent",
)
WAGE_HEADER = ("Worker Key", "Employer Account", "Industry Code", "Industry", "Town", "Quarter", "Wages")
SITE_HEADER = ("Site Number", "Town", "Program", "Places")
VISIT_HEADER = ("Case Number", "Town", "Visit Date", "Referral Source", "Minutes")


def town_rows() -> Iterable[Sequence[object]]:
    """One row a town, with the State's town code in three digits."""
    for code, town in enumerate(TOWNS, 1):
        yield (
            f"{code:03d}",
            town.name,
            town.people,
            town.housing_units,
            town.occupied,
            town.housing_units - town.occupied,
        )


def attendance_rows() -> Iterable[Sequence[object]]:
    """One row a student and school year; absent on ten percent of days or more is chronically absent."""
    chance = random.Random(SEED)
    codes = {town.name: f"{number:03d}" for number, town in enumerate(TOWNS, 1)}
    for number in range(STUDENTS):
        town = chance.choices(LARGE_TOWNS, [t.people for t in LARGE_TOWNS])[0]
        race = chance.choices([r for r, _ in RACES], [w for _, w in RACES])[0]
        grade = f"{chance.randint(0, 12):02d}"
        for year in YEARS:
            absent = min(DAYS_IN_YEAR, int(chance.gammavariate(1.6, 5.2)))
            yield (
                f"{7_000_000 + number:010d}",
                year,
                f"{town.name} School District",
                codes[town.name],
                grade,
                race,
                DAYS_IN_YEAR,
                absent,
                "Y" if absent * 10 >= DAYS_IN_YEAR else "N",
            )


def wage_rows() -> Iterable[Sequence[object]]:
    """One row a worker, employer and quarter; wages in whole dollars."""
    chance = random.Random(SEED + 1)
    for number in range(WAGE_RECORDS):
        code, industry = chance.choice(INDUSTRIES)
        town = chance.choice(LARGE_TOWNS)
        yield (
            f"W{number:07d}",
            f"{chance.randint(10_000, 10_400):08d}",
            code,
            industry,
            town.name,
            f"2019Q{chance.randint(1, 4)}",
            int(chance.lognormvariate(9.3, 0.6)),
        )


def site_rows() -> Iterable[Sequence[object]]:
    """An open table whose classification waits for the Chief Data Officer."""
    chance = random.Random(SEED + 3)
    for number, town in enumerate(LARGE_TOWNS, 1):
        yield f"S-{number:03d}", town.name, chance.choice(("Preschool", "After school")), chance.randint(2, 9) * 10


def visit_rows() -> Iterable[Sequence[object]]:
    """A table that nobody has classified yet, so that the steward's desk has something to do."""
    chance = random.Random(SEED + 2)
    for number in range(300):
        day = f"{chance.randint(1, 12)}/{chance.randint(1, 28)}/2019"
        yield (
            f"EI-{number:05d}",
            chance.choice(LARGE_TOWNS).name,
            day,
            chance.choice(("Pediatrician", "Parent", "Hospital")),
            chance.choice((30, 45, 60)),
        )


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
    return path
