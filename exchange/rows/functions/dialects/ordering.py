"""Sort keys beside the outputs: Spark finds no aggregate in ORDER BY behind HAVING, and takes no window there."""

from __future__ import annotations

from sqlglot import exp

_ALIAS = "g"


def keys_aside(tree: exp.Expr) -> exp.Expr:
    """The statement with sorted selects of groups or windows as `SELECT outputs FROM (select, keys) ORDER BY keys`."""
    root = exp.Paren(this=tree)
    for select in reversed(list(tree.find_all(exp.Select))):
        if _is_sorted_group(select):
            select.replace(_apart(select))
    return root.this  # type: ignore[no-any-return]


def _is_sorted_group(select: exp.Select) -> bool:
    order = select.args.get("order")
    if order is None or select.args.get("distinct"):
        return False
    return bool(select.args.get("group") or select.args.get("having") or order.find(exp.Window))


def _apart(select: exp.Select) -> exp.Select:
    inner = select.copy()
    order = inner.args["order"]
    page = {part: inner.args[part] for part in ("order", "limit", "offset") if inner.args.get(part)}
    for part in page:
        inner.set(part, None)
    names = [output.alias_or_name for output in inner.expressions]
    for place, key in enumerate(order.expressions):
        if isinstance(key.this, exp.Literal):
            continue
        name = f"s{place}"
        inner.append("expressions", exp.alias_(key.this.copy(), name))
        key.set("this", exp.column(name, table=_ALIAS))
    outer = exp.select(*(exp.column(name, table=_ALIAS) for name in names)).from_(inner.subquery(_ALIAS))
    for part, value in page.items():
        outer.set(part, value)
    return outer
