"""Questions as they come from a page's address: what was typed, made into a `Question`, with names found elsewhere.

The log knows nobody. Whoever assembles the program may give it hooks in `current_app.extensions`: `names_of`
(pseudonyms to names), `find_pseudonyms` (a name to pseudonyms), `titles_of` (dataset ids to titles) and `find_datasets`
(a title to ids). Without them ids are shown and typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from flask import current_app
from wtforms import DateField, Form, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Optional, ValidationError

from audit.actions import Action, Outcome
from audit.days import end_of, start_of
from audit.questions import Question
from audit.words import words_for

FOUR_BY_FOUR = re.compile(r"[a-z0-9]{4}-[a-z0-9]{4}\Z")
PSEUDONYM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class _Between(Form):  # type: ignore[misc]
    since = DateField("From", [Optional()], description="First day, Connecticut time. Empty: from the beginning.")
    until = DateField("Through", [Optional()], description="Last day, inclusive. Empty: until now.")

    def validate_until(self, field: DateField) -> None:
        """Days in the wrong order answer nothing."""
        if self.since.data and field.data and field.data < self.since.data:
            raise ValidationError("The last day is before the first. Change one of them.")


class WhoRead(_Between):
    """Who read a dataset."""

    dataset = StringField("Dataset", [InputRequired("Name a dataset.")], description="Its id (abcd-1234) or title.")


class PersonRead(_Between):
    """What a person read."""

    person = StringField("Person", [InputRequired("Name a person.")], description="Name, or pseudonym in the log.")


class Entries(_Between):
    """Any entries."""

    action = SelectField(
        "Act",
        default="",
        choices=[SelectChoice("", "Any act"), *(SelectChoice(str(act), words_for(act)) for act in Action)],
    )
    outcome = SelectField(
        "Outcome",
        default="",
        choices=[SelectChoice("", "Any outcome"), *(SelectChoice(str(end), str(end).capitalize()) for end in Outcome)],
    )
    person = StringField("Person", description="Pseudonym in the log, or a name.")
    dataset = StringField("Dataset", description="Its id or title.")
    agreement = StringField("Agreement", description="Its id.")
    group = StringField("Working group", description="Its key.")


F = TypeVar("F", bound=Form)


def apart(form: F, prefix: str) -> F:
    """The form with field ids of its own, for a page that shows several."""
    for field in form:
        field.id = field.label.field_id = f"{prefix}-{field.id}"
    return form


def entries_question(form: Entries, persons: tuple[str, ...], dataset: str | None) -> Question:
    """The question of the list of entries."""
    return Question(
        actions=(form.action.data,) if form.action.data else (),
        outcome=form.outcome.data or None,
        persons=persons,
        dataset=dataset,
        agreement=(form.agreement.data or "").strip() or None,
        working_group=(form.group.data or "").strip() or None,
        since=start_of(form.since.data),
        until=end_of(form.until.data),
    )


def names_of(pseudonyms: Iterable[str]) -> Mapping[str, str]:
    """Names of pseudonyms, as far as the directory knows them."""
    return dict(_ask("names_of", sorted(set(pseudonyms)), {}))


def titles_of(datasets: Iterable[str]) -> Mapping[str, str]:
    """Titles of datasets, as far as the catalogue knows them."""
    return dict(_ask("titles_of", sorted(set(datasets)), {}))


def find_persons(text: str) -> list[str]:
    """The pseudonyms that a text can mean."""
    wanted = text.strip()
    if PSEUDONYM.match(wanted.lower()):
        return [wanted.lower()]
    return list(_ask("find_pseudonyms", wanted, [])) if wanted else []


def find_datasets(text: str) -> list[str]:
    """The dataset ids that a text can mean."""
    wanted = text.strip()
    if FOUR_BY_FOUR.match(wanted.lower()):
        return [wanted.lower()]
    return list(_ask("find_datasets", wanted, [])) if wanted else []


def _ask(hook: str, what: Any, otherwise: Any) -> Any:
    function = current_app.extensions.get(hook)
    if function is None or not what:
        return otherwise
    database: Any = current_app.extensions["sqlalchemy"]
    return function(database.session, what)
