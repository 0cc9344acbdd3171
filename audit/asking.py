"""What the log must ask others: it knows nobody.

Whoever assembles the program may give it hooks in `current_app.extensions`: `names_of` (pseudonyms to names),
`find_pseudonyms` (a name to pseudonyms), `titles_of` (dataset ids to titles) and `find_datasets` (a title to ids).
Without them ids are shown and typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app

from audit.desk.filter_fields import FOUR_BY_FOUR, UUID


def names_of(pseudonyms: Iterable[str]) -> Mapping[str, str]:
    """Names of pseudonyms, as far as the directory knows them."""
    return dict(_ask("names_of", sorted(set(pseudonyms)), {}))


def titles_of(datasets: Iterable[str]) -> Mapping[str, str]:
    """Titles of datasets, as far as the catalogue knows them."""
    return dict(_ask("titles_of", sorted(set(datasets)), {}))


def find_persons(text: str) -> list[str]:
    """The pseudonyms that a text can mean."""
    wanted = text.strip()
    if UUID.match(wanted.lower()):
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
