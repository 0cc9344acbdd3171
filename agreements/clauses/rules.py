"""The compile rules: what each clause contributes to the terms of one dataset.

A rule is a pure function of the clause's parameters and of the matter it is applied to. It returns fields of
`agreements.terms.Terms`; every field it returns is set because of that clause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from agreements.bounds import ANY, EVERYTHING, Bound, Everything, bound_of
from agreements.clauses.demands import UNDER_4_67N
from exchange.clock import end_of_day, start_of_day
from exchange.errors import Invalid


@dataclass(frozen=True)
class Matter:
    """What a rule is applied to. `line` is the dataset's line of Schedule A; None stands for every dataset."""

    tier: str
    sources: frozenset[str]
    line: Mapping[str, Any] | None


Parameters = Mapping[str, Any]
Fields = dict[str, Any]
Rule = Callable[[Parameters, Matter], Fields]

REASON_ONLY = object()
"""The value of a field that a clause explains without setting it: where no other clause sets it, nothing compiles."""


def _bound(value: Any, matter: Matter, what: str) -> Bound:
    """A bound that may be unbounded in an E-MOU only: every other tier names what it covers."""
    bound = bound_of(value)
    if isinstance(bound, Everything) and matter.tier != "emou":
        raise Invalid(f"Only a memorandum may leave {what} open (“{ANY}”); name them in this agreement.")
    return bound


def agencies(_parameters: Parameters, matter: Matter) -> Fields:
    """C01: the data of the source parties and of nobody else."""
    if not matter.sources:
        raise Invalid("No party stands as source; an agreement shares somebody's data.")
    if matter.line is not None and matter.line["agency"] not in matter.sources:
        raise Invalid(
            f"The agency of dataset {matter.line['dataset']} is not a source party; add it or leave the dataset out."
        )
    return {"agencies": matter.sources}


def purposes(parameters: Parameters, matter: Matter) -> Fields:
    """C03: the purposes by their codes."""
    return {"purposes": _bound(parameters["purposes"], matter, "the purposes")}


def use(_parameters: Parameters, _matter: Matter) -> Fields:
    """C05: no purpose beside those of C03; it sets nothing and is a reason whenever another purpose is refused."""
    return {"purposes": REASON_ONLY}


def regimes(parameters: Parameters, matter: Matter) -> Fields:
    """C04: regimes that may not be shared; a CGS 4-67n memorandum never shares what the statute leaves out."""
    prohibited = frozenset(parameters["prohibited"] or ())
    return {"prohibited": prohibited | set(UNDER_4_67N) if matter.tier == "emou" else prohibited}


def columns(parameters: Parameters, matter: Matter) -> Fields:
    """C06: the columns and the rows of Schedule A."""
    _bound(parameters["schedule"] if parameters["schedule"] == ANY else (), matter, "the data elements")
    if matter.line is None:
        return {"columns": EVERYTHING, "rows": None, "regimes": frozenset()}
    _agrees(parameters["schedule"], matter.line)
    return {
        "columns": frozenset(column["name"] for column in matter.line["columns"]),
        "rows": matter.line["rows"],
        "regimes": frozenset(matter.line["regimes"]),
    }


def _agrees(schedule: Any, line: Mapping[str, Any]) -> None:
    """The table that is printed and the clause that is compiled name the same columns and rows, or nothing compiles."""
    shown = {
        "dataset": line["dataset"],
        "columns": sorted(each["name"] for each in line["columns"]),
        "rows": line["rows"],
    }
    if schedule == ANY or shown not in schedule:
        raise Invalid(f"Schedule A and clause C06 differ for dataset {line['dataset']}; build the document again.")


def granularity(parameters: Parameters, _matter: Matter) -> Fields:
    """C07: single records, or aggregates only."""
    return {"granularity": parameters["granularity"]}


def persons(parameters: Parameters, matter: Matter) -> Fields:
    """C08: the roster."""
    return {"persons": _bound(parameters["persons"], matter, "the authorized users")}


def rate(parameters: Parameters, _matter: Matter) -> Fields:
    """C12: queries a day."""
    return {"rate": parameters["queries_per_day"]}


def link(parameters: Parameters, matter: Matter) -> Fields:
    """C15: the datasets it may be linked with; nothing named is none."""
    return {"link": _bound(parameters["link"] or (), matter, "the datasets to link with")}


def onward(parameters: Parameters, _matter: Matter) -> Fields:
    """C17: whether it may be passed on with the source's approval."""
    return {"onward": parameters["onward"] == "with-approval"}


RULE_FLOORS = {"none": 0, "SDE_LE5": 6, "DPH_LT6_POP100K": 6, "CMS_1_10": 11, "DCF_LE10": 11, "FTI_STATE": 10}
"""The smallest count that each suppression rule lets be shown (connecticut.md §3.3)."""


def min_cell(parameters: Parameters, _matter: Matter) -> Fields:
    """C18: the smallest count that may be shown, never below that of the suppression rule named."""
    floor, named = RULE_FLOORS[parameters["rule"]], parameters["rule"]
    if parameters["min_cell"] < floor:
        raise Invalid(
            f"The suppression rule {named} hides counts below {floor}; raise “Smallest count that may be shown”."
        )
    return {"min_cell": parameters["min_cell"]}


def window(parameters: Parameters, _matter: Matter) -> Fields:
    """C28: from the first instant of the first day to the last second of the last day, Connecticut time."""
    begins, ends = date.fromisoformat(parameters["begins"]), date.fromisoformat(parameters["ends"])
    if ends < begins:
        raise Invalid(f"The agreement would end on {ends} before it begins on {begins}; correct clause C28.")
    return {"begins": start_of_day(begins), "ends": end_of_day(ends)}


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            agencies,
            purposes,
            use,
            regimes,
            columns,
            granularity,
            persons,
            rate,
            link,
            onward,
            min_cell,
            window,
        )
    }
)
"""By the key that a clause version names."""
