"""Question 7: agreements that ended and left something open: a grant, a token, a certificate of destruction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from access.evidence import screens
from access.models import Client, Grant, GrantState, Token
from agreements.duties import destruction
from agreements.duties.destruction import Ended
from agreements.models import Agreement, AgreementVersion
from audit.desk.question import Answer, Asked, Cell, DeskQuestion
from exchange.clock import legal_day


@dataclass(frozen=True)
class LeftOpen:
    """An agreement that is over, with the grants and tokens that are not, under it or an agreement below it."""

    ended: Ended
    grants: int
    tokens: int

    @property
    def anything(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.grants or self.tokens or self.ended.outstanding)


def left_open(session: Session, now: datetime) -> list[LeftOpen]:
    """Every ended agreement with something left to do, by number."""
    over = destruction.ended(session, now)
    grants, tokens = _open_grants(session, over, now)
    found = [LeftOpen(ended, grants[ended.agreement_id], tokens[ended.agreement_id]) for ended in over]
    return [each for each in found if each.anything]


def _open_grants(session: Session, over: Iterable[Ended], now: datetime) -> tuple[Counter[str], Counter[str]]:
    """How many grants, and tokens of theirs, are not ended by themselves, for each ended agreement."""
    ids = {ended.agreement_id for ended in over}
    parents = {row.id: row.parent_id for row in session.execute(select(Agreement.id, Agreement.parent_id))}
    live_tokens = _live_tokens(session, now)
    grants: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    chosen = (
        select(Grant.id, AgreementVersion.agreement_id)
        .join(AgreementVersion, AgreementVersion.id == Grant.agreement_version_id)
        .where(Grant.state == GrantState.ACTIVE.value, Grant.not_after >= now)
    )
    for grant, agreement in session.execute(chosen):
        above: str | None = agreement
        while above is not None:
            if above in ids:
                grants[above] += 1
                tokens[above] += live_tokens.get(grant, 0)
            above = parents.get(above)
    return grants, tokens


def _live_tokens(session: Session, now: datetime) -> dict[str, int]:
    """How many tokens of each grant are neither revoked nor past their end."""
    chosen = (
        select(Token.grant_id, func.count())
        .join(Client, Client.id == Token.client_id)
        .where(Token.expires_at > now, Token.revoked_at.is_(None))
        .group_by(Token.grant_id)
    )
    return {row.grant_id: row[1] for row in session.execute(chosen)}


def _answer(asked: Asked) -> Answer:
    every = left_open(asked.session, asked.now)
    shown, more = screens.screen(every, lambda each: each.ended.agreement_id, asked)
    owed = [owed for each in every for owed in each.ended.outstanding]
    today = legal_day(asked.now)
    overdue = sum(one.due_on < today for one in owed)
    return Answer(
        rows=tuple(_row(each, asked.now) for each in shown),
        more=more,
        summary=(
            ("Agreements", f"{len(every):,}"),
            ("Certificates due", f"{len(owed):,}"),
            ("Certificates overdue", f"{overdue:,}"),
        ),
        notes=(
            "No row leaves under an agreement that ended: a grant or token listed here is refused, and should still be "
            "closed in its register.",
            "OPM or a data officer of the source records a certificate of destruction when it arrives; the link leads "
            "there.",
        ),
    )


def _row(each: LeftOpen, now: datetime) -> tuple[Cell, ...]:
    ended = each.ended
    return (
        screens.agreement(ended.agreement_id, ended.number),
        Cell(ended.title),
        Cell(ended.state, badge=True)
        if ended.state in destruction.ENDED
        else Cell("ended by its own terms", badge=True),
        screens.instant(ended.at),
        screens.count((legal_day(now) - legal_day(ended.at)).days),
        screens.count(each.grants),
        screens.count(each.tokens),
        _certificates(ended, now),
    )


def _certificates(ended: Ended, now: datetime) -> Cell:
    if not ended.owed:
        return Cell("no clause asks for destruction")
    words = [
        f"{owed.agency}: received {owed.received_on}"
        if owed.received_on
        else f"{owed.agency}: {'overdue since' if owed.due_on < legal_day(now) else 'due'} {owed.due_on}"
        for owed in ended.owed
    ]
    return Cell("; ".join(words), href=f"/duties/certificates/{ended.agreement_id}/{ended.number}")


QUESTION = DeskQuestion(
    number=7,
    key="ended",
    title="Agreements that ended and left something open",
    asks="Which agreements ended with grants or tokens still open, or with no certificate that the data was destroyed?",
    law=("34 CFR 99.35(a)(3)", "34 CFR 99.31(a)(6)(iii)(C)(4)", "20 CFR 603.10"),
    fields=(),
    headings=(
        "Agreement",
        "Title",
        "How",
        "Ended",
        ("Days since", "num"),
        ("Open grants", "num"),
        ("Live tokens", "num"),
        "Certificate of destruction",
    ),
    answer=_answer,
    empty="Every agreement that ended is closed: no grant, no token, no certificate is outstanding.",
)
