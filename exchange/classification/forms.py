"""The forms of the classification pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import request
from wtforms import (
    BooleanField,
    DateField,
    FieldList,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, Optional

from exchange.catalog.models import Column
from exchange.classification.choices import Choice
from exchange.classification.exemptions import LIMBS, VOCABULARY, exemption
from exchange.classification.models import ColumnDecision
from exchange.classification.suppression import RULES
from exchange.classification.withheld import OPEN, RESTRICTED
from exchange.errors import Invalid
from exchange.forms import ALWAYS_ALLOWED, Form
from exchange.rows.types import SEVERAL_PARTS

CODES = [
    SelectChoice("", "Choose a basis"),
    *(SelectChoice(basis.code, f"{basis.code}: {basis.label}") for basis in VOCABULARY),
]
LIMB_CHOICES = [
    SelectChoice("", "The usual one of the code"),
    *(SelectChoice(limb, f"{limb}: {words}") for limb, words in LIMBS.items()),
]
RULE_CHOICES = [
    SelectChoice("", "No small cells are hidden"),
    *(SelectChoice(rule.code, f"{rule.code}: {rule.words}") for rule in RULES.values()),
]


class ColumnForm(PlainForm):  # type: ignore[misc]
    """One column's decision."""

    column = HiddenField()
    decision = RadioField(
        "Decision",
        choices=[SelectChoice(OPEN, "Open"), SelectChoice(RESTRICTED, "Restricted")],
        validators=[Optional()],
        validate_choice=False,
    )
    code = SelectField("Exemption basis", choices=CODES)
    citation = StringField("Citation, if it differs from the list’s", validators=[Length(max=300)])
    note = StringField("Note", validators=[Length(max=1000)])
    limb = SelectField("Limb of EO 39", choices=LIMB_CHOICES)
    review_on = DateField("Review day, if it differs from the list’s", validators=[Optional()])

    def choice(self) -> Choice | None:
        """What was decided; None while nothing was."""
        if not self.decision.data:
            return None
        limb = self.limb.data or None
        return Choice(
            self.column.data or "",
            self.decision.data,
            self.code.data or "",
            limb,
            self.citation.data or "",
            self.note.data or "",
            self.review_on.data,
        )


class ColumnsForm(Form):
    """The decisions of one page of columns."""

    columns = FieldList(FormField(ColumnForm))
    rest_open = BooleanField("Columns on this page without a choice are open")

    def refuse_unknown(self) -> None:
        """Raise `Invalid` if the request carries a field that this form does not have."""
        known = {field.name for entry in self.columns for field in entry.form} | {"rest_open"} | ALWAYS_ALLOWED
        if set(request.form) - known:
            raise Invalid("This form does not fit the dataset’s columns of today. Reload the page and try again.")

    def choices(self) -> list[Choice]:
        """Everything that was decided on the page; with `rest_open` also what was left without a choice."""
        made = [(entry.form.column.data or "", entry.form.choice()) for entry in self.columns]
        if self.rest_open.data:
            made = [(name, choice or Choice(name, OPEN)) for name, choice in made]
        return [choice for _, choice in made if choice is not None]


class SuppressionForm(Form):
    """Which small cells the open cut hides."""

    rule = SelectField("Rule", choices=RULE_CHOICES)
    columns = SelectMultipleField("Columns with counts", validate_choice=False)
    hide_with = SelectMultipleField(
        "Hidden in the same row", validate_choice=False, description="Rates and percentages that would tell the count."
    )
    groups = SelectMultipleField(
        "Rows that add up to a known total have the same", validate_choice=False,
        description="Where one count of such rows is hidden alone, the next smallest is hidden with it.",
    )  # fmt: skip

    def offer(self, columns: Iterable[Column]) -> None:
        """Offer the dataset's columns: those of type number as counts, all but places and shapes as companions."""
        listed = [column for column in columns if column.type not in SEVERAL_PARTS]
        self.columns.choices = [SelectChoice(column.name, column.label) for column in listed if column.type == "number"]
        self.hide_with.choices = self.groups.choices = [SelectChoice(column.name, column.label) for column in listed]

    def as_data(self) -> dict[str, object] | None:
        """The rule as it is stored; None for no rule."""
        if not self.rule.data:
            return None
        parts = {part: list(self[part].data or []) for part in ("columns", "hide_with", "groups")}
        return {"rule": self.rule.data} | {part: names for part, names in parts.items() if names}


class ReturnForm(Form):
    """The CDO's note on what has to change."""

    note = TextAreaField("What has to change", validators=[DataRequired(), Length(max=2000)])


def rows_of(decisions: Sequence[ColumnDecision]) -> list[dict[str, object]]:
    """The form's starting values. What is the list's own stays empty, so that another code brings its own."""
    return [_row_of(decision) for decision in decisions]


def _row_of(decision: ColumnDecision) -> dict[str, object]:
    row: dict[str, object] = {"column": decision.column, "decision": decision.decision, "note": decision.note}
    if not decision.code:
        return row
    basis = exemption(decision.code)
    usual = basis.review_on(decision.decided_on) if decision.decided_on else None
    return row | {
        "code": decision.code,
        "citation": "" if decision.citation == basis.cited else decision.citation,
        "limb": "" if (decision.limb or "") == basis.limb else decision.limb,
        "review_on": None if decision.review_on == usual else decision.review_on,
    }
