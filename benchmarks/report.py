"""The figures as a document and a picture. Absolute figures move with the machine; ratios are the evidence."""

from __future__ import annotations

import argparse
import os
import platform
import re

from benchmarks import plot
from benchmarks.goals import MORE_MEMORY_MIB, goal
from benchmarks.results import Results

OURS, PEER, ALONE = "Charter Oak", "Datasette 0.65", "the same page alone"
FILE, CHAINED, STORED, COPY = (
    "hash-chained file with group commit",
    "PostgreSQL table chained by a trigger",
    "stored file, bare Flask",
    "DuckDB COPY to a file, in process",
)
_SIZED = re.compile(r"at ([0-9]+) rows: (.*)")


def sized(workload: str, rows: int) -> str:
    """The name of a workload at one size of the picture."""
    return f"at {rows} rows: {workload}"


def written(results: Results, chosen: argparse.Namespace) -> tuple[str, str]:
    """The document and the picture ("" if there is nothing to draw)."""
    names = [name for name in results.taken if not _SIZED.match(name) and name not in ("publishing", "memory")]
    requests = [row for name in names for row in _request_rows(results, name)]
    transfers = [row for name in names for row in _transfer_rows(results, name)]
    picture = _picture(results)
    text = HEAD.format(
        command=_command(chosen), rows=chosen.rows, rounds=chosen.rounds, seconds=chosen.seconds,
        cores=os.cpu_count(), python=platform.python_version(), load=os.getloadavg()[2],
        requests="\n".join(requests), transfers="\n".join(transfers), sizes=_sizes(results),
        notes="\n".join(_notes(results)), failures="\n".join(_failures(results)) or "None.",
        picture="![Cost of a request from 10,000 to 10 million rows](performance.svg)\n\n" if picture else "",
    )  # fmt: skip
    return text, picture


def _command(chosen: argparse.Namespace) -> str:
    if chosen.quick:
        return 'make bench BENCH="--quick"'
    given = f"--rows {chosen.rows} --large {chosen.large} --restricted {chosen.restricted}"
    given += " --brief-large" if chosen.brief_large else ""
    return f'make bench BENCH="{given} --rounds {chosen.rounds} --seconds {chosen.seconds:g}"'


def _request_rows(results: Results, name: str) -> list[str]:
    ours = results.middle(name, OURS, "per_second")
    if ours is None:
        return []
    cpu = results.middle(name, OURS, "cpu_ms")
    p50, p99 = results.middle(name, OURS, "p50_ms"), results.middle(name, OURS, "p99_ms")
    mine = f"{ours:,.0f}/s" + (f", p50 {p50:.1f}, p99 {p99:.1f} ms" if p50 and p99 else "")
    lines = [f"| **{name}** | {mine} | {_ms(cpu)} | | | |"]
    for who in results.taken[name]:
        rate = results.middle(name, who, "per_second")
        if who == OURS or rate is None:
            continue
        theirs, other = results.middle(name, who, "cpu_ms"), results.middle(name, who, "p99_ms")
        share = f"{cpu / theirs:.2f}" if cpu and theirs else ""
        if who == ALONE and p99 and other:
            share = f"{share} (p99 {p99 / other:.2f})"
        aim = goal(name, who, rate=ours / rate, CPU=_ratio(cpu, theirs), p99=_ratio(p99, other))
        lines.append(f"| — {who} | {rate:,.0f}/s | {_ms(theirs)} | {ours / rate:.2f} | {share} | {aim} |")
    return lines


