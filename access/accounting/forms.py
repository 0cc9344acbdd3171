"""The forms of the account: whose, and the letter. What is typed into them is kept nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from wtforms import DateField, SelectField, StringField, SubmitField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from access.accounting.laws import LAWS, Form
from exchange.forms import Form as BaseForm

NEEDED = "Fill in this field."


class AskForm(BaseForm):
    """Whose disclosures."""

    namespace = SelectField("Kind of key", description="Datasets that name the same persons by the same keys.")
    key = StringField(
        "The person’s key",
        [InputRequired(NEEDED), Length(max=200)],
        description="As it stands in the data, such as a student number. It is not kept: the log gets a keyed hash.",
        render_kw={"autocomplete": "off"},
    )
    submit = SubmitField("Show the account")

    def offer(self, namespaces: Mapping[str, str]) -> None:
        """Fill the list with what this reader may ask for."""
        self.namespace.choices = [SelectChoice(each, f"{each}: {titles}") for each, titles in namespaces.items()]


class LetterForm(BaseForm):
    """The letter to the person."""

    name = StringField(
        "Name", [InputRequired(NEEDED), Length(max=200)], description="For the letter alone; it is not kept."
    )
    address = TextAreaField("Address", [Optional(), Length(max=500)], render_kw={"rows": 3})
    form = SelectField("Law", choices=[SelectChoice(str(f), f"{law.title}: {law.citation}") for f, law in LAWS.items()])
    day = DateField("Day of the letter", [InputRequired(NEEDED)], description="Disclosures through this day are told.")
    submit = SubmitField("Write the letter (PDF)")

    @property
    def to(self) -> tuple[str, ...]:
        """Name and address as lines."""
        lines = [str(self.name.data), *str(self.address.data or "").splitlines()]
        return tuple(line.strip() for line in lines if line.strip())

    @property
    def law(self) -> Form:
        """The law that was chosen."""
        return Form(self.form.data)
