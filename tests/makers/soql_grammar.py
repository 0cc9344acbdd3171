"""Statements of SoQL, valid and broken, for hypothesis: every function of the table, every clause, every kind of join.

Valid ones are valid in grammar; their types fit mostly, so that many run and many are refused. Broken ones are valid
ones with a word taken out, put in, doubled or cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from exchange.rows.functions import NOT_CALLABLE, TABLE, Function
from tests.makers.soql_corpus import COLUMNS, OTHER, OTHER_COLUMNS

T = TypeVar("T")
MAIN = "main-0001"
LITERALS = {
    "text": ("'red'", "''", "'Québec'", "'o''Brien'", "'%a_b'", "'1.5'", "'2024-01-01'", "'\\n'", "'(['", "'😀'", "NULL"),
    "number": ("0", "1", "-1", "2.5", "1e300", "-1e-300", "99999999999999999999", "0.1", "NULL", "(1/0)", "12345678901"),
    "double": ("1.5::double", "'x'::double", "NULL"),
    "checkbox": ("true", "false", "NULL", "'1'"),
    "calendar_date": ("'2024-02-29'", "'2020-01-01T12:30:00'", "'0001-01-01'", "'9999-12-31T23:59:59'", "NULL"),
    "fixed_timestamp": ("'2024-02-29T00:00:00Z'", "'1970-01-01T00:00:00+05:00'", "get_utc_date()", "NULL"),
    "interval": ("'P1D'", "'P1M'", "'PT1S'", "'P99999Y'"),
    "zone": ("'US/Eastern'", "'UTC'", "'Nowhere/Land'"),
    "point": ("'POINT (-72.6 41.7)'", "'POINT (999 -999)'", "make_point(41.5, -72)", "NULL"),
    "url": ("'https://example.org/a'::url", "NULL"),
    "polygon": ("'POLYGON ((-73 41, -72 41, -72 42, -73 41))'::polygon",),
    "multipolygon": ("'MULTIPOLYGON (((-73 41, -72 41, -72 42, -73 41)))'",),
    "line": ("'LINESTRING (-73 41, -72 42)'::line",),
    "multiline": ("'MULTILINESTRING ((-73 41, -72 42))'::multiline",),
    "multipoint": ("'MULTIPOINT ((-73 41), (-72 42))'::multipoint",),
    "location": ("location('POINT (-72 41)', 'a', 'b', 'CT', '06001')", "NULL"),
}  # fmt: skip
NAMES = {
    **{type_: tuple(c.name for c in COLUMNS if c.type == type_) for type_ in LITERALS},
    "row_identifier": (":id",),
}
CLASSES = {
    "any": tuple(LITERALS), "same": ("text", "number"), "ordered": ("text", "number", "calendar_date"),
    "as_text": ("text", "number", "checkbox", "calendar_date"), "real": ("number", "double"),
    "geo": ("point", "polygon", "line"), "points": ("point", "multipoint"), "lines": ("line", "multiline"),
    "polygons": ("polygon", "multipolygon"),
}  # fmt: skip
CALLABLE = tuple(
    f for f in TABLE if f.name[0].isalpha() and f.name not in NOT_CALLABLE and f.name not in ("in", "between")
)
SCALARS = tuple(f for f in CALLABLE if not f.aggregate and not f.window)
AGGREGATES = tuple(f for f in CALLABLE if f.aggregate)
WINDOWS = tuple(f for f in CALLABLE if f.window)
FRAMES = ("", "", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", " RANGE UNBOUNDED PRECEDING", " ROWS 2 PRECEDING")
DEEPEST = 3
_TOKENS = re.compile(r"'(?:[^']|'')*'|\w+|\s+|.", re.DOTALL)


class Writer:
    """Writes texts by drawing; each method is one rule of the grammar."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    def one(self, choices: Sequence[T]) -> T:
        """One of them."""
        return self._draw(st.sampled_from(choices))

    def chance(self, of: int) -> bool:
        """True once in so many times."""
        return self._draw(st.integers(1, of)) == of

    def some(self, low: int, high: int) -> range:
        """A few times."""
        return range(self._draw(st.integers(low, high)))

    def expression(self, type_: str, deep: int = 0) -> str:
        """Something of a type, or nearly."""
        type_ = self.one(CLASSES[type_]) if type_ in CLASSES else type_
        if self.chance(25):
            type_ = self.one(tuple(LITERALS))
        names = NAMES.get(type_, ())
        if names and (deep >= DEEPEST or self.chance(2)):
            return self.one(names)
        if deep >= DEEPEST or self.chance(3):
            return self.one(LITERALS.get(type_, ("NULL",)))
        if type_ == "checkbox" and not self.chance(4):
            return self.condition(deep + 1)
        if self.chance(4):
            return f"CASE WHEN {self.condition(deep + 1)} THEN {self.expression(type_, deep + 1)} ELSE NULL END"
        if type_ in ("number", "text") and self.chance(3):
            sign = self.one(("+", "-", "*", "/", "%", "^")) if type_ == "number" else "||"
            return f"({self.expression(type_, deep + 1)} {sign} {self.expression(type_, deep + 1)})"
        fitting = [function for function in SCALARS if function.result in (type_, "same")] or SCALARS
        return self.call(self.one(tuple(fitting)), deep + 1)

    def call(self, function: Function, deep: int) -> str:
        """A function with arguments that fit it."""
        parameters = list(function.parameters)
        if function.repeats:
            parameters += [parameters[-1] for _ in self.some(0, 2)]
        return f"{function.name}({', '.join(self.expression(each, deep + 1) for each in parameters)})"

    def condition(self, deep: int = 0) -> str:
        """Something that is true or false."""
        type_ = self.one(("text", "number", "calendar_date", "fixed_timestamp"))
        left, right = self.expression(type_, deep + 1), self.expression(type_, deep + 1)
        if deep < DEEPEST and self.chance(3):
            return f"({self.condition(deep + 1)} {self.one(('AND', 'OR'))} {self.condition(deep + 1)})"
        return self.one((
            f"{left} {self.one(('=', '!=', '<>', '<', '<=', '>', '>='))} {right}",
            f"{left} IS {self.one(('', 'NOT '))}NULL",
            f"{left} {self.one(('', 'NOT '))}IN ({right}, {left})",
            f"{left} {self.one(('', 'NOT '))}BETWEEN {right} AND {left}",
            f"town {self.one(('', 'NOT '))}LIKE {self.one(LITERALS['text'])}",
            f"NOT ({left} = {right})",
            "open",
        ))  # fmt: skip

    def aggregate(self) -> str:
        """A sum of something."""
        call = self.one(("count(*)", "count(distinct town)", self.call(self.one(AGGREGATES), 1)))
        return call + (f" FILTER (WHERE {self.condition(1)})" if self.chance(4) else "")

    def window(self) -> str:
        """Something by the rows around."""
        call = self.call(self.one(WINDOWS), 2) if self.chance(2) else self.call(self.one(AGGREGATES), 2)
        partition = f"PARTITION BY {self.expression('text', 2)} " if self.chance(2) else ""
        return f"{call} OVER ({partition}ORDER BY {self.expression('ordered', 2)}{self.one(FRAMES)})"

    def ordered(self, keys: Sequence[str]) -> str:
        """ORDER BY some of these."""
        how = [f"{key}{self.one(('', ' ASC', ' DESC', ' DESC NULLS LAST', ' NULL FIRST'))}" for key in keys]
        return f" ORDER BY {', '.join(how)}" if keys and not self.chance(3) else ""

    def plain(self) -> str:
        """A select of rows."""
        outputs = [self.expression(self.one(tuple(LITERALS))) for _ in self.some(1, 3)]
        if self.chance(4):
            outputs.append(self.window())
        named = [f"{output} AS n{number}" if self.chance(2) else output for number, output in enumerate(outputs)]
        selected = self.one(("*", ":*, *", ", ".join(named), ", ".join(named), ", ".join(named)))
        where = f" WHERE {self.condition()}" if self.chance(2) else ""
        keys = self.ordered([self.expression("ordered", 2) for _ in self.some(0, 2)])
        search = f" SEARCH {self.one(LITERALS['text'][:-1])}" if self.chance(6) else ""
        return f"SELECT {'DISTINCT ' if self.chance(8) else ''}{selected}{where}{keys}{search}{self.page()}"

    def grouped(self) -> str:
        """A select of groups."""
        keys = [self.expression(self.one(("text", "number", "calendar_date")), 2) for _ in self.some(0, 2)]
        outputs = [*keys, *(self.aggregate() for _ in self.some(1, 3))]
        where = f" WHERE {self.condition(1)}" if self.chance(2) else ""
        group = f" GROUP BY {', '.join(keys)}" if keys else ""
        having = f" HAVING {self.aggregate()} {self.one(('>', '<'))} 2" if self.chance(3) else ""
        return f"SELECT {', '.join(outputs)}{where}{group}{having}{self.ordered(keys)}{self.page()}"

    def joined(self) -> str:
        """A select over a join."""
        kind = self.one(("JOIN", "LEFT OUTER JOIN", "RIGHT JOIN", "FULL OUTER JOIN", "INNER JOIN", "JOIN LATERAL"))
        other = self.one(
            (f"@{OTHER} AS o", f"(SELECT kind, label, weight FROM @{OTHER} LIMIT 3) AS o", f"@{MAIN} AS o")
        )
        column = "kind" if MAIN in other else self.one([c.name for c in OTHER_COLUMNS])
        on = self.one(("kind = @o.kind", "true", f"@o.{column} IS NOT NULL", "@o.kind = 'red' AND amount > 1"))
        return f"SELECT town, amount, @o.{column} AS oc {kind} {other} ON {on}{self.page()}"

    def page(self) -> str:
        """LIMIT and OFFSET."""
        return self.one(("", " LIMIT 5", " LIMIT 0", " OFFSET 3", " LIMIT 7 OFFSET 2"))

    def statement(self) -> str:
        """A whole statement."""
        first = self.one((self.plain, self.plain, self.grouped, self.joined))()
        if self.chance(6):
            operator = self.one(("UNION", "UNION ALL", "INTERSECT", "MINUS", "INTERSECT ALL"))
            return f"SELECT town, kind{self.page()} {operator} SELECT kind, town WHERE {self.condition(1)}"
        if self.chance(5):
            return f"{first} |> SELECT *, 1 AS one |> SELECT count(*)"
        return first

    def broken(self) -> str:
        """A statement with a mistake."""
        words = _TOKENS.findall(self.statement())
        place = self._draw(st.integers(0, len(words) - 1))
        match self.one(("drop", "double", "put", "cut", "swap")):
            case "drop":
                del words[place]
            case "double":
                words[place] *= 2
            case "put":
                words[place] = self.one(
                    ("(", ")", ",", "'", '"', "`", "SELECT", "@", "::", ".", "\x00", "--", "/*", "é", "|>", "$1", ";")
                )
            case "cut":
                words = words[:place]
            case "swap":
                words[place], words[0] = words[0], words[place]
        return "".join(words)


@st.composite
def statements(draw: DrawFn) -> str:
    """Statements, one in three broken."""
    writer = Writer(draw)
    return writer.broken() if writer.chance(3) else writer.statement()
