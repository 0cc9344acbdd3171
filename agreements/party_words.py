"""Words for the parties of an agreement and for a signature, the same on every page, in the paper and the register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

CAPACITIES = MappingProxyType({"source": "source", "recipient": "recipient", "opm": "OPM"})
"""What an agency stands as, in words (clause C01)."""

METHODS = MappingProxyType({"password+totp": "password and one-time code"})
"""How a signer proved who they are, by the code that the log keeps."""

DEPARTMENTS = "CGS 4-38c"
"""The list of the executive departments: it says what an agency is, and gives it no power."""

POWER = "CGS 4-67n (to be confirmed by counsel)"
"""The power to share data under the program, where an agreement states no other."""


@dataclass(frozen=True)
class SignatureFact:
    """A party's signature: who signed for which agency, how they proved who they are, over which fingerprint."""

    agency: str
    name: str
    title: str
    signed_at: datetime
    method: str
    sha256: str
    entry_id: str = ""


def method_in_words(method: str) -> str:
    """The method of a proof of identity as a reader understands it."""
    return METHODS.get(method, method.replace("+", " and "))


def standing_in_words(statute: str) -> str:
    """What an agency is by this statute; empty where none is on record."""
    if statute == DEPARTMENTS:
        return f"an executive department, {DEPARTMENTS}"
    return statute


def counted(number: int, thing: str) -> str:
    """A number with its noun: "1 column", "2 columns"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
