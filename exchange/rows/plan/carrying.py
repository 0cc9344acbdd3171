"""A column that travels beside an answer: in every row for the engine's caller, in no name that a query can say.

It is added to a plan that is resolved already, behind its outputs, so nothing of the query can select, filter or sort
by it, and no error can name it.
"""

from __future__ import annotations

from dataclasses import replace

from exchange.rows.plan import Plan
from exchange.rows.plan.shape import Dataset, Rows, Stage, is_chain, stages_of
from exchange.rows.plan.typed import Column
from exchange.rows.plan.visible import Named, output_name

EVERY = 1 << 53
"""A limit that leaves nothing out."""


def carrying(plan: Plan, column: str) -> Plan | None:
    """The plan with this column of each row's own record behind its fields; None if a row may be of several records.

    That is so behind groups, DISTINCT, set operations, and windows, which show one row what stands in another.
    """
    if not is_chain(plan.root) or any(map(_mixes, stages_of(plan.root))):
        return None
    return replace(plan, root=_carried(plan.root, column), carried=(column,))


def _mixes(stage: Stage) -> bool:
    return stage.grouped or stage.distinct or stage.looks_around


def _carried(stage: Stage, column: str) -> Stage:
    below = stage.source
    if isinstance(below, Stage):
        below = _carried(below, column)
        column = output_name(len(below.outputs) - 1)
    return replace(stage, source=below, outputs=(*stage.outputs, _named(stage, column)))


def contributing(plan: Plan, column: str) -> Plan:
    """A plan that gives this column, each value once, of every record that can have gone into the answer.

    Those are the records under the row filter that meet the innermost conditions; of a set operation, all under the
    row filter.
    """
    first = next(stage for stage in stages_of(plan.root) if _reads_the_dataset(stage.source))
    stage = replace(
        first, outputs=(_named(first, column),), where=first.where if is_chain(plan.root) else None,
        group=(), having=None, order=(), distinct=True, distinct_on=(), grouped=False,
        limit=EVERY, offset=0, min_cell=0,
    )  # fmt: skip
    return replace(plan, fields=(), root=stage, grouped=False, carried=(column,))


def _reads_the_dataset(rows: Rows) -> bool:
    return isinstance(rows, Dataset) and not rows.id


def _named(stage: Stage, column: str) -> Named:
    return Named(column, Column("text", column, None, relation=stage.alias))
