"""A browser without scripts whose every request stands alone, as it does under a server.

The `app` fixture keeps an application context open for the test's own use of the database; a request made through this
client does not share it (nor its `g`, nor its database session). What the test wrote must be committed before.
"""

from __future__ import annotations

import contextvars
import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from exchange.db import db


class Browser(FlaskClient):
    """A test client that runs each request in a context of its own and reads the whole answer."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send one request."""
        db.session.rollback()
        kwargs["buffered"] = True
        return contextvars.Context().run(super().open, *args, **kwargs)

    def token(self, path: str = "/sign-in") -> str:
        """The CSRF token that a page's form holds."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(path).get_data(as_text=True))
        assert found is not None, f"{path} has no form"
        return found[1]

    def submit(self, path: str, data: dict[str, str] | None = None, *, page: str | None = None) -> TestResponse:
        """Send a form to `path` with the token of the page (by default `path` itself) on which it stands."""
        return self.post(path, data={**(data or {}), "csrf_token": self.token(page or path)})


def make_browser(app: Flask) -> Browser:
    """A new browser with no cookies."""
    app.test_client_class = Browser
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser
