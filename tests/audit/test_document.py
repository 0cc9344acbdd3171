"""The specification's example is true: its texts are taken from the page and checked."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from audit.actions import Outcome
from audit.entry import Entry
from audit.merkle import leaf_hash
from audit.verification import open_checkpoint, verify_proof

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit-log.md").read_text()


def block(name: str) -> str:
    """The text of a fenced block."""
    found = re.search(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_example_holds() -> None:
    entry, key = block("entry").strip().encode(), block("key").strip()
    assert base64.b64encode(leaf_hash(entry)).decode() == block("leaf").strip()
    assert open_checkpoint(block("checkpoint"), key)[1] == 3
    assert verify_proof(block("proof"), entry, key).origin == "data.example.gov/audit/log"


def test_every_member_and_outcome_is_described() -> None:
    described = set(re.findall(r"`([a-z_0-9]+)`", PAGE))
    assert {name for name in Entry.__dataclass_fields__ if name != "at"} <= described
    assert {str(outcome) for outcome in Outcome} <= described
