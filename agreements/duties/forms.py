"""The forms of the registers. Times are Connecticut's; whether an act is permitted is the domain's to say."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    IntegerField,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from agreements.duties.filings import KIND_WORDS
from agreements.duties.incidents import STEP_WORDS
from agreements.forms import CheckboxesField, choices_of
from exchange.forms import Form

NO_NAMES = "Kept for good. Name no resident and no requester."
BY_OUR_CLOCK = "By Connecticut’s clock."
NEEDED = "Fill in this field."
A_TIME = "Write the day and the time, for example 2026-06-15 and 14:30."
A_DAY = "Write the day, for example 2026-06-15."


def _needed(message: str = NEEDED) -> InputRequired:
    return InputRequired(message)


class IncidentForm(Form):
    """Something was discovered."""

    agency = SelectField("Agency where it happened", [_needed("Choose the agency.")])
    discovered_at = DateTimeLocalField("Discovered", [_needed(A_TIME)], description=BY_OUR_CLOCK)
    what = TextAreaField("What happened", [_needed(), Length(max=2000)], description=NO_NAMES)
    datasets = CheckboxesField("Datasets concerned", description="As far as it is known now; none may be ticked.")
    identity_numbers = BooleanField("Social security or taxpayer numbers are among the data")
    submit = SubmitField("Record the incident")


class StepForm(Form):
    """What was done about an incident."""

    kind = SelectField("What was done", choices=choices_of((kind.value, words) for kind, words in STEP_WORDS.items()))
    at = DateTimeLocalField("When", [_needed(A_TIME)], description=BY_OUR_CLOCK)
    persons = IntegerField(
        "Persons affected", [Optional()], description="Only for “Number of persons affected”: a whole number."
    )
    note = TextAreaField("Note", [Optional(), Length(max=2000)], description=f"If there is need. {NO_NAMES}")
    submit = SubmitField("Record it")


class RequestForm(Form):
    """A request for another agency's data came in."""

    agency = SelectField("Agency that was asked", [_needed("Choose the agency.")])
    received_on = DateField("Received on", [_needed(A_DAY)])
    file_number = StringField(
        "Your file number",
        [_needed(), Length(max=80)],
        description="Under which your agency keeps the request. The requester’s name stays there.",
    )
    about = TextAreaField(
        "What was asked for",
        [_needed(), Length(max=2000)],
        description=f"The letter quotes it. {NO_NAMES}",
    )
    dataset = SelectField("Dataset", [Optional()])
    submit = SubmitField("Record the request")


class ReferralForm(Form):
    """The request goes to the originating agency."""

    agency = SelectField("Originating agency", [_needed("Choose the agency.")], description="Whose data it is.")
    address = TextAreaField(
        "Its address", [_needed(), Length(max=400)], description="As the letter tells the requester (CGS 4-67dd)."
    )
    telephone = StringField("Its telephone number", [_needed(), Length(max=40)], description="Such as 860-555-0100.")
    referred_on = DateField("Referred on", [_needed(A_DAY)])
    submit = SubmitField("Refer it and make the letter")


class CertificateForm(Form):
    """A certificate of destruction was received."""

    agency = SelectField("Recipient that certifies", [_needed("Choose the recipient.")])
    certified_by = StringField("Certified by", [_needed(), Length(max=200)], description="The office that signed it.")
    method = StringField("Method", [_needed(), Length(max=300)], description="For example: cryptographic erasure.")
    destroyed_on = DateField("Destroyed on", [_needed(A_DAY)])
    received_on = DateField("Received on", [_needed(A_DAY)])
    file = FileField(
        "The certificate",
        [FileRequired("Choose the file of the certificate.")],
        description="Its fingerprint (SHA-256) is kept, not the file: keep the file with the agreement’s papers.",
    )
    submit = SubmitField("Record the certificate")


class FilingForm(Form):
    """An agency filed something."""

    agency = SelectField("Agency", [_needed("Choose the agency.")])
    kind = SelectField("What it filed", choices=choices_of((kind.value, words) for kind, words in KIND_WORDS.items()))
    filed_on = DateField("Filed on", [_needed(A_DAY)])
    place = StringField("Where it can be read", [Optional(), Length(max=300)], description="Address or file number.")
    submit = SubmitField("Record the filing")