def _transfer_rows(results: Results, name: str) -> list[str]:
    ours = results.middle(name, OURS, "seconds")
    if ours is None:
        return []
    size, memory = results.middle(name, OURS, "megabytes") or 0, results.middle(name, OURS, "memory_mb") or 0
    aim = f"memory < 20 MB: {'met' if memory < MORE_MEMORY_MIB else '**missed**'}"
    lines = [f"| **{name}** | {ours:.2f} s | {size:,.0f} MB | {memory:,.0f} MiB | | {aim} |"]
    for who in results.taken[name]:
        theirs = results.middle(name, who, "seconds")
        if who != OURS and theirs is not None:
            mb = results.middle(name, who, "megabytes")
            shown = f"{mb:,.0f} MB" if mb else ""
            aim = goal(name, who, time=ours / theirs)
            lines.append(f"| — {who} | {theirs:.2f} s | {shown} | | {ours / theirs:.2f} | {aim} |")
    return lines


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours and theirs else None


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} ms"


def _picture(results: Results) -> str:
    lines: dict[str, list[tuple[float, float]]] = {}
    for name in results.taken:
        found = _SIZED.match(name)
        cpu = results.middle(name, OURS, "cpu_ms")
        if found and cpu:
            lines.setdefault(found[2], []).append((float(found[1]), cpu))
    return plot.svg(lines, "Processor time of one request by size of the table", "rows", "milliseconds")


def _sizes(results: Results) -> str:
    found = [(_SIZED.match(name), name) for name in results.taken]
    rows = sorted({int(match[1]) for match, _ in found if match})
    names = list(dict.fromkeys(match[2] for match, _ in found if match))
    if not rows:
        return "Not measured in this run.\n"
    head = "| CPU of one request | " + " | ".join(f"{count:,} rows" for count in rows) + " |\n"
    lines = [
        f"| {name} | " + " | ".join(_ms(results.middle(sized(name, count), OURS, "cpu_ms")) for count in rows) + " |"
        for name in names
    ]
    return head + "|---" * (len(rows) + 1) + "|\n" + "\n".join(lines) + "\n"


def _notes(results: Results) -> list[str]:
    notes = [f"- publishing {who}: {results.middle('publishing', who, 'value') or 0:,.1f} (store, serving file, pages,"
             " downloads)" for who in results.taken.get("publishing", {})]  # fmt: skip
    memory = results.middle("memory", "largest process after all of it", "value")
    return [*notes, *([f"- memory of the largest process after all of it: {memory:,.0f} MiB"] if memory else [])]


def _failures(results: Results) -> list[str]:
    return [
        f"- {name}, {who}: {sentence}"
        for name, by in results.taken.items()
        for who in by
        if (sentence := results.failure(name, who))
    ]


HEAD = """# What it costs

Written by `{command}`; do not edit. The command works in a fresh clone: it starts a server with the demo in a folder of
its own, puts tables of {rows:,} rows and 11 columns (and larger) into its store, lets the demo's cast agree and grant a
restricted one, installs Datasette from a hash-locked list into an environment of its own, then measures. A run that was
broken off goes on where it was; `--again` forgets what was taken, `--no-report` only prints.

Medians of {rounds} rounds of {seconds:g} s; a workload, the peer and the floors take turns in one run on one machine:
{cores} cores, Python {python}, mean load of the last quarter of an hour {load:.1f} (the run itself keeps it near
{cores}). The load generator runs on the same cores: 8 clients on kept connections unless the line says otherwise.
**Every request of a round is a new one** (another town, offset, value or limit), so nothing is answered from a cache
where the line does not say so; quotas, headers, identity checks and, where the line says so, the log are switched on.
**Ratios are the evidence**; absolute figures move with the machine.

## Requests

| Workload | Rate | CPU a request | Our rate : theirs | Our CPU : theirs | Goal |
|---|---|---|---|---|---|
{requests}

CPU is processor time of the server for one request, all its processes together. The floors are Flask under the same
web server with as many workers, one statement and `json.dumps`; they check, count and record nothing. The bare route
returns the very bytes that we answered, from memory.

## Transfers

| Workload | Time | Size | More memory | Our time : theirs | Goal |
|---|---|---|---|---|---|
{transfers}

## From 10,000 rows to the largest

{picture}{sizes}
## Besides

{notes}

## What could not be measured in this run

{failures}
"""
