"""Documents are held to the code."""

from __future__ import annotations

import re
from pathlib import Path

from exchange import settings

ROOT = Path(__file__).resolve().parents[2]


def test_every_room_named_in_the_documents_exists() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        named = set(
            re.findall(r"`((?:audit|exchange|agreements|access|demo)/[a-z_/]+(?:\.py)?)`", document.read_text())
        )
        missing = [name for name in named if not (ROOT / name).exists()]
        assert missing == [], document.name


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
        assert [target for target in targets if not (document.parent / target).exists()] == [], document.name


def test_every_setting_is_in_the_operations_guide() -> None:
    guide = (ROOT / "docs/operations.md").read_text()
    assert [name for name in settings.KNOWN if name not in guide] == []


def test_decisions_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (ROOT / "docs/decisions").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
