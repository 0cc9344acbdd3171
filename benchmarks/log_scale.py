"""The log at scale, a part of `make bench`, or by itself:

python -m benchmarks.log_scale --log 1000000      about ten minutes, 1.5 GB; the default of `make bench`
python -m benchmarks.log_scale --log 10000000     measures at 1, 3 and 10 million; an hour or two, 15 GB
python -m benchmarks.log_scale --log 10000000 --drop     the same, and removes the log afterwards

The log that was built stays in `var/bench/log` and is gone on with; figures that were taken are not taken again.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import log_measures, log_pages, plot
from benchmarks.log_build import build_log
from benchmarks.results import Results
from tests.makers.server import ROOT

OURS, PYMERKLE, CHAIN, RAW = "Charter Oak", "pymerkle, in memory", "plain hash chain", "raw SQL"
STEPS = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
SEQUENCING, APPENDING, PROOF, VERIFYING = "sequencing", "append beside a sequencer", "inclusion proof", "verification"
PAGE_GOAL_MS = 300
_AT = re.compile(r"log of ([0-9]+): (.*)")


def at(size: int, what: str) -> str:
    """The name of a measure at one size."""
    return f"log of {size}: {what}"


def measure(results: Results, keep: Path, entries: int, seconds: float = 4.0) -> None:
    """Build up to `entries`, measuring at every step; write the document and the picture."""
    folder = keep / "log"
    for size in (step for step in STEPS if entries / 10 <= step <= entries or step == entries):
        built = build_log(folder, size)
        if built.added:
            results.take(at(size, "building"), OURS, 1, lambda _, built=built: {  # type: ignore[misc]
                "per_second": built.added / (built.queueing_s + built.sequencing_s)})  # fmt: skip
        for what, who, way in _measures(folder, seconds):
            results.take(at(size, what), who, 1, lambda _, way=way: way(folder))  # type: ignore[misc]
        for name, asked in log_measures.raw_sql(folder).items():
            results.take(at(size, name), RAW, 3, lambda _, asked=asked: asked())  # type: ignore[misc]
        _pages(results, folder, size)
    (ROOT / "docs" / "performance-log.md").write_text(document(results))
    picture = plot.svg(_lines(results), "The log from small to large", "entries", "milliseconds")
    if picture:
        (ROOT / "docs" / "performance-log.svg").write_text(picture)


def _measures(folder: Path, seconds: float) -> list[tuple[str, str, Callable[[Path], log_measures.Figures]]]:
    return [
        (SEQUENCING, OURS, log_measures.sequencing),
        (APPENDING, OURS, lambda folder: log_measures.appending(folder, seconds)),
        (PROOF, OURS, log_measures.proofs),
        (PROOF, PYMERKLE, log_measures.proofs_of_pymerkle),
        (VERIFYING, OURS, log_measures.verification),
        (VERIFYING, CHAIN, log_measures.chain_verification),
    ]


def _pages(results: Results, folder: Path, size: int) -> None:
    known = {"dataset": log_measures.most_named(folder, "dataset"), "person": log_measures.most_named(folder, "actor")}
    with log_pages.auditor(folder) as browser:
        for path, address in sorted(log_pages.addresses(browser, known).items()):
            results.take(
                at(size, f"page {path}"), OURS, 1,
                lambda _, address=address: log_pages.page_times(browser, address),  # type: ignore[misc]
            )  # fmt: skip


def _lines(results: Results) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds by size: a proof, an entry verified (times a million), the slowest page."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for name in results.taken:
        found = _AT.match(name)
        if not found:
            continue
        size = float(found[1])
        for label, value in (
            ("one proof", results.middle(name, OURS, "ms") if found[2] == PROOF else None),
            ("verifying 1,000 entries", _verified(results, name, size) if found[2] == VERIFYING else None),
        ):
            if value:
                lines.setdefault(label, []).append((size, value))
    for size, value in sorted(_slowest(results).items()):
        lines.setdefault("slowest page", []).append((size, value))
    return {label: sorted(points) for label, points in lines.items()}


def _verified(results: Results, name: str, size: float) -> float | None:
    seconds = results.middle(name, OURS, "seconds")
    return seconds * 1e6 / size if seconds else None


def _slowest(results: Results) -> dict[float, float]:
    slowest: dict[float, float] = {}
    for name in results.taken:
        found, value = _AT.match(name), results.middle(name, OURS, "ms")
        if found and value and found[2].startswith("page "):
            slowest[float(found[1])] = max(slowest.get(float(found[1]), 0.0), value)
    return slowest


def document(results: Results) -> str:
    """The figures by size, as a page of Markdown."""
    parts = [HEAD]
    for size in sorted({int(found[1]) for name in results.taken if (found := _AT.match(name))}):
        rows = [line for name in results.taken for line in _rows(results, name, size)]
        parts.append(
            f"## {size:,} entries\n\n| What | Whose | Figure | Goal |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def _rows(results: Results, name: str, size: int) -> list[str]:
    found = _AT.match(name)
    if not found or int(found[1]) != size:
        return []
    return [
        f"| {found[2]} | {who} | {_figure(results, name, who)} | {_goal(results, name, who)} |"
        for who in results.taken[name]
    ]


def _figure(results: Results, name: str, who: str) -> str:
    failed = results.failure(name, who)
    if failed:
        return f"failed: {failed}"
    units = {"per_second": "{:,.0f}/s", "ms": "{:,.2f} ms", "worst_ms": "worst {:,.0f} ms", "seconds": "{:,.1f} s",
             "memory_mb": "{:,.0f} MiB", "worst_lag_s": "at most {:.2f} s behind"}  # fmt: skip
    shown = [(unit, results.middle(name, who, figure)) for figure, unit in units.items()]
    return ", ".join(unit.format(value) for unit, value in shown if value is not None)


def _goal(results: Results, name: str, who: str) -> str:
    if who != OURS:
        return ""
    if ": page " in name:
        took = results.middle(name, who, "ms")
        return f"≤ {PAGE_GOAL_MS} ms: {'met' if took is not None and took <= PAGE_GOAL_MS else '**missed**'}"
    behind = results.middle(name, who, "worst_lag_s")
    return "" if behind is None else f"≤ 1 s behind: {'met' if behind <= 1 else '**missed**'}"


HEAD = """# The log at scale

Written by `make bench` (part `--log`); do not edit. A log is built through queue, sequencer, tallies and signed
checkpoints, then measured at each size beside its floors on the same entries: a plain hash chain over the same files,
pymerkle over the first 200,000 entries, plain SQL on the same rows. Pages are asked of a real server by a signed-in
auditor, each five times; each reading is itself recorded before the page leaves.

![Growth](performance-log.svg)
"""


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, default=ROOT / "var" / "bench")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--drop", action="store_true", help="remove the log afterwards; its figures stay")
    chosen = parser.parse_args()
    measure(Results(chosen.keep / "log-results.json", {}), chosen.keep, chosen.log, chosen.seconds)
    if chosen.drop:
        shutil.rmtree(chosen.keep / "log")


if __name__ == "__main__":
    main()
