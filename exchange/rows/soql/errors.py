"""What is wrong with a query, in the words and codes of the reference (soda.md §11)."""

from __future__ import annotations

from typing import Any

import orjson

from exchange.errors import Invalid
from exchange.rows.soql.nodes import NOWHERE, Place


class SoqlError(Invalid):
    """A query that cannot be understood or may not be asked. `data` goes into the error body as it is."""

    def __init__(self, kind: str, sentence: str, *, at: Place = NOWHERE, **data: Any) -> None:
        code = f"query.soql.{kind}"
        message = f"Query coordinator error: {code}; {sentence}"
        self.data: dict[str, Any] = dict(data)
        if at is not NOWHERE:
            line = orjson.dumps(at.line.encode("utf-8", "replace").decode()).decode()
            message += f"; position: Map(row -> {at.row}, column -> {at.column}, line -> {line})"
            self.data["position"] = {"row": at.row, "column": at.column, "line": at.line}
        super().__init__(message, code=code)
        self.sentence = sentence


class ParameterError(Invalid):
    """A parameter of the address, not the query language, is wrong."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, code=code)
        self.data: dict[str, Any] = {}
