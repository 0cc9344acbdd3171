"""The demo's datasets: registered, published, classified by their agency, agreed by the Chief Data Officer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from audit.ledger import Ledger
from demo.cast import DOL, OPM, SDE
from demo.people import acting
from exchange.catalog.datasets import get_dataset, register_dataset
from exchange.catalog.models import Dataset
from exchange.catalog.subjects import EDUCATION, OTHER, name_subject, subject_of
from exchange.classification import deciding
from exchange.hub.publishing import publish_file
from exchange.hub.source import FileGiven
from exchange.settings import Settings
from exchange.values import derived_four_by_four


@dataclass(frozen=True)
class Holding:
    """A table of the demo. `restricted` maps a column to its exemption code; None: nobody has classified it yet.

    `subject` is the column that names the person of a row, the kind of its keys, and the kind of record.
    """

    key: str
    title: str
    description: str
    agency: str
    class_: str
    category: str
    steward: str
    row_id: str | None = None
    restricted: Mapping[str, str] | None = field(default_factory=dict)
    agreed: bool = True
    subject: tuple[str, str, str] | None = None

    @property
    def id(self) -> str:
        """The dataset's 4x4, the same on every machine."""
        return derived_four_by_four("demo", self.key)


HOLDINGS = (
    Holding(
        "towns",
        "Population and housing by town, 2010 Census",
        "Connecticut's 169 towns with people, housing units, and occupied and vacant units as counted on 1 April 2010.",
        OPM,
        "open",
        "Local Government",
        "opm_steward",
        row_id="town_code",
    ),
    Holding(
        "attendance",
        "Student attendance",
        "One row a student and school year: days enrolled and absent, and whether ten percent or more were missed. "
        "All students are invented.",
        SDE,
        "restricted",
        "Education",
        "sde_steward",
        restricted={
            "student_key": "FERPA",
            "race_ethnicity": "FERPA",
            "days_absent": "FERPA",
            "chronically_absent": "FERPA",
        },
        subject=("student_key", "student-id", EDUCATION),
    ),
    Holding(
        "wages",
        "Unemployment insurance wage records",
        "One row a worker, employer and quarter: wages as reported. All workers and employers are invented.",
        DOL,
        "restricted",
        "Business",
        "dol_steward",
        restricted={"worker_key": "UC-WAGE", "employer_account": "UC-WAGE", "wages": "UC-WAGE"},
        subject=("worker_key", "worker-id", OTHER),
    ),
    Holding(
        "sites",
        "Early childhood program sites",
        "Where publicly funded early childhood programs are, and how many places they have. The sites are invented.",
        SDE,
        "open",
        "Education",
        "sde_steward",
        row_id="site_number",
        agreed=False,
    ),
    Holding(
        "unclassified",
        "Early intervention visits",
        "Visits by early intervention providers. Nobody has classified its columns yet. All cases are invented.",
        SDE,
        "restricted",
        "Health and Human Services",
        "sde_steward",
        restricted=None,
    ),
)


def load_holdings(
    session: Session, ledger: Ledger, settings: Settings, files: Mapping[str, Path], now: datetime
) -> None:
    """Bring in every table that is not there yet."""
    for holding in HOLDINGS:
        if get_dataset(session, holding.id) is None:
            dataset = publish(session, ledger, settings, holding, files[holding.key], now)
            if holding.restricted is not None:
                classify(session, settings, dataset, holding.steward, holding.restricted, now, agreed=holding.agreed)
                session.commit()
        _name_subject(session, holding, now)
    session.commit()


def _name_subject(session: Session, holding: Holding, now: datetime) -> None:
    """Also where the demo was loaded before datasets named the persons of their rows."""
    dataset = get_dataset(session, holding.id)
    if dataset is None or holding.subject is None or subject_of(session, dataset.id) is not None:
        return
    column, namespace, record = holding.subject
    by = acting(session, holding.steward, now)
    name_subject(session, by, dataset, column, namespace=namespace, record=record, now=now)


def publish(
    session: Session, ledger: Ledger, settings: Settings, holding: Holding, file: Path, now: datetime
) -> Dataset:
    """Register a table and publish its file as the first version."""
    steward = acting(session, holding.steward, now)
    dataset = register_dataset(
        session,
        steward,
        id=holding.id,
        agency_id=holding.agency,
        title=holding.title,
        class_=holding.class_,
        description=holding.description,
        row_id=holding.row_id,
        category=holding.category,
        now=now,
    )
    given = FileGiven(file, file.name)
    publish_file(session, ledger, settings, steward, source=given, dataset=dataset, row_id=holding.row_id, now=now)
    return dataset


def classify(
    session: Session,
    settings: Settings,
    dataset: Dataset,
    steward: str,
    restricted: Mapping[str, str],
    now: datetime,
    *,
    agreed: bool = True,
) -> None:
    """Decide every column, propose, and let the Chief Data Officer agree; the open cut follows."""
    by = acting(session, steward, now)
    proposal = deciding.start(session, by, dataset, now)
    for column in dataset.columns:
        code = restricted.get(column.name)
        decision = "restricted" if code else "open"
        deciding.decide_column(session, by, proposal, column.name, decision, code=code or "", now=now)
    deciding.propose(session, by, proposal, now)
    if agreed:
        deciding.agree(session, acting(session, "cdo", now), proposal, now, settings=settings)
