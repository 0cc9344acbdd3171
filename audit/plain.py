"""Text from the log as it can be shown anywhere: what would move the cursor or turn the writing around is spelt out."""

from __future__ import annotations

import functools
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories that show nothing of their own: controls, formats (bidi marks), surrogates, separators."""


def visible(text: str) -> str:
    """The text with every unseen character as `<U+202E>`: one line, in one direction, whatever was recorded."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


@functools.lru_cache(4096)
def _shown(character: str) -> str:
    return f"<U+{ord(character):04X}>" if unicodedata.category(character) in _HIDDEN else character
