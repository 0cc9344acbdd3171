"""The forms of the agreement pages. They read fields; whether an act is permitted is the domain's to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from agreements.clauses.parameters import Parameter, ParameterType
from agreements.clauses.version import ClauseVersion
from exchange.errors import Invalid
from exchange.forms import Form
from exchange.rows.predicate import COMPARISONS, Predicate

REASON = "Kept with the agreement for good. Name no person who is described in the data."
COMPARISONS_ON_PAGE = 3
"""How many comparisons the row filter of the page has; more are written by the interface."""


def choices_of(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """(value, label) pairs as a field's choices."""
    return [SelectChoice(value, label) for value, label in pairs]


class CheckboxesField(SelectMultipleField):  # type: ignore[misc]
    """Several of a list, as checkboxes in a fieldset."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class MemorandumForm(Form):
    """Start the OPM memorandum with one agency."""

    agency = SelectField(
        "Agency",
        [InputRequired()],
        description="Each executive agency has one memorandum with OPM (CGS 4-67n(a); to be confirmed by counsel). "
        "Other branches have none.",
    )
    begins = DateField("First day", [Optional()])
    ends = DateField("Last day", [Optional()])
    start_memorandum = SubmitField("Start the memorandum")


class DsaForm(Form):
    """Start a data sharing agreement under a memorandum."""

    memorandum = SelectField("Memorandum it stands under", [InputRequired()])
    recipient = SelectField("Receiving agency", [InputRequired()])
    working_group = SelectField("Working group whose members read the data", [InputRequired()])
    title = StringField(
        "Title", [InputRequired(), Length(max=300)], description="What is agreed, in a few words; it becomes public."
    )
    start_dsa = SubmitField("Start the data sharing agreement")


class ConfirmForm(Form):
    """An act that needs nothing but a press; a note may go with it."""

    note = TextAreaField("Note", [Optional(), Length(max=2000)], description="If there is something to say.")
    agency = HiddenField()
    seen_round = HiddenField()
    submit = SubmitField("Confirm")


class RemoveForm(Form):
    """A button of its own, without fields."""


class ReasonForm(Form):
    """An act that must say why."""

    reason = TextAreaField("Reason", [InputRequired(), Length(max=2000)], description=REASON)
    submit = SubmitField("Confirm")


class ChangesForm(Form):
    """What to change."""

    note = TextAreaField("What should be changed", [InputRequired(), Length(max=2000)], description=REASON)
    submit = SubmitField("Confirm")


class RefuseForm(Form):
    """A refusal with the law that it rests on."""

    citation = StringField(
        "Law that forbids it", [InputRequired(), Length(max=300)], description="For example: CGS 17b-90(b)."
    )
    note = TextAreaField("Explanation", [Optional(), Length(max=2000)], description=REASON)
    submit = SubmitField("Confirm")


class TerminateForm(Form):
    """How and why the agreement ends."""

    kind = RadioField(
        "How it ends",
        [InputRequired()],
        choices=choices_of(
            [("cause", "For cause: at once"), ("convenience", "For convenience: after the notice of clause C30")]
        ),
    )
    reason = TextAreaField("Reason", [InputRequired(), Length(max=2000)], description=REASON)
    submit = SubmitField("Confirm")


class SignForm(Form):
    """A signature over the fingerprint that the page shows."""

    sha256 = HiddenField()
    read = BooleanField("I have read this text with its schedules, and I am authorized to sign it", [InputRequired()])
    submit = SubmitField("Sign")


class TermForm(Form):
    """First and last legal day."""

    begins = DateField("First day", [InputRequired()], description="Access begins with this day, Connecticut time.")
    ends = DateField("Last day", [InputRequired()], description="Access ends at the close of this day.")
    submit = SubmitField("Save the term")


class PartiesForm(Form):
    """The agencies by capacity."""

    sources = CheckboxesField("Source agencies: whose data it is")
    recipients = CheckboxesField("Receiving agencies")
    opm = BooleanField("The Office of Policy and Management is a party (CGS 4-67n)")
    submit = SubmitField("Save the parties")


class PersonsForm(Form):
    """The named persons."""

    persons = CheckboxesField("Persons who may read the data")
    submit = SubmitField("Save the persons")


class LineForm(Form):
    """One dataset of Schedule A: its columns, and a row filter of up to three comparisons that must all hold."""

    columns = CheckboxesField("Columns")
    column_1 = SelectField("Column", [Optional()])
    op_1 = SelectField("Comparison", [Optional()])
    values_1 = StringField("Values", [Optional(), Length(max=2000)])
    column_2 = SelectField("Column", [Optional()])
    op_2 = SelectField("Comparison", [Optional()])
    values_2 = StringField("Values", [Optional(), Length(max=2000)])
    column_3 = SelectField("Column", [Optional()])
    op_3 = SelectField("Comparison", [Optional()])
    values_3 = StringField("Values", [Optional(), Length(max=2000)])
    submit = SubmitField("Save this dataset")

    def offer(self, columns: Sequence[tuple[str, str]]) -> None:
        """Set the choices: (name, label) of the dataset's columns."""
        self.columns.choices = choices_of(columns)
        for number in range(1, COMPARISONS_ON_PAGE + 1):
            self[f"column_{number}"].choices = choices_of([("", "no comparison"), *columns])
            self[f"op_{number}"].choices = choices_of(COMPARISONS.items())

    def fill(self, columns: Sequence[str], rows: Predicate | None) -> bool:
        """Show a stored line. False if its filter is more than this page can show: saving would replace it."""
        self.columns.data = list(columns)
        parts = [] if rows is None else list(rows["of"]) if rows["op"] == "and" else [rows]
        if len(parts) > COMPARISONS_ON_PAGE or any(part["op"] not in COMPARISONS for part in parts):
            return False
        for number, part in enumerate(parts, start=1):
            self[f"column_{number}"].data, self[f"op_{number}"].data = part["column"], part["op"]
            self[f"values_{number}"].data = "; ".join(str(value) for value in part["values"])
        return True

    def rows(self, numeric: frozenset[str]) -> Predicate | None:
        """The row filter as typed; values of `numeric` columns become numbers. Raises `Invalid`."""
        parts = [self._comparison(number, numeric) for number in range(1, COMPARISONS_ON_PAGE + 1)]
        given = [part for part in parts if part is not None]
        if len(given) < 2:
            return given[0] if given else None
        return {"op": "and", "of": given}

    def _comparison(self, number: int, numeric: frozenset[str]) -> dict[str, Any] | None:
        column, typed = self[f"column_{number}"].data, (self[f"values_{number}"].data or "").strip()
        if not column:
            if typed:
                raise Invalid(f"Comparison {number} has values but no column. Choose its column or clear it.")
            return None
        op = self[f"op_{number}"].data
        values: list[Any] = [text.strip() for text in typed.split(";") if text.strip()] if op in LISTS else [typed]
        if not values or values == [""]:
            raise Invalid(f"Comparison {number} has no value. Type it, or choose “no comparison”.")
        return {"op": op, "column": column, "values": [_number(v) for v in values] if column in numeric else values}


