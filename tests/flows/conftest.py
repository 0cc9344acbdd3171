"""One server with the demo, and one browser, for all the journeys; each person has a browser context of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.makers.desks import Desks
from tests.makers.server import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with the demo in a folder of its own."""
    with serving(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="session")
def desks(server: Server, chromium: Browser) -> Iterator[Desks]:
    """The five desks and the public's, each signed in once by one click."""
    desks = Desks(chromium, server.origin)
    yield desks
    desks.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real Connecticut data beside the clone."""
    folder = (Path(__file__).resolve().parents[2] / "../shared/data").resolve()
    if not folder.is_dir():
        pytest.skip("the real data folder is not beside this clone")
    return folder
