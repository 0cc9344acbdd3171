"""Figures as they are taken: kept in a file after each, so that a run which was broken off goes on where it was."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rounds = list[dict[str, float]]


SLOW_S = 6.0
"""A measure that takes longer than this is taken once; then it is no question of a few per cent."""


class Results:
    """Rounds of figures by workload and by who answered. A failure is kept as a sentence and ends nothing."""

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self._path = path
        self._start = time.monotonic()
        self.taken: dict[str, dict[str, Any]] = {}
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["options"] == options:
                self.taken = kept["taken"]
        self._options = options

    def take(self, workload: str, who: str, rounds: int, measure: Callable[[int], dict[str, float]]) -> Rounds | None:
        """Measure so many rounds, unless that was done before; None if it failed."""
        found = self.taken.setdefault(workload, {}).get(who)
        have = list(found) if isinstance(found, list) else []
        for number in range(len(have), rounds):
            before = time.monotonic()
            try:
                have.append(measure(number))
            except Exception as problem:
                self._keep(workload, who, f"{type(problem).__name__}: {str(problem)[:200]}")
                self._say(f"{workload} | {who}: failed, {problem!s:.160}")
                return None
            self._keep(workload, who, have)
            if time.monotonic() - before > SLOW_S:
                break
        self._say(f"{workload} | {who}: {_shown(have)}")
        return have

    def middle(self, workload: str, who: str, figure: str) -> float | None:
        """The median over the rounds."""
        found = self.taken.get(workload, {}).get(who)
        values = [each[figure] for each in found if figure in each] if isinstance(found, list) else []
        return statistics.median(values) if values else None

    def failure(self, workload: str, who: str) -> str | None:
        """What went wrong, if something did."""
        found = self.taken.get(workload, {}).get(who)
        return found if isinstance(found, str) else None

    def _keep(self, workload: str, who: str, what: Any) -> None:
        self.taken.setdefault(workload, {})[who] = what
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps({"options": self._options, "taken": self.taken}, indent=1))

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._start:6.0f} s  {text}", flush=True)
        sys.stdout.flush()


def _shown(rounds: Rounds) -> str:
    middle = {name: statistics.median(each[name] for each in rounds if name in each) for name in rounds[0]}
    return ", ".join(f"{name} {value:,.2f}" for name, value in middle.items())
