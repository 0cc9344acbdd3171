"""Spark 4 (ANSI mode, session zone UTC): what stands there for DuckDB's functions.

Reference: spark.apache.org, "Built-in Functions". Spark reads numbers with a point as decimals and has no function that
gives `%.15g`, so numbers that leave are rounded by whoever reads them.
"""

from __future__ import annotations

import re
import unicodedata

from sqlglot import exp

from exchange.rows.functions.dialects.rewriting import Dialect, Rule, Unknown, over, template

_NAME = "spark"
_GROUP = re.compile(r"\\([0-9])")
_EXACT = "4503599627370496D"
"""2^52: from there on every double is whole."""

_DECIMAL = "try_cast(a0 AS DECIMAL(38, 18))"
_FITS = "coalesce(max(abs(a0)), 0) < 1e15 AND coalesce(min(nullif(abs(a0), 0)), 1) >= 1e-6"
_SUM = f"(CASE WHEN {_FITS} THEN coalesce(CAST(try_sum({_DECIMAL}) AS DOUBLE), sum(a0)) ELSE sum(a0) END)"
"""A sum that does not depend on the order of its rows, wherever decimals can hold them."""

_FLOOR = f"(CASE WHEN abs(a0) < {_EXACT} THEN CAST(floor(a0) AS DOUBLE) ELSE CAST(a0 AS DOUBLE) END)"
_SCIENTIFIC = (
    "concat(regexp_replace(regexp_extract(CAST(a0 AS STRING), '^(.*)E', 1), '[.]0$', ''), 'e',"
    " CASE WHEN abs(a0) < 1 THEN '-' ELSE '+' END,"
    " lpad(regexp_extract(CAST(a0 AS STRING), 'E-?([0-9]+)$', 1),"
    " greatest(2, length(regexp_extract(CAST(a0 AS STRING), 'E-?([0-9]+)$', 1))), '0'))"
)
_PLAIN = "regexp_replace(CAST(CAST(a0 AS DECIMAL(38, 21)) AS STRING), '[.]?0+$', '')"
_NUMBER_TEXT = (
    "(CASE WHEN a0 = 0 THEN '0.0' WHEN abs(a0) >= 1e-4D AND abs(a0) < 1e16D THEN"
    f" concat({_PLAIN}, CASE WHEN a0 = rint(a0) THEN '.0' ELSE '' END) ELSE {_SCIENTIFIC} END)"
)


def _accents() -> tuple[str, str]:
    """Letters with accents and the letters that they have under them; marks of their own fall away."""
    letters, plain = [], []
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = [c for c in unicodedata.normalize("NFD", chr(code)) if not unicodedata.combining(c)]
        if len(base) == 1 and base[0] != chr(code):
            letters.append(chr(code))
            plain.append(base[0])
    return "".join(letters + [chr(code) for code in range(0x300, 0x370)]), "".join(plain)


_LETTERS, _BASES = _accents()

_CALLS = {
    "fsum": _SUM,
    "favg": f"({_SUM} / nullif(count(a0), 0))",
    "strip_accents": f"translate(a0, '{_LETTERS}', '{_BASES}')",
    "round_even": "rint(a0)",
    "to_months": "make_interval(0, a0, 0, 0, 0, 0, 0)",
    "to_seconds": "make_interval(0, 0, 0, 0, 0, 0, CAST(a0 AS DECIMAL(18, 6)))",
    "to_hours": "make_interval(0, 0, 0, 0, a0, 0, 0)",
    "to_minutes": "make_interval(0, 0, 0, 0, 0, a0, 0)",
    "shape_holds": (
        "(CASE WHEN a1 IS NOT NULL AND a2 IS NOT NULL THEN size(filter(a0, e -> ((e[1] > a1) <> (e[3] > a1))"
        " AND (a2 < (e[2] - e[0]) * (a1 - e[1]) / nullif(e[3] - e[1], 0) + e[0]))) % 2 = 1 END)"
    ),
}  # the first argument of shape_holds is bound as a list of edges
_PARTS = {
    "dow": "(dayofweek(a0) - 1)",
    "isoyear": "date_part('YEAROFWEEK', a0)",
    "microsecond": "(date_part('SECOND', a0) * 1000000)",
}
_TIME_FORMATS = {
    "%Y-%m-%dT%H:%M:%S.%g": "yyyy-MM-dd'T'HH:mm:ss.SSS",
    "%Y-%m-%dT%H:%M:%S.%gZ": "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
}
_PRINTED = {
    "%016x": "lpad(lower(hex(a0)), 16, '0')",
    "%.15g": "format_string('%.14e', CAST(a0 AS DOUBLE))",
    "%.0f": "CAST(CAST(a0 AS DECIMAL(38, 0)) AS STRING)",
}


