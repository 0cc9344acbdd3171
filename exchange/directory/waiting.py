"""What waits for a person: the one shape in which every part of the house says it, gathered on the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for somebody: what, where, since when, and the next step in a few words ("Sign it")."""

    title: str
    url_endpoint: str
    url_values: Mapping[str, str | int]
    since: datetime
    next_step: str
