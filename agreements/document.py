"""The canonical document of an agreement version: its text and its policy in one tree, under one hash.

`build` is a function of facts alone; the same facts give the same bytes (invariant 5). The bytes that are hashed and
signed are the tree in canonical JSON (RFC 8785).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class PartyFact:
    """An agency in one capacity ("source", "recipient", "opm"), by its legal name, with the statute it acts under."""

    agency: str
    name: str
    capacity: str
    statute: str = ""


@dataclass(frozen=True)
class PersonFact:
    """A person who may be named in clause C08; `agency` is the agency's key."""

    id: str
    name: str
    title: str
    agency: str


@dataclass(frozen=True)
class ColumnFact:
    """A column as classified: EO 39 limb, exemption code and citation are None for an open one."""

    name: str
    label: str
    type: str
    limb: str | None = None
    code: str | None = None
    citation: str | None = None


@dataclass(frozen=True)
class DatasetFact:
    """A dataset that Schedule A may name, with all its columns, and the regimes its classification puts it under."""

    id: str
    title: str
    agency: str
    columns: tuple[ColumnFact, ...]
    regimes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClauseUse:
    """A library clause as drafted: the values of its parameters, as `ClauseVersion.read` gives or accepts them."""

    code: str
    version: int
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ParentFact:
    """The version of the agreement above: a DSA's E-MOU."""

    id: str
    version: int
    sha256: str


@dataclass(frozen=True)
class DraftFacts:
    """Everything that an agreement version says, without a database.

    `datasets` and `persons` hold at least those that the clauses name; `agencies` maps keys of agencies to legal
    names. `tier` is "emou", "dsa" or "dul".
    """

    agreement: str
    version: int
    tier: str
    title: str
    parties: tuple[PartyFact, ...]
    clauses: tuple[ClauseUse, ...]
    datasets: tuple[DatasetFact, ...] = ()
    persons: tuple[PersonFact, ...] = ()
    agencies: Mapping[str, str] = field(default_factory=dict)
    parent: ParentFact | None = None
