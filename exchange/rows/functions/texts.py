"""Text functions. Sizes are bounded so that no expression can make a huge text out of a small one."""

from exchange.rows.functions.table import Function, signature

_LIMITED = "(CASE WHEN length({0}) * greatest(1, length({2})) <= 100000 THEN replace({0}, {1}, {2}) END)"
_LENGTH = "CAST(greatest(0, least({{1}}, 1000)) AS INTEGER)"
_PAD = (
    "(CASE WHEN {{2}} = '' THEN substring({{0}}, 1, " + _LENGTH + ")"
    " ELSE {side}({{0}}, " + _LENGTH + ", coalesce(nullif({{2}}, ''), ' ')) END)"
)
_UNDIVIDED = (
    *zip("øØłŁđĐðÐıħĦŧŦ", "oOlLdDdDihHtT", strict=True),
    ("ß", "ss"), ("æ", "ae"), ("Æ", "AE"), ("œ", "oe"), ("Œ", "OE"), ("þ", "th"), ("Þ", "TH"),
)  # fmt: skip
"""Letters that Unicode does not divide into a letter and an accent."""

_UNACCENTED = "strip_accents({0})"
for _letter, _plain in _UNDIVIDED:
    _UNACCENTED = f"replace({_UNACCENTED}, '{_letter}', '{_plain}')"
_CODE = "{0} BETWEEN 1 AND 55295 OR {0} BETWEEN 57344 AND 1114111"

TEXTS: tuple[Function, ...] = (
    signature(
        "||", "as_text as_text", "text", "({0} || {1})", "Joined, whatever the types; null with anything is null.",
        "'Grade ' || 9",
    ),
    signature("upper", "text", "text", "upper({0})", "Capital letters.", "upper('Hartford')"),
    signature("lower", "text", "text", "lower({0})", "Small letters.", "lower('Hartford')"),
    signature("length", "text", "number", "length({0})", "Number of characters.", "length('Hartford')"),
    signature("trim", "text", "text", "trim({0})", "Without blanks at both ends.", "trim('  Avon ')"),
    signature("trim_leading", "text", "text", "ltrim({0})", "Without blanks at the start.", "trim_leading('  Avon')"),
    signature("trim_trailing", "text", "text", "rtrim({0})", "Without blanks at the end.", "trim_trailing('Avon  ')"),
    signature(
        "starts_with", "text text", "checkbox", "starts_with({0}, {1})", "Begins with.",
        "starts_with('New Haven', 'New')",
    ),
    signature(
        "contains", "text text", "checkbox", "contains({0}, {1})", "Has within it.", "contains('New Haven', 'Have')"
    ),
    signature(
        "replace", "text text text", "text", _LIMITED, "Every occurrence replaced; null past 100,000 characters.",
        "replace('East Hartford', 'East', 'West')",
    ),
    signature(
        "substring", "text number", "text", "substring({0}, CAST(greatest(1, least({1}, 1e9)) AS BIGINT))",
        "From a position, counted from 1.", "substring('world', 2)",
    ),
    signature(
        "substring", "text number number", "text",
        "substring({0}, CAST(greatest(1, least({1}, 1e9)) AS BIGINT), CAST(greatest(0, least({2}, 1e9)) AS BIGINT))",
        "From a position, counted from 1, so many characters.", "substring('world', 2, 1)",
    ),
    signature(
        "split_part", "text text number", "text", "split_part({0}, {1}, CAST(greatest(1, least({2}, 1e6)) AS BIGINT))",
        "The nth part between delimiters.", "split_part('2023-24', '-', 1)",
    ),
    signature(
        "left_pad", "text number text", "text", _PAD.format(side="lpad"), "Filled at the start to a length.",
        "left_pad('6103', 5, '0')",
    ),
    signature(
        "right_pad", "text number text", "text", _PAD.format(side="rpad"), "Filled at the end to a length.",
        "right_pad('CT', 4, '.')",
    ),
    signature(
        "chr", "number", "text", "(CASE WHEN " + _CODE + " THEN TRY(chr(CAST({0} AS INTEGER))) END)",
        "The character with this code point.", "chr(233)",
    ),
    signature(
        "unaccent", "text", "text", _UNACCENTED, "Without accents; ø as o, ß as ss.",
        "unaccent('Sainte-Thérèse, Québec')"
    ),
    signature(
        "caseless_eq", "text text", "checkbox", "(upper({0}) = upper({1}))", "Equal, whatever the case.",
        "caseless_eq('Avon', 'AVON')",
    ),
    signature(
        "caseless_ne", "text text", "checkbox", "(upper({0}) <> upper({1}))", "Not equal, whatever the case.",
        "caseless_ne('Avon', 'AVON')",
    ),
    signature(
        "caseless_starts_with", "text text", "checkbox", "starts_with(upper({0}), upper({1}))",
        "Begins with, whatever the case.", "caseless_starts_with('New Haven', 'new')",
    ),
    signature(
        "caseless_contains", "text text", "checkbox", "contains(upper({0}), upper({1}))",
        "Has within it, whatever the case.", "caseless_contains('New Haven', 'HAVE')",
    ),
    signature(
        "caseless_one_of", "text text", "checkbox", "(upper({0}) IN ({rest_upper}))",
        "One of the listed, whatever the case.", "caseless_one_of('ct', 'CT', 'RI')", repeats=True,
    ),
    signature(
        "caseless_not_one_of", "text text", "checkbox", "(upper({0}) NOT IN ({rest_upper}))",
        "None of the listed, whatever the case.", "caseless_not_one_of('ny', 'CT', 'RI')", repeats=True,
    ),
)  # fmt: skip
