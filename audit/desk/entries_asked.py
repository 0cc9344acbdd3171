"""The entries page's address: a filter, or the fields of the form beside it, with names replaced by the log's keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from audit import asking
from audit.desk.filter_fields import NotAValue
from audit.desk.filtering import Filter, FilterError, parse
from audit.desk.reading import by_name
from audit.desk.reads import READS

Args = MultiDict[str, str]

FORM = ("person", "dataset", "action", "outcome", "agreement", "group", "since", "until")
"""Fields that the form offers for those who do not write filters; each is ANDed to the filter."""


@dataclass
class EntriesAsked:
    """What an address asks. `text` is what to show in the box: never a name. `moved`: a name was replaced."""

    filter: Filter | None
    text: str = ""
    error: FilterError | None = None
    moved: bool = False
    choices: list[tuple[str, str]] = field(default_factory=list)
    unknown: str = ""

    @property
    def ready(self) -> bool:
        """Whether it can be asked."""
        return self.error is None and not self.choices and not self.unknown


def read(args: Args) -> EntriesAsked:
    """The filter of an address, or what is wrong with it, or which of several a name can mean."""
    text = args.get("filter", "").strip()
    try:
        found = _with_form(parse(text), args)
    except FilterError as error:
        return EntriesAsked(None, text, error)
    return _looked_up(found)


def _with_form(found: Filter, args: Args) -> Filter:
    for name in FORM:
        values = [value.strip() for value in args.getlist(name) if value.strip()]
        try:
            found = found.where(name, *values)
        except NotAValue as wrong:
            raise FilterError(wrong.message, len(str(found)), wrong.near[:6]) from wrong
    return found


def _looked_up(found: Filter) -> EntriesAsked:
    """Replace each name; stop at the first that means nothing, or several."""
    moved = False
    for name, typed in found.names():
        keys = asking.find_persons(typed) if name == "person" else asking.find_datasets(typed)
        known = asking.names_of(keys) if name == "person" else asking.titles_of(keys)
        meant = by_name(keys, known)
        if len(meant) != 1:
            return _unclear(found, name, typed, meant)
        found, moved = found.renamed(name, typed, keys), True
    return EntriesAsked(found, str(found), moved=moved)


def _unclear(found: Filter, name: str, typed: str, meant: dict[str, list[str]]) -> EntriesAsked:
    """The filter without the name, since a name stays nowhere; and the choices, if there are any."""
    rest = Filter(tuple(term for term in found.terms if typed not in term.values))
    if not meant:
        return EntriesAsked(rest, str(rest), unknown=name)
    choices = [(str(found.renamed(name, typed, keys)), label) for label, keys in meant.items()]
    return EntriesAsked(rest, str(rest), choices=choices)


def old_address(question: str, kind: str, args: Args) -> str:
    """Where the first two questions are now; their JSON Lines are those of the entries."""
    kept = [(name, value) for name in ("since", "until") for value in args.getlist(name)]
    kept += [(question, value) for value in args.getlist(question)]
    if kind == "jsonl":
        return f"/audit/entries.jsonl?{urlencode([*kept, *(('action', str(act)) for act in READS)])}"
    # An empty day means all of time, where the new address would begin a year ago.
    kept += [(name, "") for name in ("since",) if not args.get(name)]
    kept += [("what", "reads")] if question == "person" else []
    return f"/audit/questions/{question}{f'.{kind}' if kind else ''}?{urlencode(kept)}"


def persons_of(values: Iterable[str]) -> list[str]:
    """What was typed for a person, each found; for the forms of questions."""
    return [key for value in values for key in asking.find_persons(value)]
