"""Fixtures of the access tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask


@pytest.fixture
def real_installation() -> Callable[[Flask], None]:
    """Turns an application of the demo into one that is no demo."""

    def turn(app: Flask) -> None:
        app.config["SETTINGS"] = replace(app.config["SETTINGS"], demo=False)

    return turn
