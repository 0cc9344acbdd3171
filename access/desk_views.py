"""Pages for signing in and out, and the signed-in person's desk."""

from __future__ import annotations

from flask import Blueprint

desks = Blueprint("desks", __name__)
sign_in = Blueprint("sign_in", __name__)
