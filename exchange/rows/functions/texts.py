"""Text functions. Sizes are bounded so that no expression can make a huge text out of a small one."""

from exchange.rows.functions.table import Function, signature

_LIMITED = "(CASE WHEN length({0}) * greatest(1, length({2})) <= 100000 THEN replace({0}, {1}, {2}) END)"
_PAD = "({side}({{0}}, CAST(greatest(0, least({{1}}, 1000)) AS INTEGER), {{2}}))"
_CODE = "{0} BETWEEN 1 AND 55295 OR {0} BETWEEN 57344 AND 1114111"

TEXTS: tuple[Function, ...] = (
    signature("||", "as_text as_text", "text", "({0} || {1})", "Joined; null with anything is null."),
    signature("upper", "text", "text", "upper({0})", "Capital letters."),
    signature("lower", "text", "text", "lower({0})", "Small letters."),
    signature("length", "text", "number", "length({0})", "Number of characters."),
    signature("trim", "text", "text", "trim({0})", "Without blanks at both ends."),
    signature("trim_leading", "text", "text", "ltrim({0})", "Without blanks at the start."),
    signature("trim_trailing", "text", "text", "rtrim({0})", "Without blanks at the end."),
    signature("starts_with", "text text", "checkbox", "starts_with({0}, {1})", "Begins with."),
    signature("contains", "text text", "checkbox", "contains({0}, {1})", "Has within it."),
    signature("replace", "text text text", "text", _LIMITED, "Every occurrence replaced."),
    signature(
        "substring", "text number", "text", "substring({0}, CAST(greatest(1, least({1}, 1e9)) AS BIGINT))",
        "From a position, counted from 1.",
    ),
    signature(
        "substring", "text number number", "text",
        "substring({0}, CAST(greatest(1, least({1}, 1e9)) AS BIGINT), CAST(greatest(0, least({2}, 1e9)) AS BIGINT))",
        "From a position, counted from 1, so many characters.",
    ),
    signature(
        "split_part", "text text number", "text", "split_part({0}, {1}, CAST(greatest(1, least({2}, 1e6)) AS BIGINT))",
        "The nth part between delimiters.",
    ),
    signature("left_pad", "text number text", "text", _PAD.format(side="lpad"), "Filled at the start to a length."),
    signature("right_pad", "text number text", "text", _PAD.format(side="rpad"), "Filled at the end to a length."),
    signature(
        "chr", "number", "text", "(CASE WHEN " + _CODE + " THEN TRY(chr(CAST({0} AS INTEGER))) END)",
        "The character with this code point.",
    ),
    signature("unaccent", "text", "text", "strip_accents({0})", "Without accents."),
    signature("caseless_eq", "text text", "checkbox", "(upper({0}) = upper({1}))", "Equal, whatever the case."),
    signature("caseless_ne", "text text", "checkbox", "(upper({0}) <> upper({1}))", "Not equal, whatever the case."),
    signature(
        "caseless_starts_with", "text text", "checkbox", "starts_with(upper({0}), upper({1}))",
        "Begins with, whatever the case.",
    ),
    signature(
        "caseless_contains", "text text", "checkbox", "contains(upper({0}), upper({1}))",
        "Has within it, whatever the case.",
    ),
    signature(
        "caseless_one_of", "text text", "checkbox", "(upper({0}) IN ({rest_upper}))",
        "One of the listed, whatever the case.", repeats=True,
    ),
    signature(
        "caseless_not_one_of", "text text", "checkbox", "(upper({0}) NOT IN ({rest_upper}))",
        "None of the listed, whatever the case.", repeats=True,
    ),
)  # fmt: skip

_NUMBER_TEXT = (
    "(CASE WHEN {0} = trunc({0}) AND abs({0}) < 1e15 THEN CAST(CAST({0} AS BIGINT) AS VARCHAR)"
    " ELSE CAST({0} AS VARCHAR) END)"
)
_DATE_TEXT = "strftime(CAST({0} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g')"
_FIXED_TEXT = "strftime(timezone('UTC', {0}), '%Y-%m-%dT%H:%M:%S.%gZ')"

CASTS: tuple[Function, ...] = (
    signature("::text", "text", "text", "{0}", "Unchanged."),
    signature("::text", "url", "text", "{0}", "The address."),
    signature("::text", "number", "text", _NUMBER_TEXT, "Plain digits."),
    signature("::text", "double", "text", _NUMBER_TEXT, "Plain digits."),
    signature("::text", "checkbox", "text", "CAST({0} AS VARCHAR)", "true or false."),
    signature("::text", "calendar_date", "text", _DATE_TEXT, "As in JSON."),
    signature("::text", "fixed_timestamp", "text", _FIXED_TEXT, "As in JSON."),
    signature("::text", "row_identifier", "text", "{0}", "As in JSON."),
    signature("::number", "text", "number", "TRY_CAST({0} AS DOUBLE)", "Null where it is not a number."),
    signature("::number", "number", "number", "{0}", "Unchanged."),
    signature("::number", "double", "number", "{0}", "The same number."),
    signature("::double", "text", "double", "TRY_CAST({0} AS DOUBLE)", "Null where it is not a number."),
    signature("::double", "number", "double", "CAST({0} AS DOUBLE)", "The same number."),
    signature("::double", "double", "double", "{0}", "Unchanged."),
    signature("::checkbox", "text", "checkbox", "TRY_CAST({0} AS BOOLEAN)", "Null where it is neither."),
    signature("::checkbox", "checkbox", "checkbox", "{0}", "Unchanged."),
    signature("::calendar_date", "text", "calendar_date", "TRY_CAST({0} AS TIMESTAMP)", "Null where it is no date."),
    signature("::calendar_date", "calendar_date", "calendar_date", "{0}", "Unchanged."),
    signature("::fixed_timestamp", "text", "fixed_timestamp", "TRY_CAST({0} AS TIMESTAMPTZ)", "Null where it is none."),
    signature("::fixed_timestamp", "fixed_timestamp", "fixed_timestamp", "{0}", "Unchanged."),
    signature("::url", "url", "url", "{0}", "Unchanged."),
    signature("::url", "text", "url", "{0}", "The text as an address."),
    signature("::point", "point", "point", "{0}", "Unchanged."),
)