def _made(text: str, *arguments: exp.Expr) -> exp.Expr:
    return template(text, _NAME, *arguments)


def _is_naive(node: exp.Expr) -> bool:
    """Whether the expression is a timestamp without a zone, as the templates write it."""
    while isinstance(node, exp.Paren):
        node = node.this
    cast = isinstance(node, exp.Cast) and node.to.this in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ)
    return cast or bool(node.meta.get("naive"))


def _timezone(zone: exp.Expr, moment: exp.Expr) -> exp.Expr:
    if _is_naive(moment):
        return _made("to_utc_timestamp(CAST(a1 AS TIMESTAMP), a0)", zone, moment)
    made = _made("CAST(from_utc_timestamp(a1, a0) AS TIMESTAMP_NTZ)", zone, moment)
    made.meta["naive"] = True
    return made


def _zoned(node: exp.Anonymous) -> exp.Expr:
    return _timezone(*node.expressions)


def _part(node: exp.Anonymous) -> exp.Expr:
    unit, moment = node.expressions
    text = _PARTS.get(unit.name.lower(), f"date_part('{unit.name}', a0)")
    return _made(f"floor({text})", moment)


def _printf(node: exp.Anonymous) -> exp.Expr:
    text = _PRINTED.get(node.expressions[0].name)
    if text is None:
        raise Unknown("printf")
    return _made(text, node.expressions[1])


def _cast(node: exp.Expr) -> exp.Expr | None:
    kind, value = node.args["to"].this, node.this
    types = exp.DataType.Type
    whole = isinstance(value, exp.Floor | exp.Length) or value.meta.get("kind") == "int"
    if kind in (types.BIGINT, types.INT) and not whole:
        return _made(f"CAST(rint(a0) AS {'BIGINT' if kind == types.BIGINT else 'INT'})", value)
    if kind in (types.VARCHAR, types.TEXT) and isinstance(value, exp.Cast) and value.to.this == types.DOUBLE:
        return _made(_NUMBER_TEXT, value)
    return None


def _case(node: exp.Expr) -> exp.Expr | None:
    """A number's text: the branch for whatever is not whole casts a number, which only the first condition tells."""
    ifs, default = node.args.get("ifs") or [], node.args.get("default")
    number = any(part.meta.get("trunc") for part in (ifs[0].this.walk() if ifs else ()))
    if (
        number
        and isinstance(default, exp.Cast)
        and default.to.this in (exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT)
    ):
        default.replace(_made(_NUMBER_TEXT, default.this))
    return None


def _trunc(node: exp.Expr) -> exp.Expr:
    made = _made(f"(CASE WHEN abs(a0) < {_EXACT} THEN CAST(CAST(a0 AS BIGINT) AS DOUBLE) ELSE CAST(a0 AS DOUBLE) END)",
                 node.this)  # fmt: skip
    made.meta["trunc"] = True
    return made


_HALVES = (
    f"(CASE WHEN abs(a0) < {_EXACT} THEN sign(a0) * (floor(abs(a0))"
    " + CASE WHEN abs(a0) - floor(abs(a0)) >= 0.5D THEN 1 ELSE 0 END) ELSE a0 END)"
)


def _round(node: exp.Expr) -> exp.Expr:
    """As C does it on the binary number: half away from zero after the shift, not on the decimal digits."""
    digits = node.args.get("decimals")
    if digits is None:
        return _made(_HALVES, node.this)
    scaled = _made("(CASE WHEN a1 < 0 THEN a0 / pow(10D, -a1) ELSE a0 * pow(10D, a1) END)", node.this, digits)
    whole = _made(_HALVES, scaled)
    return _made("(CASE WHEN a1 < 0 THEN a0 * pow(10D, -a1) ELSE a0 / pow(10D, a1) END)", whole, digits)


