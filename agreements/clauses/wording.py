"""From a clause and its values to the paragraphs that people sign.

Only the library's own words hold slots. What a drafter typed is put in as it stands and is never looked through again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from agreements.bounds import ANY
from agreements.clauses.demands import REGIMES
from agreements.clauses.parameters import Parameter, ParameterType
from agreements.clauses.version import SLOT, ClauseVersion

INSTRUMENTS: Mapping[str, str] = MappingProxyType({"emou": "memorandum", "dsa": "agreement", "dul": "licence"})
"""What a tier calls itself in its own text."""

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Names:
    """What the text needs to name things: the agreement's own facts, and names and titles by key."""

    instrument: str
    parties: str
    parent: str
    agencies: Mapping[str, str] = field(default_factory=lambda: _NONE)
    persons: Mapping[str, str] = field(default_factory=lambda: _NONE)
    datasets: Mapping[str, str] = field(default_factory=lambda: _NONE)


def paragraphs(clause: ClauseVersion, values: Mapping[str, Any], names: Names) -> list[str]:
    """The clause as it is signed. `values` are read ones (`ClauseVersion.read`)."""
    words = {parameter.name: _words(parameter, values[parameter.name], names) for parameter in clause.parameters}
    return _fill(clause.text, words, names)


def draft_paragraphs(clause: ClauseVersion, values: Mapping[str, Any], names: Names) -> list[str]:
    """The clause while it is being drafted: a blank that is not in `values` shows its label between brackets."""
    words = {
        parameter.name: _words(parameter, values[parameter.name], names)
        if parameter.name in values
        else f"[{parameter.label}]"
        for parameter in clause.parameters
    }
    return _fill(clause.text, words, names)


def _fill(text: str, words: Mapping[str, str], names: Names) -> list[str]:
    """The text with every slot filled, in one pass, cut into paragraphs."""
    known = {**_facts(names), **words}
    pieces: list[str] = []
    end = 0
    for slot in SLOT.finditer(text):
        pieces += [text[end : slot.start()], _joined(known[slot[1]], text[slot.end() : slot.end() + 2])]
        end = slot.end()
    pieces.append(text[end:])
    return [paragraph.strip() for paragraph in "".join(pieces).split("\n\n") if paragraph.strip()]


def _joined(words: str, following: str) -> str:
    """A filled-in sentence ends with one full stop: its own, or that of the text around it."""
    if following[:1] in {".", ",", ";"}:
        return words.rstrip(".")
    ends_here = following in {"", "\n\n"} or (following[:1] == " " and following[1:].isupper())
    return f"{words}." if ends_here and words and words[-1] not in ".!?:”])" else words


def _facts(names: Names) -> dict[str, str]:
    return {"instrument": names.instrument, "parties": names.parties, "parent": names.parent}


def _words(parameter: Parameter, value: Any, names: Names) -> str:
    """One value in words."""
    if value is None or (value == [] and parameter.absent):
        return _library_words(parameter.absent, names)
    if value == ANY and parameter.unbounded is not None:
        return _library_words(parameter.unbounded, names)
    return WORDS[parameter.type](parameter, value, names)


def _library_words(text: str, names: Names) -> str:
    return SLOT.sub(lambda slot: _facts(names)[slot[1]], text)


def listed(items: Sequence[str]) -> str:
    """Items as English lists them: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def day_in_words(iso: str) -> str:
    """A day as a contract writes it: `2026-07-01` is "July 1, 2026"."""
    day = date.fromisoformat(iso)
    return f"{day:%B} {day.day}, {day.year}"


def _choice(parameter: Parameter, value: str, names: Names) -> str:
    return _library_words(dict(parameter.choices)[value], names)


def _agencies(_parameter: Parameter, value: list[str], names: Names) -> str:
    return listed([names.agencies.get(key, key) for key in value])


def _persons(_parameter: Parameter, value: list[str], names: Names) -> str:
    return listed(sorted(names.persons.get(key, key) for key in value))


def _dataset(key: str, names: Names) -> str:
    return f"“{names.datasets[key]}” ({key})" if key in names.datasets else f"dataset {key}"


def _datasets(_parameter: Parameter, value: list[str], names: Names) -> str:
    return listed([_dataset(key, names) for key in value])


def _purposes(_parameter: Parameter, value: list[str], _names: Names) -> str:
    return f"the purpose{'s' if len(value) > 1 else ''} {listed([f'“{code}”' for code in value])}"


def _regimes(_parameter: Parameter, value: list[str], _names: Names) -> str:
    return listed([f"{code} ({REGIMES[code].name.lower()})" if code in REGIMES else code for code in value])


def _schedule(_parameter: Parameter, value: list[dict[str, Any]], names: Names) -> str:
    lines = [
        f"{_counted(len(line['columns']), 'data element')} of {_dataset(line['dataset'], names)}" for line in value
    ]
    return f"the data elements and rows that Schedule A lists, which are {listed(lines)}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _plain(_parameter: Parameter, value: Any, _names: Names) -> str:
    return str(value)


WORDS: Mapping[ParameterType, Callable[[Parameter, Any, Names], str]] = MappingProxyType(
    {
        ParameterType.TEXT: _plain,
        ParameterType.INTEGER: _plain,
        ParameterType.DATE: lambda _parameter, value, _names: day_in_words(value),
        ParameterType.CHOICE: _choice,
        ParameterType.AGENCIES: _agencies,
        ParameterType.DATASETS: _datasets,
        ParameterType.PERSONS: _persons,
        ParameterType.PREDICATE: lambda _parameter, _value, _names: "the rows that Schedule A describes",
        ParameterType.PURPOSES: _purposes,
        ParameterType.REGIMES: _regimes,
        ParameterType.SCHEDULE: _schedule,
    }
)
