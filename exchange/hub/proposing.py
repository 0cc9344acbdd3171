"""Types proposed for a column, with the evidence: text unless certain.

Portals lose leading zeros, phone numbers and district codes by guessing from the first rows (portals.md §0.5). Here
every value is looked at, a name that means a code keeps its column as text, and a person confirms the result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from exchange.hub import meanings, parsing, place_texts
from exchange.rows.types import SodaType
from exchange.values import counted

# fmt: off
CODE_WORDS = frozenset({
    "id", "ids", "uuid", "guid", "code", "codes", "zip", "zipcode", "zipp4", "zip4", "postal", "postcode", "fips",
    "geoid", "phone", "telephone", "tel", "fax", "ssn", "ein", "npi", "tin", "vin", "pin", "upc", "isbn", "naics",
    "sic", "icd", "ndc", "cpt", "key", "identifier", "barcode", "account", "docket", "permit", "licence", "license",
    "serial", "parcel", "apt", "unit", "suite", "room", "ext",
})
# fmt: on
"""Words in a column's name that make it a code, which nobody adds up."""

NUMBERED_THINGS = re.compile(
    r"(?:^|_)(?:town|district|school|organization|organisation|org|case|account|license|licence|permit|docket|route|"
    r"agency|facility|provider|claim|invoice|tract|block|ward|precinct|record|row|file|bill|badge|house|street)"
    r"_(?:number|no|num|nbr)(?:_|$)"
)
NOT_CODES = frozenset({"unit", "units", "account", "suite"})
ZIP_WORDS = frozenset({"zip", "zipcode", "postal", "postcode"})
PHONE_DIGITS = re.compile(r"[2-9]\d{9}\Z")
LEADING_ZERO = re.compile(r"-?0\d")
ZONED = frozenset({"timestamptz", "timestamp with time zone"})
"""What databases call an instant; they keep the moment and no offset."""

CODE_LENGTH = 7
"""Whole numbers of one length from here on, none of them twice, name things and do not count them."""

ENOUGH_TO_JUDGE = 20


