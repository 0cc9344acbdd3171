"""Freezing, signing and coming into force.

Opening for signature fixes text, policy and hash. Each party's official then signs that hash, having proved who they
are within five minutes (CGS 1-266 to 1-286: attribution needs the method and the time). The last signature activates
the version if its term has begun; otherwise `activate_due` does, on its first day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from agreements import document, memoranda, regimes
from agreements.clauses.demands import Bar
from agreements.facts import facts_of, parameters_of, regimes_in, regimes_in_each, undecided_columns
from agreements.in_force import version_in_force
from agreements.models import AgreementVersion, Party, Signature, State, Tier
from agreements.moving import Turn, begin, fully_signed, move, one_agency, take
from agreements.reviewing import waiting_on_counsel
from agreements.transitions import BY_COMMAND, Command
from audit.entry import new_id
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.errors import Conflict, Invalid, Refused

RECENT = timedelta(minutes=5)
"""How long ago the signer may have proved who they are (ASVS V7.5.3)."""


def open_for_signature(session: Session, by: Identity, version: AgreementVersion, *, now: datetime) -> AgreementVersion:
    """Freeze text, policy and hash. Raises `Refused` with everything that still stands in the way, the law included."""
    turn = begin(session, by, version, Command.OPEN_FOR_SIGNATURE, now)
    version = turn.version
    obstacles = obstacles_to_signature(session, version, now)
    if obstacles:
        raise Refused(
            "This version cannot be opened for signature yet:\n" + "\n".join(f"• {words}" for words, _ in obstacles),
            code="incomplete",
            because=tuple(dict.fromkeys(why for _, why in obstacles if why)),
        )
    built = document.build(facts_of(session, version))
    document.check(built)
    version.document, version.terms = built, built["terms"]
    version.sha256 = document.sha256(built)
    version.frozen_at = now
    move(session, turn, State.SIGNATURE, details={"parties": len(version.parties)})
    return version


def obstacles_to_signature(session: Session, version: AgreementVersion, now: datetime) -> list[tuple[str, str]]:
    """What stands in the way of signature, each as (sentence, clause or law that says so)."""
    names = {party.agency_id: party.agency.name for party in version.parties}
    waiting = sorted(names.get(agency, agency) for agency in waiting_on_counsel(version))
    found = [(f"Counsel of {name} has not approved it.", "") for name in waiting]
    found += [
        (f"{column} is not classified, so nobody knows which law covers it.", "CGS 4-67p")
        for column in undecided_columns(session, version)
    ]
    found += [(bar.sentence, bar.law) for bar in bars(session, version)]
    found += [(gap.sentence, gap.code) for gap in missing_clauses(session, version)]
    other = memoranda.rival(session, version, now, memoranda.BINDING)
    found += [(memoranda.in_words(other), memoranda.LAW)] if other else []
    return found + _obstacles_above(session, version, now)


def missing_clauses(session: Session, version: AgreementVersion) -> list[regimes.Missing]:
    """The clauses that the State's law and the regimes of the scheduled columns demand and this version lacks."""
    return missing_clauses_of(session, [version])[version.id]


def missing_clauses_of(session: Session, versions: Sequence[AgreementVersion]) -> dict[int, list[regimes.Missing]]:
    """The same for several versions at once, by their ids."""
    return {
        version.id: regimes.missing(
            [clause.code for clause in version.clauses],
            regimes.under_exception(governing, str(parameters_of(version, "C04").get("ferpa_exception", ""))),
            version.agreement.tier,
        )
        for version, governing in regimes_in_each(session, versions)
    }


def bars(session: Session, version: AgreementVersion) -> list[Bar]:
    """Scheduled data that may not be shared at all, whatever the clauses say."""
    return regimes.blocked(regimes_in(session, version)) if version.agreement.tier != Tier.EMOU.value else []


def _obstacles_above(session: Session, version: AgreementVersion, now: datetime) -> list[tuple[str, str]]:
    parent_id = version.agreement.parent_id
    if parent_id is None:
        return []
    parent = version_in_force(session, parent_id, now)
    if parent is None:
        return [(f"{parent_id}, under which it stands, is not in force.", "CGS 4-67n (to be confirmed by counsel)")]
    found = []
    if parent.ends and version.ends and version.ends > parent.ends:
        found.append((f"It would last until {version.ends}, but {parent_id} ends on {parent.ends}.", "C28"))
    if parent.begins and version.begins and version.begins < parent.begins:
        found.append((f"It would begin on {version.begins}, but {parent_id} begins on {parent.begins}.", "C28"))
    return found


