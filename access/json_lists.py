"""Asking a JSON list in SQL, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class json_has(FunctionElement[bool]):  # noqa: N801
    """SQL: a JSON list of texts holds this text. `json_has(column, value)`."""

    type = Boolean()
    inherit_cache = True


@compiles(json_has)
def _json_has(element: json_has, compiler: Any, **words: Any) -> str:
    members, value = (compiler.process(clause, **words) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({members}) AS member WHERE member.value = {value})"  # noqa: S608


@compiles(json_has, "postgresql")
def _json_has_postgresql(element: json_has, compiler: Any, **words: Any) -> str:
    members, value = (compiler.process(clause, **words) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_array_elements_text({members}) AS member(value) WHERE member.value = {value})"  # noqa: S608
