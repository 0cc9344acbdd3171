"""An entry with its place in the log, as the shapes for other systems take it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Sequenced:
    """One entry: its index, and the exact bytes that were hashed."""

    index: int
    body: bytes

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """What the bytes say; nothing if they are no JSON object, which only tampering can bring about."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def text(self, name: str) -> str:
        """A member as text, "" if there is none. Half a surrogate pair, which no encoding can carry, becomes "?"."""
        value = self.members.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode()
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()

    def number(self, name: str) -> int | None:
        """A member as a whole number, None if it is none."""
        value = self.members.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def time_ms(self) -> int:
        """When it happened, in milliseconds since 1970 UTC; 0 if the entry does not say."""
        found = self.number("t")
        return found if found is not None and 0 <= found < 2**53 else 0

    @property
    def refused(self) -> bool:
        """Whether it did not end as it was meant to."""
        return self.text("outcome") in ("refused", "failed", "cut")
