"""The closed list of acts that can be recorded, named `resource:part:verb`. Keep it in alphabetical order.

An act that is not in this list cannot be written, so a reader of the log knows every word it can contain.
"""

from __future__ import annotations

import enum


class Action(enum.StrEnum):
    """Every recordable act."""

    ACCESS_ROWS_INTENT = "access:rows:intent"
    ACCESS_ROWS_OUTCOME = "access:rows:outcome"
    ACCESS_ROWS_REFUSE = "access:rows:refuse"
    AGENCY_FILING_RECORD = "agency:filing:record"
    AGREEMENT_DESTRUCTION_CERTIFY = "agreement:destruction:certify"
    AGREEMENT_VERSION_ACTIVATE = "agreement:version:activate"
    AGREEMENT_VERSION_DRAFT = "agreement:version:draft"
    AGREEMENT_VERSION_EDIT = "agreement:version:edit"
    AGREEMENT_VERSION_EXPIRE = "agreement:version:expire"
    AGREEMENT_VERSION_FREEZE = "agreement:version:freeze"
    AGREEMENT_VERSION_REFUSE = "agreement:version:refuse"
    AGREEMENT_VERSION_RESUME = "agreement:version:resume"
    AGREEMENT_VERSION_RETURN = "agreement:version:return"
    AGREEMENT_VERSION_REVIEW = "agreement:version:review"
    AGREEMENT_VERSION_SIGN = "agreement:version:sign"
    AGREEMENT_VERSION_SUBMIT = "agreement:version:submit"
    AGREEMENT_VERSION_SUPERSEDE = "agreement:version:supersede"
    AGREEMENT_VERSION_SUSPEND = "agreement:version:suspend"
    AGREEMENT_VERSION_TERMINATE = "agreement:version:terminate"
    AGREEMENT_VERSION_WITHDRAW = "agreement:version:withdraw"
    CLASSIFICATION_COLUMNS_AGREE = "classification:columns:agree"
    CLASSIFICATION_COLUMNS_DECIDE = "classification:columns:decide"
    CLASSIFICATION_COLUMNS_PROPOSE = "classification:columns:propose"
    CLASSIFICATION_COLUMNS_RETURN = "classification:columns:return"
    CLIENT_REGISTRATION_ADD = "client:registration:add"
    CLIENT_REGISTRATION_DISABLE = "client:registration:disable"
    CUT_VERSION_BUILD = "cut:version:build"
    DATASET_CELLS_SCAN = "dataset:cells:scan"
    DATASET_LISTING_GIVE = "dataset:listing:give"
    DATASET_LISTING_WITHDRAW = "dataset:listing:withdraw"
    DATASET_REGISTRATION_ADD = "dataset:registration:add"
    DATASET_REGISTRATION_CHANGE = "dataset:registration:change"
    DATASET_REGISTRATION_RETIRE = "dataset:registration:retire"
    DATASET_RUN_STOP = "dataset:run:stop"
    DATASET_VERSION_PUBLISH = "dataset:version:publish"
    DEMO_STATE_LOAD = "demo:state:load"
    GRANT_ACCESS_GIVE = "grant:access:give"
    GRANT_ACCESS_REVOKE = "grant:access:revoke"
    INCIDENT_CONTAINMENT_RECORD = "incident:containment:record"
    INCIDENT_DISCOVERY_RECORD = "incident:discovery:record"
    INCIDENT_EXTENT_RECORD = "incident:extent:record"
    INCIDENT_FINDING_RECORD = "incident:finding:record"
    INCIDENT_NOTICE_RECORD = "incident:notice:record"
    KEY_REGISTRATION_ADD = "key:registration:add"
    KEY_REGISTRATION_END = "key:registration:end"
    KEY_WRITE_REFUSE = "key:write:refuse"
    LOG_ENTRIES_EXPORT = "log:entries:export"
    LOG_ENTRIES_READ = "log:entries:read"
    LOG_RESTORE_ACCEPT = "log:restore:accept"
    PERSON_DEPARTURE_RECORD = "person:departure:record"
    PERSON_ROLE_END = "person:role:end"
    PERSON_ROLE_GIVE = "person:role:give"
    REFERRAL_LETTER_GIVE = "referral:letter:give"
    REFERRAL_REQUEST_RECORD = "referral:request:record"
    REQUEST_ACCESS_DECIDE = "request:access:decide"
    REQUEST_ACCESS_SUBMIT = "request:access:submit"
    REQUEST_ACCESS_WITHDRAW = "request:access:withdraw"
    SESSION_END = "session:person:end"
    SESSION_REFUSE = "session:person:refuse"
    SESSION_SIGN_IN = "session:person:sign-in"
    SESSION_STEP_UP = "session:person:step-up"
    TOKEN_ACCESS_ISSUE = "token:access:issue"  # noqa: S105
    TOKEN_ACCESS_REFUSE = "token:access:refuse"  # noqa: S105
    TOKEN_ACCESS_REVOKE = "token:access:revoke"  # noqa: S105


class Outcome(enum.StrEnum):
    """How an act ended. An intent stays `intended` for ever; what became of it is a later entry that names it."""

    DONE = "done"
    INTENDED = "intended"
    REFUSED = "refused"
    CUT = "cut"
    FAILED = "failed"
