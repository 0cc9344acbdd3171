"""The facts that can go wrong, turned into HTTP in one place (`wsgi.py`) and into exit codes in another.

Every error carries a sentence that says what happened and what to do next, and a stable `code`
for programs. A refusal also carries `because`: the clauses, exemptions or roles that caused it.
"""

from __future__ import annotations


class CharterError(Exception):
    """Base of every error this system raises on purpose."""

    status = 500
    code = "internal-error"

    def __init__(self, message: str, *, code: str | None = None, because: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.because = because


class Invalid(CharterError):
    """What was sent cannot be understood; nothing was changed."""

    status = 400
    code = "invalid"


class Unauthenticated(CharterError):
    """Nobody is known to be asking, or the proof of it is not valid."""

    status = 401
    code = "authentication_required"


class Refused(CharterError):
    """Understood, and not permitted; the reason is recorded."""

    status = 403
    code = "permission_denied"


class NotFound(CharterError):
    """There is no such thing, or the asker may not know of it."""

    status = 404
    code = "not-found"


class Conflict(CharterError):
    """Somebody else was first, or the thing is not in a state that allows this."""

    status = 409
    code = "conflict"


class TooMany(CharterError):
    """A budget is spent; the message says when to come back."""

    status = 429
    code = "soda.too-many-requests"


class Unavailable(CharterError):
    """The log, the database or a store cannot answer now; no data was sent."""

    status = 503
    code = "service-unavailable"
