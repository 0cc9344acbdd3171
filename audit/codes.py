"""The closed list of reasons for a refusal, one short word each, and what each means to a reader of the log.

An entry's `reason` is a sentence for the one who was refused; its `code` is what refusals are counted and found by.
Keep the list in alphabetical order; a word that was ever recorded stays.
"""

from __future__ import annotations

import enum


class Code(enum.StrEnum):
    """Why something was refused."""

    AGREEMENT_ENDED = "agreement-ended"
    AGREEMENT_SUSPENDED = "agreement-suspended"
    CLIENT_DISABLED = "client-disabled"
    COLUMN_BARRED = "column-barred"
    COLUMN_WITHHELD = "column-withheld"
    DATASET = "dataset"
    ERASURE_DUTY = "erasure-duty"
    ERASURE_HELD = "erasure-held"
    ERASURE_KEPT = "erasure-kept"
    ERASURE_STEP = "erasure-step"
    GRANT_REVOKED = "grant-revoked"
    GROUP = "group"
    PERSON_LEFT = "person-left"
    PROOF = "proof"
    PROOF_REPLAYED = "proof-replayed"
    PURPOSE = "purpose"
    QUERY = "query"
    RATE = "rate"
    ROSTER = "roster"
    SCOPE = "scope"
    SIGN_IN = "sign-in"
    STANDING = "standing"
    TOKEN = "token"  # noqa: S105
    TOKEN_REQUEST = "token-request"  # noqa: S105
    TOTALS_ONLY = "totals-only"
    WINDOW = "window"
    WRITE_KEY = "write-key"


CODE_WORDS = {
    Code.AGREEMENT_ENDED: "The agreement had expired, or was terminated, superseded or withdrawn",
    Code.AGREEMENT_SUSPENDED: "The agreement was suspended",
    Code.CLIENT_DISABLED: "The program (client) was disabled",
    Code.COLUMN_BARRED: "A column that the law lets nobody share",
    Code.COLUMN_WITHHELD: "A column that was not granted",
    Code.DATASET: "Another dataset than the granted one, a retired one, or none",
    Code.ERASURE_DUTY: "This step of an erasure or hold was not this person’s to take",
    Code.ERASURE_HELD: "A legal hold covered what was to be erased",
    Code.ERASURE_KEPT: "The retention period had not run out",
    Code.ERASURE_STEP: "An erasure or hold was not at that step",
    Code.GRANT_REVOKED: "The grant was revoked or replaced",
    Code.GROUP: "The grant was another working group’s",
    Code.PERSON_LEFT: "The person had left",
    Code.PROOF: "The proof that the token is its holder’s did not hold",
    Code.PROOF_REPLAYED: "A proof was used a second time",
    Code.PURPOSE: "Another purpose than the granted one",
    Code.QUERY: "The query was not understood",
    Code.RATE: "More queries in a day than the agreement allows",
    Code.ROSTER: "The person was not on the roster",
    Code.SCOPE: "The token did not allow this kind of access",
    Code.SIGN_IN: "Signing in failed",
    Code.STANDING: "The right had ended at that very moment",
    Code.TOKEN: "The token was expired, revoked, or another’s",
    Code.TOKEN_REQUEST: "A request for a token was not acceptable",
    Code.TOTALS_ONLY: "Single records were asked for where only totals are agreed",
    Code.WINDOW: "Before the first or after the last day of the agreement or grant",
    Code.WRITE_KEY: "A key for writing was unknown, ended or expired",
}

OUTSIDE = {
    Code.PURPOSE: "purpose",
    Code.COLUMN_BARRED: "scope",
    Code.COLUMN_WITHHELD: "scope",
    Code.DATASET: "scope",
    Code.RATE: "scope",
    Code.SCOPE: "scope",
    Code.TOTALS_ONLY: "scope",
    Code.AGREEMENT_ENDED: "term",
    Code.AGREEMENT_SUSPENDED: "term",
    Code.GRANT_REVOKED: "term",
    Code.STANDING: "term",
    Code.WINDOW: "term",
    Code.CLIENT_DISABLED: "roster",
    Code.GROUP: "roster",
    Code.PERSON_LEFT: "roster",
    Code.ROSTER: "roster",
}
"""Of which limit of an agreement a refusal kept the reader; the other codes say nothing of an agreement."""


def words_for_code(code: str | None) -> str:
    """A phrase for a code; entries from before codes were recorded have none."""
    if not code:
        return "No code was recorded"
    return CODE_WORDS[Code(code)] if code in set(Code) else code
