"""Numbers and aggregates. Arithmetic is in binary floating point; results are shown to 15 significant digits."""

from exchange.rows.functions.table import Function, aggregate, signature

_D0, _D1 = "CAST({0} AS DOUBLE)", "CAST({1} AS DOUBLE)"


def _arithmetic(operator: str, sql: str, doc: str) -> tuple[Function, ...]:
    return tuple(signature(operator, f"{t} {t}", t, sql, doc, rounded=t == "number") for t in ("number", "double"))


NUMBERS: tuple[Function, ...] = (
    *_arithmetic("+", f"({_D0} + {_D1})", "Sum."),
    *_arithmetic("-", f"({_D0} - {_D1})", "Difference."),
    *_arithmetic("*", f"({_D0} * {_D1})", "Product."),
    *_arithmetic("/", f"({_D0} / nullif({_D1}, 0))", "Quotient; null when dividing by zero."),
    *_arithmetic("%", f"({_D0} % nullif({_D1}, 0))", "Remainder."),
    *_arithmetic("^", f"TRY(pow({_D0}, {_D1}))", "Power."),
    signature("negate", "number", "number", f"(-{_D0})", "The opposite number."),
    signature("negate", "double", "double", "(-{0})", "The opposite number."),
    signature("abs", "number", "number", f"abs({_D0})", "Without its sign."),
    signature("ceil", "number", "number", f"ceil({_D0})", "Rounded up."),
    signature("floor", "number", "number", f"floor({_D0})", "Rounded down."),
    signature(
        "ln", "number", "number", f"(CASE WHEN {{0}} > 0 THEN ln({_D0}) END)", "Natural logarithm.", rounded=True
    ),
    signature(
        "round", "number number", "number", f"round({_D0}, CAST(greatest(-20, least({{1}}, 20)) AS INTEGER))",
        "Rounded to so many places.", rounded=True,
    ),
    signature(
        "width_bucket", "number number number number", "number",
        "(CASE WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN {3} + 1"
        " ELSE floor(({0} - {1}) * CAST({3} AS DOUBLE) / nullif({2} - {1}, 0)) + 1 END)",
        "Which of n equal buckets between min and max.",
    ),
    signature(
        "signed_magnitude_10", "number", "number",
        "(CASE WHEN {0} = 0 THEN 0 ELSE sign({0}) * length(printf('%.0f', floor(abs(CAST({0} AS DOUBLE))))) END)",
        "Number of digits before the point, with the sign.",
    ),
    signature(
        "signed_magnitude_linear", "number number", "number",
        "(CASE WHEN {1} = 1 THEN floor(CAST({0} AS DOUBLE)) WHEN {0} = 0 THEN 0"
        " ELSE sign({0}) * floor(abs({0}) / nullif(CAST({1} AS DOUBLE), 0) + 1) END)",
        "Which bucket of this width, with the sign.",
    ),
)  # fmt: skip

AGGREGATES: tuple[Function, ...] = (
    aggregate("count(*)", "", "number", "count(*)", "Rows."),
    aggregate("count", "any", "number", "count({0})", "Rows in which this is not null."),
    aggregate("sum", "number", "number", f"fsum({_D0})", "Sum.", rounded=True),
    aggregate("sum", "double", "double", f"fsum({_D0})", "Sum."),
    aggregate("avg", "number", "number", f"favg({_D0})", "Mean.", rounded=True),
    aggregate("avg", "double", "double", f"favg({_D0})", "Mean."),
    aggregate("min", "ordered", "same", "min({0})", "Smallest."),
    aggregate("max", "ordered", "same", "max({0})", "Largest."),
    aggregate("median", "number", "number", f"quantile_cont({_D0}, 0.5)", "Middle of the values.", rounded=True),
    aggregate("median", "ordered", "same", "quantile_disc({0}, 0.5)", "The lower of the middle two."),
    aggregate("stddev_pop", "number", "number", f"stddev_pop({_D0})", "Of the whole population.", rounded=True),
    aggregate("stddev_samp", "number", "number", f"stddev_samp({_D0})", "Of a sample.", rounded=True),
    aggregate("bool_and", "checkbox", "checkbox", "bool_and({0})", "Whether all are true."),
    aggregate("bool_or", "checkbox", "checkbox", "bool_or({0})", "Whether one is true."),
    aggregate("regr_slope", "number number", "number", f"regr_slope({_D0}, {_D1})", "Slope (y, x).", rounded=True),
    aggregate(
        "regr_intercept", "number number", "number", f"regr_intercept({_D0}, {_D1})", "Intercept (y, x).", rounded=True
    ),
    aggregate("regr_r2", "number number", "number", f"regr_r2({_D0}, {_D1})", "Fit (y, x).", rounded=True),
)
