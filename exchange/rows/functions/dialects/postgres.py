"""PostgreSQL 15 and later: what stands there for DuckDB's functions.

The functions named `duck_…` are those of `PRELUDE`; a database needs them, collation "C" and UTF-8.
"""

from __future__ import annotations

from sqlglot import exp

from exchange.rows.functions.dialects.rewriting import Dialect, Rule, Unknown, over, template

_NAME = "postgres"
PRELUDE = r"""
CREATE FUNCTION duck_round15(x float8) RETURNS float8 IMMUTABLE STRICT LANGUAGE sql
AS 'SELECT CAST(CAST(x AS numeric) AS float8)';
CREATE FUNCTION duck_exact(x float8) RETURNS numeric IMMUTABLE STRICT LANGUAGE sql
AS 'SELECT CAST(CAST(x AS text) AS numeric)';
CREATE FUNCTION duck_halves(x float8) RETURNS float8 IMMUTABLE STRICT LANGUAGE sql
AS 'SELECT CASE WHEN abs(x) < 4503599627370496 THEN sign(x) * (floor(abs(x))
 + CASE WHEN abs(x) - floor(abs(x)) >= 0.5 THEN 1 ELSE 0 END) ELSE x END';
CREATE FUNCTION duck_round(x float8, digits float8) RETURNS float8 IMMUTABLE STRICT LANGUAGE sql
AS 'SELECT CASE WHEN digits < 0 THEN duck_halves(x / power(10::float8, -digits)) * power(10::float8, -digits)
 ELSE duck_halves(x * power(10::float8, digits)) / power(10::float8, digits) END';
CREATE FUNCTION duck_fmod(x float8, y float8) RETURNS float8 IMMUTABLE STRICT LANGUAGE plpgsql AS $body$
DECLARE a float8 := abs(x); b float8 := abs(y); t float8;
BEGIN
  IF b = 0 OR a = 'Infinity' OR a = 'NaN' OR b = 'NaN' THEN RETURN 'NaN'; END IF;
  WHILE a >= b LOOP
    t := b;
    WHILE t <= a / 2 LOOP t := t * 2; END LOOP;
    a := a - t;
  END LOOP;
  RETURN CASE WHEN x < 0 THEN -a ELSE a END;
END $body$;
CREATE FUNCTION duck_pow(x float8, y float8) RETURNS float8 IMMUTABLE STRICT LANGUAGE plpgsql AS $body$
BEGIN RETURN power(x, y);
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN CASE WHEN abs(x) > 1 AND y > 0 OR abs(x) < 1 AND y < 0 THEN 'Infinity'::float8 ELSE 0 END;
 WHEN OTHERS THEN RETURN 'NaN';
END $body$;
CREATE FUNCTION duck_try_double(x text) RETURNS float8 IMMUTABLE STRICT LANGUAGE plpgsql AS $body$
BEGIN RETURN x::float8; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $body$;
CREATE FUNCTION duck_try_double(x float8) RETURNS float8 IMMUTABLE STRICT LANGUAGE sql AS 'SELECT x';
CREATE FUNCTION duck_try_timestamp(x text) RETURNS timestamp IMMUTABLE STRICT LANGUAGE plpgsql AS $body$
BEGIN
  IF x !~ '^\s*\d{4}-\d{1,2}-\d{1,2}' THEN RETURN NULL; END IF;
  RETURN x::timestamp; EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $body$;
CREATE FUNCTION duck_try_timestamptz(x text) RETURNS timestamptz IMMUTABLE STRICT LANGUAGE plpgsql AS $body$
BEGIN
  IF x !~ '^\s*\d{4}-\d{1,2}-\d{1,2}' THEN RETURN NULL; END IF;
  RETURN x::timestamptz; EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $body$;
CREATE FUNCTION duck_regexp(x text, p text) RETURNS boolean IMMUTABLE STRICT LANGUAGE sql
AS $body$SELECT x ~ replace(p, '\pL\pN', '[:alnum:]')$body$;
CREATE FUNCTION duck_number_text(x float8) RETURNS text IMMUTABLE STRICT LANGUAGE sql
AS $body$SELECT CASE WHEN x = 0 THEN '0.0' WHEN abs(x) >= 1e-4 AND abs(x) < 1e16
 THEN trim_scale(x::text::numeric)::text || CASE WHEN x = trunc(x) THEN '.0' ELSE '' END ELSE x::text END$body$;
CREATE FUNCTION duck_holds(e float8[], lat float8, lon float8) RETURNS boolean IMMUTABLE STRICT LANGUAGE sql
AS 'SELECT count(*) % 2 = 1 FROM generate_subscripts(e, 1) i WHERE ((e[i][2] > lat) <> (e[i][4] > lat))
 AND lon < (e[i][3] - e[i][1]) * (lat - e[i][2]) / nullif(e[i][4] - e[i][2], 0) + e[i][1]';
"""
"""What `duck_…` means; run once in a database."""

