"""Stub."""
from dataclasses import dataclass
@dataclass(frozen=True)
class Query: ...
