"""The forms of requests, grants and clients."""

from __future__ import annotations

from wtforms import HiddenField, SelectField, SelectMultipleField, StringField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from exchange.forms import Form

NEEDED = "Fill in this field."


class Checkboxes(SelectMultipleField):  # type: ignore[misc]
    """Several of several, as checkboxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class AskForm(Form):
    """A working group's member asks for columns of one dataset."""

    dataset = HiddenField(validators=[InputRequired(NEEDED)])
    columns = Checkboxes("Columns", [InputRequired("Choose at least one column.")])
    group = SelectField("For which working group", [InputRequired(NEEDED)])
    purpose = StringField("Purpose code", [InputRequired(NEEDED), Length(max=80)])
    reason = TextAreaField(
        "Why these columns are needed",
        [InputRequired(NEEDED), Length(max=4000)],
        description="A few sentences. The source agency and the Chief Data Officer read them.",
        render_kw={"rows": "5"},
    )
    check = SubmitField("See what covers it", render_kw={"class": "btn btn-outline-primary"})
    submit = SubmitField("Ask for access")


class AnswerForm(Form):
    """One side's answer to a request. The two buttons stand in the page."""

    answer = HiddenField(validators=[InputRequired(NEEDED)])
    reason = TextAreaField(
        "Reason",
        [Optional(), Length(max=4000)],
        description="Needed for a refusal. The working group reads it.",
        render_kw={"rows": "3"},
    )


class EndForm(Form):
    """Why a grant ends."""

    reason = TextAreaField("Why it ends", [InputRequired(NEEDED), Length(max=4000)], render_kw={"rows": "2"})
    submit = SubmitField("End this grant", render_kw={"class": "btn btn-danger"})


class ClientForm(Form):
    """A program of a working group."""

    name = StringField(
        "Name of the program", [InputRequired(NEEDED), Length(max=80)], description="Such as “Absence study notebook”."
    )
    group = SelectField("Working group", [InputRequired(NEEDED)])
    jwks = TextAreaField(
        "Its public keys (JWK Set)",
        [InputRequired(NEEDED), Length(max=20_000)],
        description="The line that the program below prints. Public keys only: EC P-256, Ed25519 or RSA.",
        render_kw={"rows": "5", "spellcheck": "false", "autocomplete": "off"},
    )
    submit = SubmitField("Register the client")
