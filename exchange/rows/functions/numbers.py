"""Numbers and aggregates. Arithmetic is in binary floating point; results are shown to 15 significant digits."""

from exchange.rows.functions.table import Function, aggregate, signature

_D0, _D1 = "CAST({0} AS DOUBLE)", "CAST({1} AS DOUBLE)"


def _both(
    name: str, places: int, sql: str, doc: str, example: str, *, rounded: bool = False, groups: bool = False
) -> tuple[Function, ...]:
    """One row for number and one for double, which are never mixed but for literals."""
    made = aggregate if groups else signature
    return tuple(
        made(name, " ".join([type_] * places), type_, sql, doc, example.replace("#", cast),
             rounded=rounded and type_ == "number")
        for type_, cast in (("number", ""), ("double", "::double"))
    )  # fmt: skip


NUMBERS: tuple[Function, ...] = (
    *_both("+", 2, f"({_D0} + {_D1})", "Sum.", "2# + 3#", rounded=True),
    *_both("-", 2, f"({_D0} - {_D1})", "Difference.", "5# - 3#", rounded=True),
    *_both("*", 2, f"({_D0} * {_D1})", "Product.", "2# * 3#", rounded=True),
    *_both("/", 2, f"({_D0} / nullif({_D1}, 0))", "Quotient; null when dividing by zero.", "7# / 2#", rounded=True),
    *_both("%", 2, f"({_D0} % nullif({_D1}, 0))", "Remainder.", "7# % 4#", rounded=True),
    *_both("^", 2, f"TRY(pow({_D0}, {_D1}))", "Power.", "2# ^ 10#", rounded=True),
    *_both("negate", 1, f"(-{_D0})", "The opposite number.", "-abs(3#)"),
    *_both("abs", 1, f"abs({_D0})", "Without its sign.", "abs(-3#)"),
    *_both("ceil", 1, f"ceil({_D0})", "Rounded up.", "ceil(2.1#)"),
    *_both("floor", 1, f"floor({_D0})", "Rounded down.", "floor(2.9#)"),
    *_both(
        "ln", 1, f"(CASE WHEN {{0}} > 0 THEN ln({_D0}) END)", "Natural logarithm; null at 0 and below.", "ln(10#)",
        rounded=True,
    ),
    signature(
        "round", "number number", "number", f"round({_D0}, CAST(greatest(-20, least({{1}}, 20)) AS INTEGER))",
        "Rounded to so many places; negative places are tens, hundreds and so on.", "round(10.3012, 3)", rounded=True,
    ),
    signature(
        "width_bucket", "number number number number", "number",
        "(CASE WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN {3} + 1"
        " ELSE floor(({0} - {1}) * CAST({3} AS DOUBLE) / nullif({2} - {1}, 0)) + 1 END)",
        "Which of n equal buckets between min and max; 0 below, n + 1 above.", "width_bucket(35, 0, 100, 10)",
    ),
    *_both(
        "signed_magnitude_10", 1,
        "(CASE WHEN {0} = 0 THEN 0 ELSE sign({0}) * length(printf('%.0f', floor(abs(CAST({0} AS DOUBLE))))) END)",
        "Number of digits before the point, with the sign.", "signed_magnitude_10(-9.8#)",
    ),
    *_both(
        "signed_magnitude_linear", 2,
        "(CASE WHEN {1} = 1 THEN floor(CAST({0} AS DOUBLE)) WHEN {0} = 0 THEN 0"
        " ELSE sign({0}) * floor(abs({0}) / nullif(CAST({1} AS DOUBLE), 0) + 1) END)",
        "Which bucket of this width, with the sign.", "signed_magnitude_linear(42#, 10#)",
    ),
)  # fmt: skip

AGGREGATES: tuple[Function, ...] = (
    aggregate("count(*)", "", "number", "count(*)", "Rows.", "count(*)"),
    aggregate(
        "count", "any", "number", "count({0})",
        "Rows in which this is not null. count(DISTINCT x), or count_distinct(x), counts different values.",
        "count(:id)",
    ),
    *_both("sum", 1, f"fsum({_D0})", "Sum.", "sum(2#)", rounded=True, groups=True),
    *_both("avg", 1, f"favg({_D0})", "Mean.", "avg(2#)", rounded=True, groups=True),
    aggregate("min", "ordered", "same", "min({0})", "Smallest.", "min(:updated_at)"),
    aggregate("max", "ordered", "same", "max({0})", "Largest.", "max(:updated_at)"),
    *_both(
        "median", 1, f"quantile_cont({_D0}, 0.5)", "Middle of the values; the mean of the middle two.", "median(2#)",
        rounded=True, groups=True,
    ),
    aggregate(
        "median", "ordered", "same", "quantile_disc({0}, 0.5)", "For what is no number: the lower of the middle two.",
        "median('a')",
    ),
    *_both(
        "stddev_pop", 1, f"stddev_pop({_D0})", "Of the whole population.", "stddev_pop(2#)", rounded=True, groups=True
    ),
    *_both("stddev_samp", 1, f"stddev_samp({_D0})", "Of a sample.", "stddev_samp(2#)", rounded=True, groups=True),
    aggregate("bool_and", "checkbox", "checkbox", "bool_and({0})", "Whether all are true.", "bool_and(1 < 2)"),
    aggregate("bool_or", "checkbox", "checkbox", "bool_or({0})", "Whether one is true.", "bool_or(1 < 2)"),
    aggregate(
        "regr_slope", "number number", "number", f"regr_slope({_D0}, {_D1})",
        "Slope of the line through (y, x) by least squares.", "regr_slope(2, 1)", rounded=True,
    ),
    aggregate(
        "regr_intercept", "number number", "number", f"regr_intercept({_D0}, {_D1})",
        "Where that line meets the y axis.", "regr_intercept(2, 1)", rounded=True,
    ),
    aggregate(
        "regr_r2", "number number", "number", f"regr_r2({_D0}, {_D1})", "How well that line fits, 0 to 1.",
        "regr_r2(2, 1)", rounded=True,
    ),
)  # fmt: skip
