"""Functions that need OVER: each row is seen among the rows around it (reference: soda.md §4)."""

from exchange.rows.functions.table import Function, window

_STEPS = "CAST(greatest(0, least({1}, 1e9)) AS BIGINT)"


def _shifted(name: str, doc: str) -> tuple[Function, ...]:
    return (
        window(name, "any", "first", f"{name}({{0}})", f"The value one row {doc}.", f"{name}(:id) OVER (ORDER BY :id)"),
        window(
            name, "any number", "first", f"{name}({{0}}, {_STEPS})", f"The value so many rows {doc}.",
            f"{name}(:id, 2) OVER (ORDER BY :id)",
        ),
        window(
            name, "same number same", "same", f"{name}({{0}}, {_STEPS}, {{2}})",
            f"The value so many rows {doc}, or another where there is no such row.",
            f"{name}('a', 2, 'none') OVER (ORDER BY :id)",
        ),
    )  # fmt: skip


WINDOWS: tuple[Function, ...] = (
    window(
        "row_number", "", "number", "row_number()", "The number of the row in the order given, from 1.",
        "row_number() OVER (ORDER BY :id)"
    ),
    window(
        "rank", "", "number", "rank()", "As row_number, equals alike, with gaps.", "rank() OVER (ORDER BY :updated_at)"
    ),
    window(
        "dense_rank", "", "number", "dense_rank()", "As row_number, equals alike, without gaps.",
        "dense_rank() OVER (ORDER BY :updated_at)",
    ),
    window(
        "first_value", "any", "first", "first_value({0})", "The value of the first row of the frame.",
        "first_value(:id) OVER (ORDER BY :id)",
    ),
    window(
        "last_value", "any", "first", "last_value({0})",
        "The value of the last row of the frame, which ends at this row unless it says more.",
        "last_value(:id) OVER (ORDER BY :id)",
    ),
    *_shifted("lead", "further on"),
    *_shifted("lag", "before"),
    window(
        "ntile", "real", "number", "ntile(CAST(greatest(1, least({0}, 1e6)) AS BIGINT))",
        "Which of n groups of nearly equal size the row falls into.", "ntile(4) OVER (ORDER BY :id)",
    ),
)  # fmt: skip