def _time_text(node: exp.Expr) -> exp.Expr:
    text = _TIME_FORMATS.get(node.args["format"].name)
    if text is None:
        raise Unknown(f"the date format {node.args['format'].name}")
    return exp.Anonymous(this="date_format", expressions=[node.this.copy(), exp.Literal.string(text)])


def _discrete(node: exp.Expr) -> exp.Expr:
    made = _made("get(sort_array(collect_list(a0)), CAST(greatest(ceil(count(a0) * a1), 1) AS INT) - 1)",
                 node.this, node.expression)  # fmt: skip
    made.meta["aggregates"] = True
    return made


def _date_trunc(node: exp.Expr) -> exp.Expr:
    made = _made(f"CAST(date_trunc('{node.args['unit'].name}', a0) AS TIMESTAMP_NTZ)", node.this)
    made.meta["naive"] = True
    return made


def _matches(node: exp.Expr) -> exp.Expr:
    flags = node.args.get("flag")
    pattern = "concat('(?i)', a1)" if flags is not None and "i" in flags.name else "a1"
    return _made(f"(a0 RLIKE {pattern})", node.this, node.expression)


def _replaced(node: exp.Expr) -> None:
    """Groups are named by a dollar sign here."""
    by = node.args["replacement"]
    by.replace(exp.Literal.string(_GROUP.sub(r"$\1", by.name)))


def _like(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node.parent, exp.Escape):
        return None
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\x01"))


def _places(node: exp.Expr) -> None:
    """Places in a text are INT here."""
    for part in ("start", "length", "part_index"):
        cast = node.args.get(part)
        if isinstance(cast, exp.Cast):
            cast.set("to", exp.DataType.build("INT"))


def _upper(node: exp.Expr) -> exp.Expr:
    """One letter stays one letter."""
    return exp.Upper(this=_made("translate(a0, 'ß', 'ẞ')", node.this))


def _pattern(text: str) -> Rule:
    """A rule that puts the node's operands into a text."""

    def rule(node: exp.Expr) -> exp.Expr:
        operands = [part for part in (node.this, node.args.get("expression")) if part is not None]
        return _made(text, *(operands or node.expressions))

    return rule


SPARK = Dialect(
    _NAME,
    calls={**_CALLS, "timezone": _zoned, "date_part": _part, "printf": _printf},
    nodes={
        exp.Cast: _cast,
        exp.Case: _case,
        exp.Trunc: _trunc,
        exp.Round: _round,
        exp.Floor: _pattern(_FLOOR),
        exp.Ceil: _pattern(_FLOOR.replace("floor(", "ceil(")),
        exp.TimeToStr: _time_text,
        exp.PercentileDisc: _discrete,
        exp.PercentileCont: _pattern("percentile(a0, a1)"),
        exp.TimestampTrunc: _date_trunc,
        exp.DateTrunc: _date_trunc,
        exp.DateDiff: _pattern("CAST(datediff(CAST(a0 AS DATE), CAST(a1 AS DATE)) AS BIGINT)"),
        exp.IntDiv: _pattern("(a0 DIV a1)"),
        exp.TimeToUnix: _pattern("(unix_micros(CAST(a0 AS TIMESTAMP)) / 1e6D)"),
        exp.RegexpLike: _matches,
        exp.RegexpReplace: _replaced,
        exp.RegexpFullMatch: _pattern("(a0 RLIKE concat('^(?:', a1, ')\\\\z'))"),
        exp.ToDays: _pattern("make_interval(0, 0, 0, a0, 0, 0, 0)"),
        exp.Like: _like,
        exp.Substring: _places,
        exp.SplitPart: _places,
        exp.Upper: _upper,
        exp.Chr: _pattern("decode(unhex(lpad(hex(a0), 8, '0')), 'UTF-32')"),
        exp.Try: lambda node: node.this.copy(),
        exp.Filter: over,
        exp.Window: over,
    },
    parameter_types={
        "calendar_date": "TIMESTAMP_NTZ", "fixed_timestamp": "TIMESTAMP", "int": "BIGINT", "float": "DOUBLE",
    },
    parameter=lambda found: f":p{found[1]}",
    aggregates=frozenset({"fsum", "favg"}),
    same=frozenset({
        exp.Contains, exp.Struct, exp.StructExtract, exp.TryCast, exp.ArrayAgg, exp.LowerHex, exp.Hex, exp.Ceil,
    }),
    rounds_late=True,
    keys_aside=True,
)  # fmt: skip
