"""A resolved query to one engine statement. Sort keys always end in something unique, so that pages never overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from exchange.rows.plan.emitting import Emitter, varies
from exchange.rows.plan.searching import Searched
from exchange.rows.plan.shape import Combination, Dataset, Joined, Rows, Stage
from exchange.rows.plan.typed import Apply, Typed, has_window, parts
from exchange.rows.plan.values import quoted
from exchange.rows.plan.visible import output_name, row_id
from exchange.rows.types import ROW

_JOINS = {"INNER": "JOIN", "LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "FULL": "FULL JOIN"}
_SETS = {"UNION": "UNION", "INTERSECT": "INTERSECT", "MINUS": "EXCEPT"}

_ROW_BY_ROW = frozenset({
    "=", "!=", "<", "<=", ">", ">=", "NOT", "AND", "OR", "between", "not_between", "like", "not_like",
    "is_null", "is_not_null", "+", "-", "*", "/", "within_circle", "within_box",
})  # fmt: skip
"""What a condition may be made of so that engines look at one row after the other. Lists may become joins."""


def _in_own_order(stage: Stage) -> bool:
    """Whether it is rows of the dataset itself, one for one, in their own order."""
    if stage.source != Dataset() or stage.grouped or stage.joins or stage.looks_around:
        return False
    by_row = all(sort.expression == row_id(stage.alias) and not sort.descending for sort in stage.order)
    return by_row and not stage.distinct and not stage.distinct_on and not stage.min_cell


def _filters_only(stage: Stage) -> bool:
    """Whether it is the rows of the dataset itself in their own order, under conditions on each row by itself."""
    if stage.where is None or not _in_own_order(stage):
        return False
    return all(not isinstance(part, Searched) and _is_row_by_row(part) for part in parts(stage.where))


def _with_first_found(stage: Stage, limit: int) -> Stage:
    """Where one word is all that rows are picked by, and they keep their order, no more are found than are shown."""
    if not isinstance(stage.where, Searched) or not _in_own_order(stage):
        return stage
    return replace(stage, where=replace(stage.where, first=limit + stage.offset))


def _is_row_by_row(part: Typed) -> bool:
    return not isinstance(part, Apply) or part.function.name in _ROW_BY_ROW


class Statement:
    """Writes one statement. `relations` has the engine's name of each dataset, "" being the main one."""

    def __init__(self, relations: Mapping[str, str], emit: Emitter) -> None:
        self._relations = relations
        self._emit = emit

    def whole(self, stage: Stage, default_limit: int, *, in_scan_order: bool = False) -> str:
        """The statement, with a limit. For `in_scan_order` see `Plan.sql`."""
        limit = default_limit if stage.limit is None else stage.limit
        if in_scan_order and _filters_only(stage):
            outputs = [f"{self._emit.output(o.column)} AS {output_name(n)}" for n, o in enumerate(stage.outputs)]
            row = f"{stage.alias}.{ROW} AS {ROW}"
            return f"SELECT {', '.join([*outputs, row])} {self._body(stage)}{_page(limit, stage.offset)}"
        return self._stage(_with_first_found(stage, limit), limit, numbered=False, last=True)

    def _rows(self, rows: Rows, *, numbered: bool, ids: bool = False) -> str:
        """What stands behind FROM. `numbered` stages have a row number, so that their order can be kept.

        `ids` says that somebody looks at the ids of a dataset's rows.
        """
        if isinstance(rows, Dataset):
            return self._dataset(rows, ids=ids)
        if isinstance(rows, Stage):
            return f"({self._stage(rows, rows.limit, numbered=numbered)})"
        return f"({self._combination(rows)})"

    def _dataset(self, dataset: Dataset, *, ids: bool) -> str:
        """The relation with the row filter below everything. Row ids then count only the rows that are left."""
        relation = self._relations[dataset.id]
        if dataset.rows is None:
            return relation
        filtered = f"SELECT * FROM {relation} AS t WHERE {self._emit.text(dataset.rows)}"
        if not ids:
            return f"({filtered})"
        number = f"row_number() OVER (ORDER BY f.{ROW}) - 1 AS {ROW}"
        return f"(SELECT * REPLACE ({number}) FROM ({filtered}) AS f)"

    def _combination(self, rows: Combination) -> str:
        columns = ", ".join(output_name(position) for position in range(len(rows.outputs)))
        sides = [f"SELECT {columns} FROM {self._rows(side, numbered=False)} AS s" for side in (rows.left, rows.right)]
        return f" {_SETS[rows.operator]}{' ALL' if rows.all else ''} ".join(sides)

    def _stage(self, stage: Stage, limit: int | None, *, numbered: bool, last: bool = False) -> str:
        outputs = [f"{self._emit.output(o.column)} AS {output_name(n)}" for n, o in enumerate(stage.outputs)]
        if limit is not None and stage.is_plain_page and not numbered:
            return self._page(stage, outputs, limit)
        paged = _page(limit, stage.offset)
        if stage.distinct:
            sql, order = self._distinct(stage, outputs, numbered=numbered)
        elif stage.distinct_on:
            sql, order = self._distinct_on(stage, outputs, numbered=numbered)
        elif numbered and any(has_window(sort.expression) for sort in stage.order):
            sql, order = self._numbered_by_windows(stage, outputs)
        else:
            order = self._order(stage)
            outputs += [self._number(stage, order)] if numbered else []
            sql = f"SELECT {', '.join(outputs)} {self._body(stage)}"
        return f"{sql}{_ordered(order) if last or paged else ''}{paged}"

    def _page(self, stage: Stage, outputs: list[str], limit: int) -> str:
        """Consecutive rows of a version, found by their dense numbers."""
        row = f"{stage.alias}.{ROW}"
        first, after = self._emit.bind(stage.offset), self._emit.bind(stage.offset + limit)
        source = self._rows(stage.source, numbered=True, ids=True)
        rows = f"{row} >= {first} AND {row} < {after}"
        return f"SELECT {', '.join(outputs)} FROM {source} AS {stage.alias} WHERE {rows} ORDER BY {row}"

    def _number(self, stage: Stage, order: list[str]) -> str:
        """The output that keeps the order for the stage above: the row's own number where that is the order."""
        kept = isinstance(stage.source, Dataset | Stage) and not (stage.order or stage.grouped or stage.joins)
        if kept:
            return f"{stage.alias}.{quoted(ROW)} AS {ROW}"
        return f"row_number() OVER (ORDER BY {', '.join(order)}) - 1 AS {ROW}" if order else f"0 AS {ROW}"

    def _distinct(self, stage: Stage, outputs: list[str], *, numbered: bool) -> tuple[str, list[str]]:
        """Distinct rows are sorted by what was selected; all outputs together make the order total."""
        columns = [named.column for named in stage.outputs]
        keys = [self._emit.key(f"d.{output_name(columns.index(sort.expression))}", sort) for sort in stage.order]
        names = [f"d.{output_name(position)}" for position in range(len(columns))]
        keys += [f"{name} ASC NULLS LAST" for name in names]
        names += [f"row_number() OVER (ORDER BY {', '.join(keys)}) - 1 AS {ROW}"] if numbered else []
        inner = f"SELECT DISTINCT {', '.join(outputs)} {self._body(stage)}"
        return f"SELECT {', '.join(names)} FROM ({inner}) AS d", keys

    def _distinct_on(self, stage: Stage, outputs: list[str], *, numbered: bool) -> tuple[str, list[str]]:
        """The first row of each group of equal keys, in the order asked for; then that order again."""
        inner, order = self._spread(stage, outputs)
        keys = [f"d.p{position}" for position in range(len(stage.distinct_on))]
        picked = f"row_number() OVER (PARTITION BY {', '.join(keys)}{_ordered(order)}) AS _first"
        place = f"row_number() OVER ({_ordered(order).strip()}) - 1 AS {ROW}"
        names = [f"d.{output_name(position)}" for position in range(len(stage.outputs))]
        placed = f"SELECT {', '.join([*names, picked, place])} FROM ({inner}) AS d"
        names += [f"d.{ROW} AS {ROW}"] if numbered else []
        return f"SELECT {', '.join(names)} FROM ({placed}) AS d WHERE d._first = 1", [f"d.{ROW}"]

    def _spread(self, stage: Stage, outputs: list[str]) -> tuple[str, list[str]]:
        """The select with every key as a column of its own, since no window may stand in another; and its order."""
        keys = [f"{self._emit.text(key)} AS p{n}" for n, key in enumerate(stage.distinct_on)]
        asked = [sort for sort in stage.order if varies(sort.expression)]
        keys += [f"{self._emit.text(sort.expression)} AS o{n}" for n, sort in enumerate(asked)]
        order = [self._emit.key(f"d.o{n}", sort) for n, sort in enumerate(asked)]
        ties = self._ties(stage)
        keys += [f"{self._emit.text(key)} AS k{n}" for n, key in enumerate(ties)]
        order += [f"d.k{n} ASC NULLS LAST" for n in range(len(ties))]
        return f"SELECT {', '.join([*outputs, *keys])} {self._body(stage)}", order

    def _numbered_by_windows(self, stage: Stage, outputs: list[str]) -> tuple[str, list[str]]:
        """A numbered stage whose order looks at other rows."""
        inner, order = self._spread(stage, outputs)
        names = [f"d.{output_name(position)}" for position in range(len(stage.outputs))]
        place = f"row_number() OVER ({_ordered(order).strip()}) - 1 AS {ROW}"
        return f"SELECT {', '.join([*names, place])} FROM ({inner}) AS d", order

    def _body(self, stage: Stage) -> str:
        """FROM, joins and conditions."""
        ordered = not stage.grouped and (stage.looks_around or not stage.distinct)
        ids = any(row_id(stage.alias) in parts(expression) for expression in stage.expressions())
        found = [f"FROM {self._rows(stage.source, numbered=ordered, ids=ids)} AS {stage.alias}"]
        found += [self._join(joined, numbered=ordered) for joined in stage.joins]
        if stage.where is not None:
            found.append(f"WHERE {self._emit.text(stage.where)}")
        keys = [self._emit.text(key) for key in stage.group if varies(key)]
        if keys:
            found.append(f"GROUP BY {', '.join(keys)}")
        having = [self._emit.text(stage.having)] if stage.having is not None else []
        if stage.grouped and stage.min_cell > 0:
            having.insert(0, f"count(*) >= {self._emit.bind(stage.min_cell)}")
        if having:
            found.append(f"HAVING {' AND '.join(having)}")
        return " ".join(found)

    def _join(self, joined: Joined, *, numbered: bool) -> str:
        lateral = "LATERAL " if joined.lateral else ""
        source = self._rows(joined.source, numbered=numbered)
        return f"{_JOINS[joined.kind]} {lateral}{source} AS {joined.alias} ON {self._emit.text(joined.on)}"

    def _order(self, stage: Stage) -> list[str]:
        """The keys that were asked for, then what makes the order total."""
        asked = self._emit.sort_keys(stage.order)
        return [*asked, *(f"{self._emit.text(key)} ASC NULLS LAST" for key in self._ties(stage))]

    @staticmethod
    def _ties(stage: Stage) -> list[Typed]:
        return [key for key in stage.group if varies(key)] if stage.grouped else list(stage.every_key)


def _ordered(order: list[str]) -> str:
    return f" ORDER BY {', '.join(order)}" if order else ""


def _page(limit: int | None, offset: int) -> str:
    return f"{f' LIMIT {int(limit)}' if limit is not None else ''}{f' OFFSET {int(offset)}' if offset else ''}"
