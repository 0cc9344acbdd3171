"""The one base form: WTForms with CSRF, refusing fields it does not know (ASVS V15.3.3)."""

from __future__ import annotations

from flask import request
from flask_wtf import FlaskForm

from exchange.errors import Invalid

ALWAYS_ALLOWED = frozenset({"csrf_token"})


class Form(FlaskForm):  # type: ignore[misc]
    """Base of every form. Labels end without a colon; each field's `description` is its help text."""

    def refuse_unknown(self) -> None:
        """Raise `Invalid` if the request carries a field that this form does not have."""
        known = {field.name for field in self} | ALWAYS_ALLOWED
        unknown = sorted(name for name in request.form if name not in known)
        if unknown:
            raise Invalid(f"This form has no field named {', '.join(unknown)}. Go back, reload the page and try again.")
