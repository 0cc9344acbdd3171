"""Queries a day: counted in the database, so that all workers share one budget (clause C12; ASVS V2.4.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite

from access.models import GrantUse
from exchange.clock import legal_day


def spend(engine: Engine, grant_id: str, rate: int, now: datetime) -> bool:
    """Count one query on this legal day; False, and nothing counted, when the day's number is used up."""
    dialect: Any = postgresql if engine.dialect.name == "postgresql" else sqlite
    first = dialect.insert(GrantUse.__table__).values(grant_id=grant_id, day=legal_day(now), queries=1)
    again = first.on_conflict_do_update(
        index_elements=[GrantUse.grant_id, GrantUse.day],
        set_={"queries": GrantUse.queries + 1},
        where=GrantUse.queries < rate,
    )
    if rate < 1:
        return False
    with engine.begin() as connection:
        return connection.execute(again, execution_options={"preserve_rowcount": True}).rowcount == 1
