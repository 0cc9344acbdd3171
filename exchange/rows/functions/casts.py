"""Casts, written `x::type`. What cannot be read as the type becomes null, so that one bad cell does not end a query."""

from exchange.rows.functions.table import SHAPES, Function, signature

_NUMBER_TEXT = (
    "(CASE WHEN {0} = trunc({0}) AND abs({0}) < 9e18 THEN CAST(CAST({0} AS BIGINT) AS VARCHAR)"
    " ELSE CAST(CAST({0} AS DOUBLE) AS VARCHAR) END)"
)
_DATE_TEXT = "strftime(CAST({0} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g')"
_FIXED_TEXT = "strftime(timezone('UTC', {0}), '%Y-%m-%dT%H:%M:%S.%gZ')"
_POINT_TEXT = (
    "(CASE WHEN {0.lat} IS NOT NULL AND {0.lon} IS NOT NULL"
    " THEN 'POINT (' || shape_number({0.lon}) || ' ' || shape_number({0.lat}) || ')' END)"
)
_TO_POINT = (
    "(CASE WHEN {0.lat} IS NOT NULL AND {0.lon} IS NOT NULL THEN struct_pack(lat := {0.lat}, lon := {0.lon}) END)"
)
_READ_NUMBER = (
    "(CASE WHEN regexp_full_match({0}, '\\s*[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?\\s*')"
    " THEN TRY_CAST({0} AS DOUBLE) END)"
)
_READ_CHECKBOX = (
    "(CASE WHEN lower(trim({0})) IN ('true', 't', '1') THEN true"
    " WHEN lower(trim({0})) IN ('false', 'f', '0') THEN false END)"
)
_WHEN, _INSTANT = "'2024-08-05T12:30:00'::calendar_date", "'2024-08-05T12:30:00Z'::fixed_timestamp"
_POINT = "make_point(41.7658, -72.6734)"
_SHAPES = {
    "polygon": "POLYGON ((-73 41, -72 41, -72 42, -73 41))",
    "multipolygon": "MULTIPOLYGON (((-73 41, -72 41, -72 42, -73 41)))",
    "line": "LINESTRING (-73 41, -72 42)",
    "multiline": "MULTILINESTRING ((-73 41, -72 42))",
    "multipoint": "MULTIPOINT (-73 41, -72 42)",
}

CASTS: tuple[Function, ...] = (
    signature("::text", "text", "text", "{0}", "Unchanged.", "upper('a')::text"),
    signature(
        "::text", "url", "text", "split_part({0}, ' ', 1)", "The address.", "url('https://ct.gov', 'State')::text"
    ),
    signature("::text", "number", "text", _NUMBER_TEXT, "Plain digits.", "(2 + 3)::text"),
    signature("::text", "double", "text", _NUMBER_TEXT, "Plain digits.", "2.5::double::text"),
    signature("::text", "checkbox", "text", "CAST({0} AS VARCHAR)", "true or false.", "(1 < 2)::text"),
    signature("::text", "calendar_date", "text", _DATE_TEXT, "As in JSON.", f"{_WHEN}::text"),
    signature("::text", "fixed_timestamp", "text", _FIXED_TEXT, "As in JSON.", f"{_INSTANT}::text"),
    signature("::text", "point", "text", _POINT_TEXT, "WKT, longitude first.", f"{_POINT}::text"),
    *(
        signature("::text", type_, "text", "shape_text({0.wkb})", "WKT, longitude first.",
                  f"'{_SHAPES[type_]}'::{type_}::text")
        for type_ in SHAPES
    ),
    signature(
        "::text", "location", "text", "{0.address}", "The address, a JSON object.",
        f"location({_POINT}, '450 Columbus Blvd', 'Hartford', 'CT', '06103')::text",
    ),
    signature("::number", "text", "number", _READ_NUMBER, "Null where it is not a number.", "trim(' 42')::number"),
    signature("::number", "number", "number", "{0}", "Unchanged.", "(2 + 3)::number"),
    signature("::number", "double", "number", "{0}", "The same number.", "2.5::double::number"),
    signature("::double", "text", "double", _READ_NUMBER, "Null where it is not a number.", "trim(' 42')::double"),
    signature("::double", "number", "double", "CAST({0} AS DOUBLE)", "The same number.", "(2 + 3)::double"),
    signature("::double", "double", "double", "{0}", "Unchanged.", "2.5::double::double"),
    signature("::checkbox", "text", "checkbox", _READ_CHECKBOX, "Null where it is neither.", "lower('TRUE')::boolean"),
    signature("::checkbox", "checkbox", "checkbox", "{0}", "Unchanged.", "(1 < 2)::boolean"),
    signature(
        "::calendar_date", "text", "calendar_date", "TRY_CAST({0} AS TIMESTAMP)", "Null where it is no date.",
        "trim('2024-08-05')::floating_timestamp",
    ),
    signature("::calendar_date", "calendar_date", "calendar_date", "{0}", "Unchanged.", f"{_WHEN}::calendar_date"),
    signature(
        "::fixed_timestamp", "text", "fixed_timestamp", "TRY_CAST({0} AS TIMESTAMPTZ)", "Null where it is none.",
        "trim('2024-08-05T12:30:00Z')::fixed_timestamp",
    ),
    signature(
        "::fixed_timestamp", "fixed_timestamp", "fixed_timestamp", "{0}", "Unchanged.",
        f"{_INSTANT}::fixed_timestamp",
    ),
    signature("::url", "url", "url", "{0}", "Unchanged.", "url('https://ct.gov', 'State')::url"),
    signature("::url", "text", "url", "{0}", "The text as an address.", "lower('https://CT.gov')::url"),
    signature("::point", "point", "point", "{0}", "Unchanged.", f"{_POINT}::point"),
    signature(
        "::point", "location", "point", _TO_POINT, "Without the address.",
        f"location({_POINT}, '450 Columbus Blvd', 'Hartford', 'CT', '06103')::point",
    ),
    signature(
        "::point", "text", "point", "shape_place({0})", "From WKT; null where it is none.",
        "trim('POINT (-72.6 41.7)')::point",
    ),
    *(
        row
        for type_ in SHAPES
        for row in (
            signature(f"::{type_}", type_, type_, "{0}", "Unchanged.", f"'{_SHAPES[type_]}'::{type_}::{type_}"),
            signature(
                f"::{type_}", "text", type_, f"shape_read('{type_}', {{0}})", "From WKT; null where it is none.",
                f"trim('{_SHAPES[type_]}')::{type_}",
            ),
        )
    ),
    signature(
        "::location", "location", "location", "{0}", "Unchanged.",
        f"location({_POINT}, '450 Columbus Blvd', 'Hartford', 'CT', '06103')::location",
    ),
)  # fmt: skip
