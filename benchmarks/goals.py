"""What the figures shall reach, beside which server: a ratio of rates, of processor time, of times or of p99."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """`figure` is "rate" (at least), or "CPU", "time", "p99" (at most): ours divided by theirs."""

    figure: str
    ratio: float

    def said(self, measured: float | None) -> str:
        """The goal, and whether it was met."""
        least = self.figure == "rate"
        text = f"{self.figure} {'≥' if least else '≤'} {self.ratio:g}"
        if measured is None:
            return text
        met = measured >= self.ratio if least else measured <= self.ratio
        return f"{text}: {'met' if met else '**missed**'}"


SQLITE, DUCKDB, PEER = "Flask + sqlite3", "Flask + DuckDB", "Datasette 0.65"
APPENDS = "audit append, 8 writers, one process, SQLite"
GOALS = {
    (APPENDS, "hash-chained file with group commit"): Goal("rate", 0.8),
    (APPENDS, "PostgreSQL table chained by a trigger"): Goal("rate", 4),
    ("page of 100 rows, one filter", PEER): Goal("rate", 12),
    ("page of 100 rows, one filter", SQLITE): Goal("CPU", 0.75),
    ("page of 1,000 rows, one filter", PEER): Goal("rate", 12),
    ("page of 1,000 rows, one filter", SQLITE): Goal("CPU", 0.45),
    ("group by town", PEER): Goal("rate", 9),
    ("group by town", DUCKDB): Goal("CPU", 1.3),
    ("dataset page", PEER): Goal("rate", 15),
    ("page of 100 rows, from the cache", "bare route, same bytes"): Goal("rate", 0.8),
    ("page of 100 rows during an export", "the same page alone"): Goal("p99", 1.4),
    **{
        (f"{part} export{which}, {kind}", beside): Goal("time", 2)
        for part, which, beside in (
            ("whole", "", "stored file, bare Flask"),
            ("filtered", " (half the rows)", "DuckDB COPY to a file, in process"),
        )
        for kind in ("CSV", "JSON")
    },
}

MORE_MEMORY_MIB = 20 * 1e6 / 2**20
"""How much more memory a process may take for an export."""


def goal(workload: str, who: str, **measured: float | None) -> str:
    """The goal of this workload beside this server, with the measured ratio of its figure; "" if there is none."""
    found = next((each for (name, beside), each in GOALS.items() if beside == who and _is(workload, name)), None)
    return "" if found is None else found.said(measured.get(found.figure))


def _is(workload: str, name: str) -> bool:
    """Whether it is this workload, perhaps of the large table."""
    return workload == name or (workload.startswith(f"{name}, ") and workload.endswith(",000 rows"))