def sign(
    session: Session, by: Identity, version: AgreementVersion, *, sha256: str, now: datetime, agency: str | None = None
) -> Signature:
    """Sign for one party the hash that the signer was shown.

    Raises `Refused` (code `step_up_required`) when the proof of identity is older than five minutes, and `Conflict`
    when the posted hash is not the version's: then the page showed another text than the one to be signed.
    """
    turn = begin(session, by, version, Command.SIGN, now)
    require_recent(by, now)
    version = turn.version
    if sha256.strip().lower() != version.sha256:
        raise Conflict(
            "The text changed: the fingerprint you were shown is not this version's. Open the page again and read it."
        )
    agency = _agency_to_sign_for(turn, agency)
    if other := memoranda.rival(session, version, now, memoranda.IN_FORCE):
        raise Conflict(memoranda.in_words(other))
    return _write_signatures(session, turn, agency)


def require_recent(by: Identity, now: datetime) -> None:
    """Refuse unless the signer proved who they are within five minutes; the page then asks for it and comes back."""
    if now - by.authenticated_at > RECENT:
        raise Refused(
            "Prove once more who you are, then sign: a signature needs a proof not older than five minutes.",
            code="step_up_required",
            because=("C36",),
        )


def unsigned_parties(version: AgreementVersion) -> list[Party]:
    """The parties that have not signed this version's hash."""
    signed = {signature.party_id for signature in version.signatures}
    return [party for party in version.parties if party.id not in signed]


def _agency_to_sign_for(turn: Turn, agency: str | None) -> str:
    """The party's agency for which this person signs. Raises `Conflict` or `Refused`."""
    version, by = turn.version, turn.by
    unsigned = frozenset(party.agency_id for party in unsigned_parties(version))
    agency = one_agency(turn, agency, unsigned if agency is None else None)
    if agency not in unsigned:
        raise Conflict(_signed_already(version, agency, by))
    for earlier in version.signatures:
        if by and earlier.person_id == by.person_id:
            raise Refused(
                f"You have signed for {earlier.party.agency.name}; another official signs for {agency}. "
                "Two parties are never bound by one hand.",
                because=("C36",),
            )
    return agency


def _signed_already(version: AgreementVersion, agency: str, by: Identity | None) -> str:
    for signature in version.signatures:
        if signature.party.agency_id == agency:
            day = legal_day(signature.signed_at).isoformat()
            who = "You have" if by and signature.person_id == by.person_id else f"{signature.name} has"
            return f"{who} signed for {signature.party.agency.name} already, on {day}. Nothing was changed."
    return f"{agency} is not a party of this version, so nobody signs for it."


def _write_signatures(session: Session, turn: Turn, agency: str) -> Signature:
    """One press signs for the agency in all its capacities, under one entry of the log."""
    by, version = turn.by, turn.version
    if by is None or version.sha256 is None:
        raise Invalid("A signature needs a person and a frozen text.")
    entry_id = new_id()
    signatures = [
        Signature(
            party=party,
            person_id=by.person_id,
            name=by.name,
            title=by.title or "Official",
            sha256=version.sha256,
            method=by.method,
            authenticated_at=by.authenticated_at,
            signed_at=turn.now,
            entry_id=entry_id,
        )
        for party in unsigned_parties(version)
        if party.agency_id == agency
    ]
    version.signatures.extend(signatures)
    move(session, turn, State.SIGNATURE, agency=agency, because=("C36",), reason=by.method, entry_id=entry_id)
    if fully_signed(version):
        _activate(session, version, turn.now)
    return signatures[0]


def activate_due(session: Session, now: datetime) -> list[AgreementVersion]:
    """Activate every fully signed version whose term has begun. The caller commits."""
    due = session.scalars(
        select(AgreementVersion)
        .where(AgreementVersion.state == State.SIGNATURE.value, AgreementVersion.begins_at <= now)
        .where(or_(AgreementVersion.ends_at.is_(None), AgreementVersion.ends_at >= now))
        .order_by(AgreementVersion.id)
    ).all()
    return [version for version in due if _activate(session, take(session, version), now)]


def _activate(session: Session, version: AgreementVersion, now: datetime) -> bool:
    """Bring a locked version into force if everybody signed and its term runs; the one before it is superseded."""
    if version.state != State.SIGNATURE.value or not fully_signed(version):
        return False
    if version.begins_at is None or version.begins_at > now or (version.ends_at and version.ends_at < now):
        return False
    if memoranda.rival(session, version, now, memoranda.IN_FORCE):
        return False
    for older in version.agreement.versions:
        if older.number < version.number:
            _supersede(session, take(session, older), version, now)
    move(
        session,
        Turn(version, None, Command.ACTIVATE, now),
        State.ACTIVE,
        note="Every party has signed; the term has begun.",
    )
    return True


def _supersede(session: Session, older: AgreementVersion, newer: AgreementVersion, now: datetime) -> None:
    if State(older.state) in BY_COMMAND[Command.SUPERSEDE].before:
        note = f"Version {newer.number} is in force instead."
        move(session, Turn(older, None, Command.SUPERSEDE, now), State.SUPERSEDED, note=note, because=("C29",))
