"""The form of API keys."""

from __future__ import annotations

from wtforms import SelectField, StringField, SubmitField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from access.api_keys import DAYS, MAX_NAME
from exchange.forms import Form

NEEDED = "Fill in this field."


class KeyForm(Form):
    """A new key for oneself."""

    name = StringField(
        "Name of the program", [InputRequired(NEEDED), Length(max=MAX_NAME)], description="Such as “Nightly licences”."
    )
    days = SelectField(
        "It ends after",
        choices=[SelectChoice(str(days), f"{days} days") for days in DAYS],
        default="180",
        description="Make a new key before the day; nothing renews itself.",
    )
    submit = SubmitField("Make a key")
