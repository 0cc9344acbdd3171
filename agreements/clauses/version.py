"""The shape of a clause in the library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agreements.clauses.parameters import Parameter
from exchange.errors import Invalid

SLOT = re.compile(r"\{([a-z_]+)\}")
FACTS = frozenset({"instrument", "parties", "parent"})
"""Slots that the agreement itself fills: its kind in words, its parties, and the agreement it stands under."""


class UnknownTerm(Invalid):
    """A clause, version, rule, parameter or term that this system does not know: nothing compiles (invariant 2)."""

    code = "unknown-term"


@dataclass(frozen=True)
class ClauseVersion:
    """One version of one clause: our own wording with `{parameter}` slots, and what it does.

    `rule` is the key of the compile rule (`agreements.clauses.rules`), None for words that bind people and not the
    system. `discharges` are the laws whose demand for such a clause it meets; `demanded_by` the regimes that demand it.
    `unverified` says that a citation has yet to be confirmed by counsel, as `citation` then says too.
    """

    code: str
    version: int
    title: str
    text: str
    parameters: tuple[Parameter, ...] = ()
    rule: str | None = None
    discharges: tuple[str, ...] = ()
    demanded_by: frozenset[str] = frozenset()
    citation: str = ""
    unverified: bool = False

    @property
    def id(self) -> str:
        """How a clause version is named in reasons and logs, such as `C06@1`."""
        return f"{self.code}@{self.version}"

    @property
    def slots(self) -> frozenset[str]:
        """The names that the text leaves open."""
        return frozenset(SLOT.findall(self.text))

    def read(self, raw: Mapping[str, object]) -> dict[str, Any]:
        """All parameters, read. Raises `UnknownTerm` for an unknown name, `Invalid` for a bad or missing value."""
        known = {parameter.name for parameter in self.parameters}
        unknown = sorted(set(raw) - known)
        if unknown:
            raise UnknownTerm(
                f"Clause {self.id} ({self.title}) has no parameter “{unknown[0]}”; it has {sorted(known)}."
            )
        return {parameter.name: parameter.read(raw.get(parameter.name)) for parameter in self.parameters}
