"""What the law leaves out of the sharing program whatever was agreed (CGS 4-67n(a)): asked at every reading.

A classification can change after a grant was given. A grant that holds a column which the agreed classification now
puts under such a law gives nothing any more, until it is given anew without the column (invariant 2).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from access.json_lists import json_has
from access.models import Grant
from agreements.clauses.demands import Bar
from agreements.regimes import blocked
from exchange.classification.exemptions import VOCABULARY, regimes_of
from exchange.classification.models import Classification, ClassificationState, ColumnDecision

BARS: dict[str, Bar] = {
    exemption.code: bar for exemption in VOCABULARY for bar in blocked(regimes_of([exemption.code]))[:1]
}
"""Exemption code -> the law that no agreement can lift."""


def nothing_barred() -> ColumnElement[bool]:
    """SQL over `Grant`: the agreed classification puts none of its columns under such a law."""
    return ~exists(
        select(ColumnDecision.id)
        .join(Classification, Classification.id == ColumnDecision.classification_id)
        .where(Classification.dataset_id == Grant.dataset_id, Classification.state == ClassificationState.AGREED.value)
        .where(ColumnDecision.code.in_(sorted(BARS)), json_has(Grant.columns, ColumnDecision.column))
        .correlate(Grant)
    )


def barred_column(session: Session, grant: Grant) -> tuple[str, Bar] | None:
    """The first granted column that the law now leaves out, with that law; None if there is none."""
    decided = session.execute(
        select(ColumnDecision.column, ColumnDecision.code)
        .join(Classification, Classification.id == ColumnDecision.classification_id)
        .where(Classification.dataset_id == grant.dataset_id, Classification.state == ClassificationState.AGREED.value)
        .where(ColumnDecision.code.in_(sorted(BARS)))
        .order_by(ColumnDecision.position)
    )
    return next(((column, BARS[code]) for column, code in decided if code and column in grant.columns), None)
