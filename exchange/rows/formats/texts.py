"""Building texts a whole Arrow column at a time."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

GEOMETRIES = ("point", "line", "polygon", "multipoint", "multiline", "multipolygon")
"""Header names of the types that are a shape by themselves."""

_NOT_IN_XML = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]"
"""Characters that XML 1.0 §2.2 cannot hold in any spelling."""


def joined(*pieces: Any) -> pa.Array:
    """The pieces of each row one after the other; null if any of them is."""
    return pc.binary_join_element_wise(*pieces, "", null_handling="emit_null")


def rows_of(*pieces: Any, between: str = "") -> pa.Array:
    """The pieces of each row one after the other; a null piece is nothing."""
    return pc.binary_join_element_wise(*pieces, between, null_handling="replace", null_replacement="")


def bytes_of(texts: pa.Array) -> bytes:
    """All texts one after the other: an Arrow array keeps them so."""
    length = pc.sum(pc.binary_length(texts)).as_py() or 0
    return texts.buffers()[2].slice(0, length).to_pybytes() if length else b""


def where(condition: pa.Array, texts: pa.Array) -> pa.Array:
    """The texts where the condition holds, null elsewhere."""
    return pc.if_else(condition, texts, pa.scalar(None, texts.type))


def xml_text(texts: pa.Array) -> pa.Array:
    """Texts as they stand in XML, in an element or in a quoted attribute; what XML cannot hold becomes U+FFFD."""
    texts = pc.replace_substring_regex(texts, _NOT_IN_XML, "\ufffd")
    for character, reference in _REFERENCES:
        texts = pc.replace_substring(texts, character, reference)
    return texts


_REFERENCES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\r", "&#13;"))