_EXACT_SUM = "CAST(sum(duck_exact(a0)) AS DOUBLE PRECISION)"
_CALLS: dict[str, str | Rule] = {
    "fsum": _EXACT_SUM,
    "favg": f"({_EXACT_SUM} / nullif(count(a0), 0))",
    "strip_accents": "regexp_replace(normalize(a0, NFD), '[\u0300-\u036f]', '', 'g')",
    "round_even": "round(CAST(a0 AS DOUBLE PRECISION))",
    "to_months": "make_interval(0, CAST(a0 AS INT))",
    "shape_holds": "duck_holds(a0, a1, a2)",
    "to_seconds": "make_interval(0, 0, 0, 0, 0, 0, a0)",
    "to_hours": "make_interval(0, 0, 0, 0, CAST(a0 AS INT))",
    "to_minutes": "make_interval(0, 0, 0, 0, 0, CAST(a0 AS INT))",
}
_PRINTED = {
    "%016x": "lpad(pg_catalog.to_hex(a0), 16, '0')",
    "%.15g": "duck_round15(a0)",
    "%.0f": "CAST(trunc(duck_exact(a0)) AS TEXT)",
}
_TIME_FORMATS = {
    "%Y-%m-%dT%H:%M:%S.%g": 'YYYY-MM-DD"T"HH24:MI:SS.MS',
    "%Y-%m-%dT%H:%M:%S.%gZ": 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"',
}
_TYPES = exp.DataType.Type
_TRIED = {
    _TYPES.DOUBLE: "duck_try_double(a0)",
    _TYPES.TIMESTAMP: "duck_try_timestamp(a0)",
    _TYPES.TIMESTAMPNTZ: "duck_try_timestamp(a0)",
    _TYPES.TIMESTAMPTZ: "duck_try_timestamptz(a0)",
}


def _made(text: str, *arguments: exp.Expr) -> exp.Expr:
    return template(text, _NAME, *arguments)


def _printf(node: exp.Anonymous) -> exp.Expr:
    text = _PRINTED.get(node.expressions[0].name)
    if text is None:
        raise Unknown("printf")
    return _made(text, node.expressions[1])


def _part(node: exp.Anonymous) -> exp.Expr:
    return _made(f"floor(date_part('{node.expressions[0].name}', a0))", node.expressions[1])


def _try_cast(node: exp.Expr) -> exp.Expr:
    text = _TRIED.get(node.args["to"].this)
    if text is None:
        raise Unknown(f"a tried cast to {node.args['to'].sql()}")
    return _made(text, node.this)


def _cast(node: exp.Expr) -> exp.Expr | None:
    value, kind = node.this, node.args["to"].this
    if kind in (_TYPES.VARCHAR, _TYPES.TEXT) and isinstance(value, exp.Cast) and value.to.this == _TYPES.DOUBLE:
        return _made("duck_number_text(a0)", value)
    return None


def _case(node: exp.Expr) -> exp.Expr | None:
    """A number's text, as in the rules for Spark."""
    ifs, default = node.args.get("ifs") or [], node.args.get("default")
    number = bool(ifs) and ifs[0].this.find(exp.Trunc) is not None
    if number and isinstance(default, exp.Cast) and default.to.this in (_TYPES.VARCHAR, _TYPES.TEXT):
        default.replace(_made("duck_number_text(a0)", default.this))
    return None


