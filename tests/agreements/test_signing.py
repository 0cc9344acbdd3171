"""Freezing, signing, coming into force."""

from __future__ import annotations

from sqlalchemy.orm import Session

import agreements.frozen  # noqa: F401
from agreements.models import State
from tests.makers import agreements as make


def test_the_whole_path(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_dsa(session, cast)
    assert version.state == State.ACTIVE
    session.commit()
