"""What is typed on the retention desk, made into what the commands take."""

from __future__ import annotations

from typing import Any

from wtforms import DateField, Form, IntegerField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from audit.retention.erasure import SOONEST_YEAR, SignedForm, Wanted
from audit.retention.holds import OVER_WORDS, NewHold, Over
from audit.retention.scope import WHOSE_WORDS, Scope, Whose

NEEDED = "This is needed."
LONG = {"rows": 3}
NO_NAMES = "Do not write a person’s name here: it is kept in the log in clear."
YEAR = NumberRange(SOONEST_YEAR, 2200, "Write a year, like 2018.")


def stripped(text: str | None) -> str:
    """What was typed without spaces around it."""
    return (text or "").strip()


class _Plain(Form):  # type: ignore[misc]
    class Meta:
        """No CSRF field of its own: the application checks the token of every form that changes something."""

        csrf = False


class RequestForm(_Plain):
    """A request to erase."""

    whose = SelectField("Whose personal fields", choices=[SelectChoice(str(each), WHOSE_WORDS[each]) for each in Whose])
    subject = StringField(
        "Pseudonym", [Optional(), Length(max=36)], description="For one person: as the log shows it. Otherwise empty."
    )
    first_year = IntegerField("First year", [InputRequired(NEEDED), YEAR], description="Calendar year of the entries.")
    last_year = IntegerField("Last year", [InputRequired(NEEDED), YEAR], description="Included.")
    schedule = StringField(
        "Retention schedule and item", [InputRequired(NEEDED), Length(max=80)], description=f"Its number. {NO_NAMES}"
    )
    basis = TextAreaField(
        "Legal basis", [InputRequired(NEEDED), Length(max=2000)], render_kw=LONG,
        description="The law or order on which the destruction rests.",
    )  # fmt: skip
    records_ended = TextAreaField(
        "How it is known that the records themselves are disposed of", [Optional(), Length(max=2000)], render_kw=LONG,
        description="Needed for persons: some rules keep a disclosure as long as the record it belongs to.",
    )  # fmt: skip

    def wanted(self) -> Wanted:
        """The request."""
        scope = Scope(
            Whose(self.whose.data), stripped(self.subject.data).lower() or None, self.first_year.data,
            self.last_year.data,
        )  # fmt: skip
        return Wanted(scope, stripped(self.basis.data), stripped(self.schedule.data), stripped(self.records_ended.data))


class SignedFormForm(_Plain):
    """The signed Form RC-108."""

    number = StringField("Number of the form", [InputRequired(NEEDED), Length(max=80)], description=NO_NAMES)
    day = DateField("Day on which it was signed", [InputRequired(NEEDED)])
    sha256 = StringField(
        "SHA-256 of the scanned form", [InputRequired(NEEDED), Length(max=80)],
        description="64 hexadecimal digits; sha256sum FILE prints them. Keep the file with your records.",
    )  # fmt: skip

    def signed(self) -> SignedForm:
        """The form."""
        return SignedForm(stripped(self.number.data), self.day.data, stripped(self.sha256.data).lower())


class HoldForm(_Plain):
    """A new hold."""

    over = SelectField("What it is over", choices=[SelectChoice(str(each), OVER_WORDS[each]) for each in Over])
    value = StringField(
        "Which one", [Optional(), Length(max=80)],
        description="A person’s pseudonym, a dataset’s or agreement’s id, an agency’s key; empty for the other two.",
    )  # fmt: skip
    first_day = DateField("First day", [Optional()], description="Of a period.")
    last_day = DateField("Last day", [Optional()], description="Of a period; included.")
    matter = StringField("Matter", [InputRequired(NEEDED), Length(max=200)], description="Docket, claim or audit.")
    reason = TextAreaField("Reason", [InputRequired(NEEDED), Length(max=2000)], render_kw=LONG)

    def hold(self) -> NewHold:
        """The hold."""
        return NewHold(
            Over(self.over.data), stripped(self.value.data), self.first_day.data, self.last_day.data,
            stripped(self.matter.data), stripped(self.reason.data),
        )  # fmt: skip


class BecauseForm(_Plain):
    """A reason."""

    because = TextAreaField("Reason", [InputRequired(NEEDED), Length(max=2000)], render_kw=LONG)

    def apart(self, prefix: str) -> BecauseForm:
        """This form with a field id of its own, for a page that shows two."""
        self.because.id = self.because.label.field_id = f"{prefix}-because"
        return self


class OpenForm(_Plain):
    """Why personal fields are to be shown."""

    reason = StringField(
        "Why you need to see them", [InputRequired(NEEDED), Length(min=8, max=300)],
        description=f"The matter or audit step; it is recorded before anything is shown. {NO_NAMES}",
    )  # fmt: skip


def said(form: Any, message: str, field: str) -> None:
    """Put a command's objection beside the field that it is about."""
    target = form[field] if field in form else next(iter(form))
    target.errors = (*target.errors, message)