@dataclass(frozen=True)
class ProposedColumn:
    """One column of a proposal.

    `type` is what it will be published as, `proposed` what the values suggested; `sentinels` maps a cell's text to its
    meaning; `evidence` are sentences for the steward; `counts` has filled, empty, distinct, and each sentinel's number.
    """

    name: str
    label: str
    type: str
    proposed: str
    sentinels: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    sentinel_counts: Mapping[str, int] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The column as kept in the run."""
        return {**asdict(self), "evidence": list(self.evidence)}

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> ProposedColumn:
        """The column from the run."""
        return ProposedColumn(**{**kept, "evidence": tuple(kept["evidence"])})

    def changed(self, *, type_: str | None = None, sentinels: Mapping[str, str] | None = None) -> ProposedColumn:
        """The column with what the steward chose."""
        chosen = self if type_ is None else replace(self, type=type_)
        return chosen if sentinels is None else replace(chosen, sentinels=dict(sentinels))

    def recounted(self, values: Mapping[str, int]) -> ProposedColumn:
        """The column with the number of cells that hold each of its sentinels."""
        return replace(self, sentinel_counts={word: values.get(word, 0) for word in self.sentinels})


def propose(
    name: str, label: str, values: Mapping[str, int], empty: int, declared: str | None = None
) -> ProposedColumn:
    """Propose a type and sentinels for one column.

    `values` are its distinct non-empty texts with their counts, `empty` the number of empty cells, `declared` the
    type that a database states, which is evidence and no more.
    """
    type_, sentinels, evidence = _judge(name, values, declared)
    if declared:
        evidence = (*evidence, f"The database declares {declared}.")
    found = {word: values[word] for word in sentinels}
    return ProposedColumn(
        name=name,
        label=label,
        type=type_,
        proposed=type_,
        sentinels=sentinels,
        counts={"filled": sum(values.values()), "empty": empty, "distinct": len(values)},
        sentinel_counts=found,
        evidence=(*evidence, *(_of_sentinel(word, meaning, values[word]) for word, meaning in sentinels.items())),
    )


def _judge(name: str, values: Mapping[str, int], declared: str | None) -> tuple[str, dict[str, str], tuple[str, ...]]:
    sure = meanings.tell(values, numeric=False)
    if not values:
        return SodaType.TEXT, {}, ("Every cell is empty.",)
    code = code_reason(name)
    if code is not None:
        return SodaType.TEXT, sure, (code, *_zip_warning(name, values))
    wide = meanings.tell(values, numeric=True)
    plain = {word: count for word, count in values.items() if word not in wide}
    for type_, sentence in (*_candidates(plain), *_instants(plain, declared)):
        return type_, wide, (sentence.replace("Every value", "Every other value") if wide else sentence,)
    return SodaType.TEXT, sure, (_why_text([word for word in values if word not in sure]),)


def code_reason(name: str) -> str | None:
    """Why a column of this name is a code and stays text, or None."""
    words = name.strip("_").split("_")
    numbered = NUMBERED_THINGS.search(name)
    if numbered:
        return (
            f"The name says a number that names something ({numbered[0].strip('_').replace('_', ' ')}): kept as text."
        )
    codes = [word for word in words if word in CODE_WORDS]
    if codes and not (set(codes) <= NOT_CODES and len(words) > 1):
        return f"The name says a code ({codes[0]}), which is not a quantity: kept as text."
    return None


def _candidates(plain: Mapping[str, int]) -> list[tuple[str, str]]:
    """Types, with the sentence that proves each, that every one of these values fits; the best first, or none."""
    if not plain:
        return []
    checks = (
        (SodaType.NUMBER, _all_numbers),
        (SodaType.CALENDAR_DATE, _all_dates),
        (SodaType.CHECKBOX, _all_checkboxes),
        (SodaType.POINT, _all_points),
    )
    found: list[tuple[str, str]] = [
        (type_, sentence) for type_, check in checks if (sentence := check(plain)) is not None
    ]
    return found or _shapes(plain)


def _instants(plain: Mapping[str, int], declared: str | None) -> list[tuple[str, str]]:
    """Instants, where the source itself declares a time with a zone: it keeps no offset, so nothing is lost."""
    if (declared or "").lower() not in ZONED or not plain:
        return []
    moments = [parsing.fixed_timestamp(word) for word in plain]
    if any(moment is None or moment.microsecond % 1000 for moment in moments):
        return []
    return [(SodaType.FIXED_TIMESTAMP, "Every value is an instant, to the millisecond or coarser; it is kept in UTC.")]


def _all_numbers(plain: Mapping[str, int]) -> str | None:
    numbers = [parsing.number(word) for word in plain]
    if any(value is None for value in numbers) or identifiers(plain) or any(map(_too_exact, numbers)):
        return None
    least, most = min(v for v in numbers if v is not None), max(v for v in numbers if v is not None)
    whole = "whole number" if all(isinstance(value, int) for value in numbers) else "number"
    return f"Every value is a {whole} that reads back exactly as written ({least} to {most})."


def _too_exact(value: int | float | None) -> bool:
    return isinstance(value, int) and abs(value) > parsing.EXACT_FLOAT


def identifiers(plain: Mapping[str, int]) -> bool:
    """Whether these digits name things: phone numbers, or long numbers of one length of which none recurs."""
    if all(PHONE_DIGITS.match(word) for word in plain):
        return True
    lengths = {len(word) for word in plain}
    alike = len(lengths) == 1 and lengths.pop() >= CODE_LENGTH and len(plain) >= ENOUGH_TO_JUDGE
    return alike and all(word.isdigit() and count == 1 for word, count in plain.items())


def _all_dates(plain: Mapping[str, int]) -> str | None:
    if any(parsing.calendar_date(word) is None for word in plain):
        return None
    families = {parsing.date_family(word) for word in plain}
    return f"Every value is a date in the form {families.pop()}." if len(families) == 1 else None


def _all_checkboxes(plain: Mapping[str, int]) -> str | None:
    return None if any(parsing.checkbox(word) is None for word in plain) else "Every value is true or false."


def _all_points(plain: Mapping[str, int]) -> str | None:
    if any(parsing.point(word) is None for word in plain):
        return None
    return (
        "Every value ends in a latitude and longitude; a point keeps these and drops the words before them, "
        "a location keeps an address as well."
    )


def _shapes(plain: Mapping[str, int]) -> list[tuple[str, str]]:
    """The type of shape that all of these well-known texts have, one part being taken for several where both occur."""
    types = set()
    for word in plain:
        types.add(place_texts.shape_type(word))
        if None in types or len(types) > 2:
            return []
    type_ = max(types, key=lambda name: len(name or "")) or ""
    if any(name not in (type_, type_.removeprefix("multi")) for name in types):
        return []
    if any(parsing.PARSERS[type_](word) is None for word in plain):
        return []
    return [(type_, f"Every value is well-known text of {place_texts.SHAPE_NAMES[SodaType(type_)]}, in degrees.")]


def _why_text(plain: list[str]) -> str:
    if not plain:
        return "Nothing but sentinels."
    if any(LEADING_ZERO.match(word) and word.strip("-").isdigit() for word in plain):
        return "Some values begin with 0, which a number would lose: kept as text."
    numbers = [word for word in plain if parsing.number(word) is not None]
    if len(numbers) == len(plain):
        return "Long numbers of one length, or phone numbers: they name things, so they are kept as text."
    if numbers:
        return _not_all(len(plain) - len(numbers), len(plain), "not a number", "not numbers")
    dates = sum(1 for word in plain if parsing.calendar_date(word) is not None)
    if dates:
        return _not_all(len(plain) - dates, len(plain), "not such a date", "not dates of one form")
    if all(parsing.fixed_timestamp(word) for word in plain):
        return (
            "Every value is an instant with a time zone. A fixed timestamp would lose its offset, or what is finer "
            "than a millisecond: kept as text."
        )
    return "Words."


def _not_all(others: int, all_: int, one: str, more: str) -> str:
    return f"{others:,} of {all_:,} distinct values {f'is {one}' if others == 1 else f'are {more}'}: kept as text."


def _zip_warning(name: str, values: Mapping[str, int]) -> tuple[str, ...]:
    short = sum(count for word, count in values.items() if re.fullmatch(r"\d{3,4}", word))
    if short and ZIP_WORDS & set(name.split("_")):
        return (
            f"{counted(short, 'ZIP code has', 'ZIP codes have')} fewer than five digits: "
            "the leading zero was lost before the file came here.",
        )
    return ()


def _of_sentinel(word: str, meaning: str, count: int) -> str:
    return (
        f"{counted(count, 'cell holds', 'cells hold')} {word!r}: read as {meaning.replace('_', ' ')}, not as a value."
    )
