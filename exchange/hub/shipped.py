"""The recipes that come with the program, by name."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parent / "recipes"


def shipped_recipes() -> tuple[str, ...]:
    """Their names, as `--recipe` takes them."""
    return tuple(sorted(one.stem for one in SHIPPED.glob("*.json")))
