"""The page on which a steward says which column of a restricted dataset names the person a row is about."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, SubmitField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional, Regexp

from audit.disclosures.subjects import MOST_NAMESPACE, NAMESPACE
from exchange import clock
from exchange.catalog.datasets import datasets_of, get_dataset
from exchange.catalog.models import Dataset, DatasetClass
from exchange.catalog.subjects import KEY_TYPES, NAMERS, RECORDS, may_name, name_subject, named_subjects, record_of
from exchange.directory.identity import Identity, current_identity
from exchange.errors import Invalid, NotFound, Unauthenticated
from exchange.forms import Form
from exchange.web import session

subjects = Blueprint("subjects", __name__)


class SubjectForm(Form):
    """The column, the kind of its keys, the kind of record."""

    column = SelectField("Column", description="Its values name the person. It need not be granted to anybody.")
    namespace = StringField(
        "Kind of key",
        [Optional(), Length(max=MOST_NAMESPACE), Regexp(NAMESPACE, message="Small letters, digits, hyphens.")],
        description="Datasets with the same kind name the same persons by the same keys: student-id. Empty: its own.",
    )
    record = SelectField("Kind of record", choices=[SelectChoice(kind, words) for kind, words in RECORDS.items()])
    submit = SubmitField("Name the column")

    def offer(self, dataset: Dataset) -> None:
        """Fill the list with the columns that can be keys."""
        keys = [column for column in dataset.columns if column.type in KEY_TYPES]
        self.column.choices = [SelectChoice(column.name, f"{column.label} ({column.name})") for column in keys]


@subjects.get("")
def index() -> str:
    """My agencies' restricted datasets, and the column of each."""
    mine = datasets_of(session(), sorted(_who().agencies(*NAMERS)))
    restricted = [each for each in mine if each.class_ == DatasetClass.RESTRICTED and each.columns]
    named = named_subjects(session(), [each.id for each in restricted])
    return render_template("exchange/subjects/index.html", datasets=restricted, named=named, records=RECORDS)


@subjects.get("/<dataset_id>")
def show(dataset_id: str) -> str:
    """The form of one dataset."""
    dataset, form = _dataset(dataset_id), SubjectForm()
    named = named_subjects(session(), [dataset.id]).get(dataset.id)
    form.offer(dataset)
    form.column.data = named.column if named else None
    form.namespace.data = named.namespace if named else ""
    form.record.data = named.record if named else record_of(dataset.regimes)
    return render_template("exchange/subjects/show.html", dataset=dataset, form=form, named=named)


@subjects.post("/<dataset_id>")
def name(dataset_id: str) -> Response | tuple[str, int]:
    """Name the column; it counts from the next reading on."""
    dataset, form = _dataset(dataset_id), SubjectForm()
    form.refuse_unknown()
    form.offer(dataset)
    if not form.validate():
        return render_template("exchange/subjects/show.html", dataset=dataset, form=form, named=None), 400
    try:
        name_subject(
            session(), _who(), dataset, form.column.data,
            namespace=(form.namespace.data or "").strip(), record=form.record.data, now=clock.now(),
        )  # fmt: skip
    except Invalid as error:
        session().rollback()
        flash(error.message, "danger")
        return redirect(url_for("subjects.show", dataset_id=dataset_id), 303)
    session().commit()
    flash("Named. From the next reading on it is recorded whose records leave.")
    return redirect(url_for("subjects.index"), 303)


def _dataset(dataset_id: str) -> Dataset:
    dataset = get_dataset(session(), dataset_id)
    if dataset is None or not may_name(_who(), dataset):
        raise NotFound("You are no steward or data officer of a dataset with this id.")
    return dataset


def _who() -> Identity:
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("Please sign in first; then this page opens.")
    return identity
