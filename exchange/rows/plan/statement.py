"""Stages to one engine statement. Sort keys always end in something unique, so that pages never overlap."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.rows.plan.emitting import ROWS, Emitter, quoted
from exchange.rows.plan.scope import ROW_ID
from exchange.rows.plan.stage import Sort, Stage
from exchange.rows.plan.typed import Constant, SystemField, Typed, parts
from exchange.rows.soql.errors import SoqlError
from exchange.rows.types import ROW


def statement(stages: Sequence[Stage], relation: str, emit: Emitter, default_limit: int) -> str:
    """The SQL of all stages, the last with a limit."""
    sql = relation
    for position, stage in enumerate(stages):
        last = position == len(stages) - 1
        limit = stage.limit if stage.limit is not None or not last else default_limit
        sql = _select(stage, sql, emit, limit, numbered=not last)
        if not last:
            sql = f"({sql})"
    return sql


def output_name(position: int) -> str:
    """What the engine calls an output column; the reader's name never reaches the engine."""
    return f"c{position}"


def _select(stage: Stage, relation: str, emit: Emitter, limit: int | None, *, numbered: bool) -> str:
    outputs = [f"{emit.output(o.column)} AS {output_name(n)}" for n, o in enumerate(stage.outputs)]
    if limit is not None and stage.is_plain_page and not numbered:
        first = emit.bind(stage.offset)
        after = emit.bind(stage.offset + limit)
        rows = f"{ROWS}.{ROW} >= {first} AND {ROWS}.{ROW} < {after}"
        return f"SELECT {', '.join(outputs)} FROM {relation} AS {ROWS} WHERE {rows} ORDER BY {ROWS}.{ROW}"
    order = _order(stage, emit)
    if numbered and not stage.distinct:
        outputs.append(f"row_number() OVER (ORDER BY {order}) - 1 AS {ROW}")
    parts_ = [f"SELECT {'DISTINCT ' if stage.distinct else ''}{', '.join(outputs)}"]
    parts_.append(f"FROM {_allowed(stage, relation, emit)} AS {ROWS}")
    parts_ += _conditions(stage, emit)
    sql = " ".join(parts_)
    if stage.distinct:
        sql = f"SELECT *{_numbering(order) if numbered else ''} FROM ({sql}) AS d"
    page = f" LIMIT {int(limit)}" if limit is not None else ""
    return f"{sql} ORDER BY {order}{page}{f' OFFSET {int(stage.offset)}' if stage.offset else ''}"


def _numbering(order: str) -> str:
    return f", row_number() OVER (ORDER BY {order}) - 1 AS {ROW}"


def _allowed(stage: Stage, relation: str, emit: Emitter) -> str:
    """The relation with the row filter below everything. Row ids then count only the rows that are left."""
    if stage.rows is None:
        return relation
    filtered = f"SELECT * FROM {relation} AS {ROWS} WHERE {emit.text(stage.rows)}"
    if not _names_rows(stage):
        return f"({filtered})"
    number = f"row_number() OVER (ORDER BY f.{ROW}) - 1 AS {ROW}"
    return f"(SELECT * REPLACE ({number}) FROM ({filtered}) AS f)"


def _names_rows(stage: Stage) -> bool:
    expressions: list[Typed | None] = [*(named.column for named in stage.outputs), stage.where]
    return any(ROW_ID in parts(expression) for expression in expressions if expression is not None)


def _conditions(stage: Stage, emit: Emitter) -> list[str]:
    found = []
    if stage.where is not None:
        found.append(f"WHERE {emit.text(stage.where)}")
    keys = [emit.text(key) for key in stage.group if _varies(key)]
    if keys:
        found.append(f"GROUP BY {', '.join(keys)}")
    having = [emit.text(stage.having)] if stage.having is not None else []
    if stage.grouped and stage.min_cell > 0:
        having.insert(0, f"count(*) >= {emit.bind(stage.min_cell)}")
    if having:
        found.append(f"HAVING {' AND '.join(having)}")
    return found


def _varies(expression: Typed) -> bool:
    """Whether it can differ from row to row; a bare constant neither sorts nor groups, and the engine refuses it."""
    return not isinstance(expression, Constant | SystemField)


def _order(stage: Stage, emit: Emitter) -> str:
    if stage.distinct:
        return _order_of_distinct(stage)
    keys = [_key(emit.text(sort.expression), sort) for sort in stage.order if _varies(sort.expression)]
    if stage.grouped:
        keys += [f"{emit.text(key)} ASC NULLS LAST" for key in stage.group if _varies(key)]
        return ", ".join(keys or ["1"])
    return ", ".join([*keys, f"{ROWS}.{quoted(ROW)}"])


def _order_of_distinct(stage: Stage) -> str:
    """Distinct rows can be sorted only by what was selected; all outputs together make the order total."""
    columns = [named.column for named in stage.outputs]
    keys = []
    for sort in stage.order:
        if sort.expression not in columns:
            raise SoqlError("column-not-in-group-bys", "With DISTINCT, order by what is selected")
        keys.append(_key(f"d.{output_name(columns.index(sort.expression))}", sort))
    return ", ".join([*keys, *(f"d.{output_name(position)}" for position in range(len(columns)))])


def _key(sql: str, sort: Sort) -> str:
    return f"{sql} {'DESC' if sort.descending else 'ASC'} NULLS {'FIRST' if sort.nulls_first else 'LAST'}"
