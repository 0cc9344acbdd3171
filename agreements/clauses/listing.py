"""The clause list as a page of documentation, written by the library itself (`docs/clauses.md`)."""

from __future__ import annotations

from collections.abc import Iterator

from agreements.clauses.demands import BINDS, REGIMES, STATE_DSA, STATE_EMOU, UNDER_4_67N
from agreements.clauses.library import CLAUSES
from agreements.clauses.parameters import Parameter
from agreements.clauses.rules import RULES
from agreements.clauses.version import ClauseVersion

HEAD = """# The clause library

Written by `agreements.clauses.listing.markdown()`; a test holds this page to the library. The wording is
our own and no legal advice; what is marked “to be confirmed by counsel” has not been checked against its source.

Slots in braces are the parameters that a drafter fills in; `{instrument}`, `{parties}` and `{parent}` are filled in by
the agreement. The rule is what the clause compiles to; a clause without a rule binds people and not the system.
"""


def markdown() -> str:
    """The page: every clause version, then what each law demands."""
    parts = [HEAD, *(_clause(clause) for _, clause in sorted(CLAUSES.items())), _demands()]
    return "\n".join(parts)


def _clause(clause: ClauseVersion) -> str:
    lines = [f"## {clause.id} {clause.title}", ""]
    lines += [f"> {paragraph}" if paragraph else ">" for paragraph in clause.text.split("\n")]
    lines += ["", f"- Basis: {clause.citation}"]
    if "CGS 4-67aa" in clause.citation:
        lines.append(f"- Note: {BINDS}")
    if clause.rule:
        lines.append(f"- Rule `{clause.rule}`: {(RULES[clause.rule].__doc__ or '').partition(': ')[2]}")
    if clause.discharges:
        lines.append(f"- Discharges: {'; '.join(clause.discharges)}")
    demanding = [
        name for name, codes in (("every DSA", STATE_DSA), ("every memorandum", STATE_EMOU)) if clause.code in codes
    ]
    if demanding or clause.demanded_by:
        lines.append(f"- Demanded for: {', '.join([*demanding, *sorted(clause.demanded_by)])}")
    return "\n".join([*lines, *_parameters(clause), ""])


def _parameters(clause: ClauseVersion) -> Iterator[str]:
    if clause.parameters:
        yield "\n| Parameter | What | Type | Required |\n|---|---|---|---|"
    for parameter in clause.parameters:
        required = "yes" if parameter.required else "no"
        yield f"| `{parameter.name}` | {parameter.label} | {_type(parameter)} | {required} |"


def _type(parameter: Parameter) -> str:
    choices = f": {', '.join(f'`{key}`' for key, _ in parameter.choices)}" if parameter.choices else ""
    return f"{parameter.type.value}{choices}{' or `any`' if parameter.unbounded else ''}"


def _demands() -> str:
    tables = [("Every data sharing agreement", STATE_DSA), ("Every memorandum with OPM", STATE_EMOU)]
    tables += [
        (f"{regime.key}: {regime.name} ({regime.citation})", regime.demands) for _, regime in sorted(REGIMES.items())
    ]
    parts = ["# What the law demands", "", BINDS, ""]
    for title, demands in tables:
        parts += [f"## {title}", "", "| Clause | Law |", "|---|---|"]
        parts += [f"| {code} | {law} |" for code, law in sorted(demands.items())] + [""]
    parts += ["## What may not be shared under CGS 4-67n", ""]
    parts += [f"- {bar.regime}: {bar.sentence} ({bar.law})" for bar in UNDER_4_67N.values()]
    return "\n".join(parts) + "\n"
