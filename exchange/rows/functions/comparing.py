"""Operators, null logic and choice."""

from exchange.rows.functions.table import Function, signature

_LINK, _WEB = "url('https://ct.gov', 'State')", "'https://ct.gov'"

COMPARING: tuple[Function, ...] = (
    *(
        signature(
            name, parameters, "checkbox", sql, "A link by its address alone, whatever its description.",
            f"{left} {name} {right}",
        )
        for name, sign in (("=", "="), ("!=", "<>"))
        for parameters, sql, left, right in (
            ("url web", f"(split_part({{0}}, ' ', 1) {sign} {{1}})", _LINK, _WEB),
            ("web url", f"({{0}} {sign} split_part({{1}}, ' ', 1))", _WEB, _LINK),
        )
    ),
    signature("=", "same same", "checkbox", "({0} = {1})", "Equal; also written ==.", "'a' = 'a'"),
    signature("!=", "same same", "checkbox", "({0} <> {1})", "Not equal; null is neither. Also written <>.", "1 != 2"),
    signature("<", "ordered ordered", "checkbox", "({0} < {1})", "Less than.", "1 < 2"),
    signature("<=", "ordered ordered", "checkbox", "({0} <= {1})", "At most.", "2 <= 2"),
    signature(">", "ordered ordered", "checkbox", "({0} > {1})", "More than.", "'b' > 'a'"),
    signature(">=", "ordered ordered", "checkbox", "({0} >= {1})", "At least.", "2 >= '1'"),
    signature("NOT", "checkbox", "checkbox", "(NOT {0})", "True where the condition is false.", "NOT false"),
    signature("AND", "checkbox", "checkbox", "({joined_and})", "True where all are.", "true AND 1 = 1", repeats=True),
    signature("OR", "checkbox", "checkbox", "({joined_or})", "True where one is.", "false OR 1 = 1", repeats=True),
    signature(
        "between", "ordered ordered ordered", "checkbox", "({0} BETWEEN {1} AND {2})", "Both ends included.",
        "2 between '1' and '3'",
    ),
    signature(
        "not_between", "ordered ordered ordered", "checkbox", "({0} NOT BETWEEN {1} AND {2})", "Outside.",
        "5 not between 1 and 3",
    ),
    signature(
        "in", "same same", "checkbox", "({0} IN ({rest}))", "One of the listed values.", "'CT' in ('CT', 'RI')",
        repeats=True,
    ),
    signature(
        "not_in", "same same", "checkbox", "({0} NOT IN ({rest}))", "None of them.", "'NY' not in ('CT', 'RI')",
        repeats=True,
    ),
    signature(
        "like", "text text", "checkbox", "({0} LIKE {1})", "Pattern with % and _; letter case matters.",
        "'New Haven' like 'New %'",
    ),
    signature(
        "not_like", "text text", "checkbox", "({0} NOT LIKE {1})", "The pattern does not fit.",
        "'Avon' not like 'New %'",
    ),
    signature("is_null", "any", "checkbox", "({0} IS NULL)", "No value.", "null::text is null"),
    signature("is_not_null", "any", "checkbox", "({0} IS NOT NULL)", "Some value.", "'a' is not null"),
    signature(
        "coalesce", "same", "same", "coalesce({all})", "The first that is not null.", "coalesce(null, 'none')",
        repeats=True,
    ),
    signature("nullif", "same same", "same", "nullif({0}, {1})", "Null where both are equal.", "nullif('a', 'b')"),
    signature(
        "least", "ordered", "same", "least({all})", "The smallest; nulls are passed over.", "least(3, 1, 2)",
        repeats=True,
    ),
    signature(
        "greatest", "ordered", "same", "greatest({all})", "The largest; nulls are passed over.",
        "greatest(3, 1, 2)", repeats=True,
    ),
    signature(
        "iif", "checkbox same same", "same", "(CASE WHEN {0} THEN {1} ELSE {2} END)", "One of two values.",
        "iif(1 < 2, 'less', 'more')",
    ),
    signature(
        "case", "checkbox same", "same", "(CASE {branches} END)",
        "The value after the first condition that is true; null if none is.", "case(1 > 2, 'more', true, 'less')",
        repeats=True,
    ),
)  # fmt: skip

CELL_MEANING = Function(
    "cell_meaning",
    ("column",),
    "text",
    "(CASE WHEN {0} = 0 THEN 'zero' WHEN {0} IS NOT NULL THEN 'value'"
    " WHEN {0.cell} = 'not_applicable' THEN 'not applicable' ELSE coalesce({0.cell}, 'missing') END)",
    "What a cell says: value, zero, suppressed, not applicable or missing.",
)
CELL_MEANING_OF_OTHERS = Function(
    "cell_meaning",
    ("column",),
    "text",
    CELL_MEANING.sql.replace("WHEN {0} = 0 THEN 'zero' ", ""),
    "The same for columns that are not numbers.",
)
