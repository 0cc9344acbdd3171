"""Operators, null logic and choice."""

from exchange.rows.functions.table import Function, signature

COMPARING: tuple[Function, ...] = (
    signature("=", "same same", "checkbox", "({0} = {1})", "Equal."),
    signature("!=", "same same", "checkbox", "({0} <> {1})", "Not equal; null is neither."),
    signature("<", "ordered ordered", "checkbox", "({0} < {1})", "Less than."),
    signature("<=", "ordered ordered", "checkbox", "({0} <= {1})", "At most."),
    signature(">", "ordered ordered", "checkbox", "({0} > {1})", "More than."),
    signature(">=", "ordered ordered", "checkbox", "({0} >= {1})", "At least."),
    signature("NOT", "checkbox", "checkbox", "(NOT {0})", "True where the condition is false."),
    signature("AND", "checkbox", "checkbox", "({joined_and})", "True where all conditions are.", repeats=True),
    signature("OR", "checkbox", "checkbox", "({joined_or})", "True where one condition is.", repeats=True),
    signature("between", "ordered ordered ordered", "checkbox", "({0} BETWEEN {1} AND {2})", "Both ends included."),
    signature("not_between", "ordered ordered ordered", "checkbox", "({0} NOT BETWEEN {1} AND {2})", "Outside."),
    signature("in", "same same", "checkbox", "({0} IN ({rest}))", "One of the listed values.", repeats=True),
    signature("not_in", "same same", "checkbox", "({0} NOT IN ({rest}))", "None of them.", repeats=True),
    signature("like", "text text", "checkbox", "({0} LIKE {1})", "Pattern with % and _; letter case matters."),
    signature("not_like", "text text", "checkbox", "({0} NOT LIKE {1})", "The pattern does not fit."),
    signature("is_null", "any", "checkbox", "({0} IS NULL)", "No value."),
    signature("is_not_null", "any", "checkbox", "({0} IS NOT NULL)", "Some value."),
    signature("coalesce", "same", "same", "coalesce({all})", "The first that is not null.", repeats=True),
    signature("nullif", "same same", "same", "nullif({0}, {1})", "Null where both are equal."),
    signature("least", "ordered", "same", "least({all})", "The smallest; nulls are passed over.", repeats=True),
    signature("greatest", "ordered", "same", "greatest({all})", "The largest; nulls are passed over.", repeats=True),
    signature("iif", "checkbox same same", "same", "(CASE WHEN {0} THEN {1} ELSE {2} END)", "One of two values."),
    signature(
        "case", "checkbox same", "same", "(CASE {branches} END)", "The value after the first true.", repeats=True
    ),
)

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
