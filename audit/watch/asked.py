"""What was typed on a page of the watch, made into a scope; what cannot be, with a sentence at its field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, timedelta
from typing import Any, TypeVar

from wtforms import BooleanField, DateField, Form, IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp, ValidationError

from audit import asking
from audit.watch import heat
from audit.watch.finding import KINDS, Rules
from audit.watch.reviewing import MOST_NOTE, VERDICTS
from audit.watch.scope import Scope
from audit.watch.timeline import STEPS

MOST_DAYS = 5_500
DAYS = {"timeline": 7, "heat-map": 28, "anomalies": 7}
"""How many days, through today, a page looks at when nothing is said."""

KEY = [
    Optional(),
    Length(max=80),
    Regexp(
        r"\s*[a-z0-9][a-z0-9._-]*\s*\Z", message="Write the key as entries have it: small letters, digits, hyphens."
    ),
]
"""What is asked stands in the log's record of the asking, which holds no names."""


MOST_LOOKED = 366
RULES = {each.name: each.default for each in fields(Rules) if each.name not in ("first", "last")}
"""The rules' numbers, and what they are when nothing is said."""


OUTCOMES = {
    "": "All outcomes",
    "done": "Reads that were done",
    "cut": "Reads that were cut",
    "failed": "Reads that failed",
    "refusals": "Refusals",
}


def _choices(words: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in words.items()]


def _number(name: str, label: str, says: str, least: int, most: int) -> IntegerField:
    within = NumberRange(least, most, f"Write a whole number from {least} to {most:,}.")
    return IntegerField(label, [Optional(), within], default=RULES[name], description=says)


class Looking(Form):  # type: ignore[misc]
    """A span of days, and what narrows it."""

    since = DateField("From", [Optional()], description="First day, Connecticut time.")
    until = DateField("Through", [Optional()], description="Last day, inclusive.")
    agency = StringField("Agency", KEY, description="Key of the agency whose data it is.")
    group = StringField("Working group", KEY, description="Its key.")
    dataset = StringField("Dataset", description="Its id or title.")

    def validate_until(self, field: DateField) -> None:
        """Days in the wrong order, or too many of them, answer nothing."""
        if not (self.since.data and field.data):
            return
        if field.data < self.since.data:
            raise ValidationError("The last day is before the first. Change one of them.")
        if (field.data - self.since.data).days >= MOST_DAYS:
            raise ValidationError("That is longer than fifteen years. Choose a shorter time.")

    def validate_since(self, field: DateField) -> None:
        """No log is older than the program."""
        if field.data and not 1990 <= field.data.year <= 2999:
            raise ValidationError("Write a day between 1990 and 2999.")

    def validate_dataset(self, field: StringField) -> None:
        """One dataset, by its id or the title that only it has."""
        if (field.data or "").strip() and len(asking.find_datasets(field.data)) != 1:
            raise ValidationError("No dataset, or more than one, goes by that. Write its id: abcd-1234.")


class Timeline(Looking):
    """The timeline's form."""

    step = SelectField(
        "Step", default="", choices=_choices({"": "As fits the time", **{step: f"By the {step}" for step in STEPS}})
    )
    outcome = SelectField(
        "Outcome",
        default="",
        choices=_choices(OUTCOMES),
    )


class HeatMap(Looking):
    """The heat map's form."""

    down = SelectField("Lines", default="weekday", choices=_choices(heat.AXES))
    across = SelectField("Columns", default="hour", choices=_choices(heat.AXES))
    count = SelectField("Count", default="reads", choices=_choices(heat.MEASURES))

    def validate_across(self, field: SelectField) -> None:
        """Lines and columns are two different things."""
        if field.data == self.down.data:
            raise ValidationError("Choose something else for the columns than for the lines.")


class Anomalies(Form):  # type: ignore[misc]
    """The form of what stands out: the days, the kind, and every rule's numbers."""

    since, until = Looking.since, Looking.until
    kind = SelectField("Kind", default="", choices=_choices({"": "Every kind", **KINDS}))
    reviewed = BooleanField("Show what was reviewed too")
    opens = _number("opens", "Working day begins", "Full hour, 0 to 23, Connecticut time.", 0, 23)
    closes = _number("closes", "Working day ends", "Full hour, 1 to 24.", 1, 24)
    times = _number("times", "Spreads above the median", "How far above the usual number of rows is too far.", 1, 100)
    history = _number("history", "Days of history", "How far back the usual number is taken from.", 7, 400)
    least_days = _number("least_days", "Fewest days with reads", "With fewer, nothing is usual yet.", 2, 400)
    least_rows = _number("least_rows", "Fewest rows", "A day with fewer never stands out.", 1, 10**12)
    refusals = _number("refusals", "Refusals", "So many, and then success.", 2, 1000)
    minutes = _number("minutes", "Minutes", "Within so many.", 1, 60)

    def validate_until(self, field: DateField) -> None:
        """Days in the right order; a year of them at most."""
        if self.since.data and field.data and not 0 <= (field.data - self.since.data).days < MOST_LOOKED:
            raise ValidationError("Choose a last day that is not before the first, and at most a year after it.")

    def validate_since(self, field: DateField) -> None:
        """No log is older than the program."""
        if field.data and not 1990 <= field.data.year <= 2999:
            raise ValidationError("Write a day between 1990 and 2999.")


class Review(Form):  # type: ignore[misc]
    """What came of a finding."""

    verdict = SelectField("What came of it", choices=_choices(VERDICTS))
    note = StringField(
        "Note",
        [
            DataRequired("Write in a sentence why; whoever reads it next year will want to know."),
            Length(max=MOST_NOTE),
        ],
        description="Without names: write the key or the case’s number.",
    )


def rules_of(form: Anomalies, scope: Scope) -> Rules:
    """The rules of a valid form; a number that was left out is the usual one."""
    given = {name: form[name].data for name in RULES if form[name].data is not None}
    return Rules(scope.first, scope.last, **given)


def scope_of(form: Looking | Anomalies, today: date, days: int) -> Scope:
    """The scope of a valid form; an empty day is filled so that `days` days are looked at."""
    last = form.until.data or max(today, form.since.data or today)
    first = form.since.data or last - timedelta(days=days - 1)
    if isinstance(form, Anomalies):
        return Scope(first, last)
    found = asking.find_datasets(form.dataset.data or "")
    dataset = found[0] if (form.dataset.data or "").strip() else ""
    return Scope(first, last, _key(form.agency.data), _key(form.group.data), dataset)


F = TypeVar("F", Looking, Timeline, HeatMap, Anomalies)


def filled(form: F, scope: Scope) -> F:
    """The form as it was answered: with the days that were looked at."""
    form.since.data, form.until.data = scope.first, scope.last
    return form


def _key(typed: Any) -> str:
    return "".join(str(typed or "").split())