LISTS = frozenset({"in", "between"})
"""Comparisons that take several values, separated by semicolons."""


def _number(text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise Invalid(f"“{text}” is not a number, and the column it is compared with holds numbers.") from None
    return int(value) if value.is_integer() else value


def clause_form(clause: ClauseVersion, anything: bool) -> type[Form]:
    """A form for a clause's blanks. `anything` says whether “any” may be typed, as only a memorandum may."""
    fields: dict[str, Any] = {
        parameter.name: _field(parameter, anything)
        for parameter in clause.parameters
        if parameter.type not in ELSEWHERE and not (clause.code == "C28" and parameter.name in ("begins", "ends"))
    }
    return type("ClauseForm", (Form,), {**fields, "submit": SubmitField("Save the clause")})


ELSEWHERE = frozenset({ParameterType.SCHEDULE, ParameterType.PERSONS})
"""Blanks with a page of their own."""

LISTED = frozenset({ParameterType.AGENCIES, ParameterType.DATASETS, ParameterType.PURPOSES, ParameterType.REGIMES})


def _field(parameter: Parameter, anything: bool) -> Any:
    words = parameter.help
    if parameter.type in LISTED:
        words += " Separate several by commas." + (
            " Write “any” for no limit." if anything and parameter.unbounded else ""
        )
    if not parameter.required:
        words += " May stay empty."
    if parameter.type is ParameterType.CHOICE:
        choices = choices_of([("", "not chosen yet"), *parameter.choices])
        return SelectField(parameter.label, choices=choices, description=words)
    if parameter.type is ParameterType.DATE:
        return DateField(parameter.label, [Optional()], description=words)
    kind = TextAreaField if parameter.type is ParameterType.TEXT else StringField
    return kind(parameter.label, [Optional(), Length(max=8000)], description=words.strip())


def shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Stored parameters as the fields show them: lists joined by commas."""
    return {name: ", ".join(map(str, v)) if isinstance(v, list) else v for name, v in parameters.items()}
