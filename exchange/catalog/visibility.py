"""Who may know that a dataset exists: the one rule, as SQL for lists and counts and as a test for one dataset.

Everything that shows, counts, names or links a dataset asks here (DESIGN §4.6): list, search, facets, dataset page,
metadata interface, feeds. What may not be known answers exactly as what does not exist. The rule says nothing about
rows: those leave by the doors only.

==========================  =======================================================================
open, published, has rows   everybody
restricted, published       whoever is signed in and holds any role today
everything else             the agency's stewards and data officer, the CDO, administrators, auditors
==========================  =======================================================================
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, or_, true

from exchange.catalog.models import Dataset, DatasetClass, DatasetState
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind

SEE_ALL = (RoleKind.CDO, RoleKind.ADMINISTRATOR, RoleKind.AUDITOR)
"""Roles whose office is the whole catalogue."""

SEE_OWN = (RoleKind.STEWARD, RoleKind.DATA_OFFICER)
"""Roles that see everything of the agency for which they are held."""


def visible(identity: Identity | None) -> ColumnElement[bool]:
    """The condition on `Dataset` under which this reader may know of it; None is the public."""
    if identity is None:
        return _public()
    if identity.holds(*SEE_ALL):
        return true()
    own = Dataset.agency_id.in_(sorted(identity.agencies(*SEE_OWN)))
    return or_(_public(), _listed_restricted() if identity.roles else false(), own)


def may_know(identity: Identity | None, dataset: Dataset) -> bool:
    """The same rule for a dataset in hand."""
    if identity is not None and identity.holds(*SEE_ALL):
        return True
    if identity is not None and identity.holds(*SEE_OWN, agency=dataset.agency_id):
        return True
    if dataset.state != DatasetState.PUBLISHED:
        return False
    if dataset.class_ == DatasetClass.OPEN:
        return dataset.current_version_id is not None
    return identity is not None and bool(identity.roles)


def _public() -> ColumnElement[bool]:
    return and_(
        Dataset.class_ == DatasetClass.OPEN.value,
        Dataset.state == DatasetState.PUBLISHED.value,
        Dataset.current_version_id.is_not(None),
    )


def _listed_restricted() -> ColumnElement[bool]:
    return and_(Dataset.class_ == DatasetClass.RESTRICTED.value, Dataset.state == DatasetState.PUBLISHED.value)