def _time_text(node: exp.Expr) -> exp.Expr:
    text = _TIME_FORMATS.get(node.args["format"].name)
    if text is None:
        raise Unknown(f"the date format {node.args['format'].name}")
    return exp.Anonymous(this="to_char", expressions=[node.this.copy(), exp.Literal.string(text)])


def _round(node: exp.Expr) -> exp.Expr:
    digits = node.args.get("decimals")
    return _made("duck_halves(a0)", node.this) if digits is None else _made("duck_round(a0, a1)", node.this, digits)


def _like(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node.parent, exp.Escape):
        return None
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(""))


def _upper(node: exp.Expr) -> exp.Expr:
    return exp.Upper(this=_made("translate(a0, 'ß', 'ẞ')", node.this))


def _places(node: exp.Expr) -> None:
    for part in ("start", "length", "part_index"):
        cast = node.args.get(part)
        if isinstance(cast, exp.Cast):
            cast.set("to", exp.DataType.build("INT"))


def _pattern(text: str) -> Rule:
    return lambda node: _made(text, *(part for part in (node.this, node.args.get("expression")) if part is not None))


def _struct(node: exp.Expr) -> exp.Expr:
    """A point is an array of two numbers here."""
    return exp.Array(expressions=[field.expression.copy() for field in node.expressions])


def _field(node: exp.Expr) -> exp.Expr:
    place = {"lat": 1, "lon": 2}[node.expression.name]
    return _made(f"(a0)[{place}]", node.this)


POSTGRES = Dialect(
    _NAME,
    calls={**_CALLS, "printf": _printf, "date_part": _part},
    known=frozenset({"timezone"}),
    same=frozenset({
        exp.Chr, exp.RegexpReplace, exp.Ceil, exp.Trunc, exp.PercentileCont, exp.PercentileDisc, exp.ArrayAgg,
    }),
    nodes={
        exp.TryCast: _try_cast,
        exp.Cast: _cast,
        exp.Case: _case,
        exp.Round: _round,
        exp.TimeToStr: _time_text,
        exp.Mod: _pattern("duck_fmod(a0, a1)"),
        exp.Pow: _pattern("duck_pow(a0, a1)"),
        exp.Try: lambda node: node.this.copy(),
        exp.TimestampTrunc: lambda node: _made(f"date_trunc('{node.args['unit'].name.lower()}', a0)", node.this),
        exp.DateDiff: _pattern("(CAST(a0 AS DATE) - CAST(a1 AS DATE))"),
        exp.IntDiv: _pattern("(a0 / a1)"),
        exp.Contains: _pattern("(strpos(a0, a1) > 0)"),
        exp.RegexpLike: _pattern("duck_regexp(a0, a1)"),
        exp.RegexpFullMatch: _pattern("(a0 ~ ('^(?:' || a1 || ')$'))"),
        exp.Hex: _pattern("upper(pg_catalog.to_hex(a0))"),
        exp.LowerHex: _pattern("pg_catalog.to_hex(a0)"),
        exp.ToDays: _pattern("make_interval(0, 0, 0, CAST(a0 AS INT))"),
        exp.Upper: _upper,
        exp.TimeToUnix: _pattern("CAST(date_part('epoch', a0) AS DOUBLE PRECISION)"),
        exp.Like: _like,
        exp.Substring: _places,
        exp.SplitPart: _places,
        exp.Struct: _struct,
        exp.StructExtract: _field,
        exp.Filter: over,
        exp.Window: over,
    },
    parameter_types={
        "calendar_date": "TIMESTAMP", "fixed_timestamp": "TIMESTAMPTZ", "int": "BIGINT", "float": "DOUBLE PRECISION",
        "str": "TEXT", "bool": "BOOLEAN",
    },
    parameter=lambda found: f"%(p{found[1]})s",
    aggregates=frozenset({"fsum", "favg"}),
)  # fmt: skip
