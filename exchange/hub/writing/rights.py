"""What programs may ask for, by whom and with what trace: the table behind `docs/permissions.md`.

A test holds it to the addresses that there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit.actions import Action

ROWS = "`/resource/<4x4>`"
VIEWS = "`/api/views/<4x4>`"


@dataclass(frozen=True)
class Right:
    """One kind of request: its endpoint, method and address, the condition beside being the agency's, its entry."""

    endpoint: str
    method: str
    address: str
    does: str
    condition: str
    recorded: Action | None


TABLE = (
    Right(
        "writing.rows",
        "POST",
        ROWS,
        "creates, changes and deletes rows",
        "stops to ask where more than 1,000 rows and a fifth of the dataset would go",
        Action.DATASET_VERSION_PUBLISH,
    ),
    Right(
        "writing.rows",
        "PUT",
        ROWS,
        "replaces all rows",
        "asking is accepting that rows go; the entry says so",
        Action.DATASET_VERSION_PUBLISH,
    ),
    Right(
        "writing.truncate",
        "DELETE",
        ROWS,
        "deletes all rows",
        "as for PUT; the version before is kept",
        Action.DATASET_VERSION_PUBLISH,
    ),
    Right(
        "writing.change_row",
        "POST, PUT",
        "`/resource/<4x4>/<row>`",
        "changes one row, or writes it anew",
        "none",
        Action.DATASET_VERSION_PUBLISH,
    ),
    Right(
        "writing.delete_row",
        "DELETE",
        "`/resource/<4x4>/<row>`",
        "deletes one row",
        "the row is there",
        Action.DATASET_VERSION_PUBLISH,
    ),
    Right(
        "describing.create",
        "POST",
        "`/api/views`",
        "registers a draft dataset of the person's agency",
        "none",
        Action.DATASET_REGISTRATION_ADD,
    ),
    Right(
        "describing.change",
        "PUT",
        VIEWS,
        "changes title, words, category, tags, licence",
        "the row identifier only before there are rows",
        Action.DATASET_REGISTRATION_CHANGE,
    ),
    Right(
        "describing.change",
        "PUT",
        VIEWS + " `?method=setPermission&value=public.read`",
        "lets everybody read",
        "there are rows, and the Chief Data Officer has agreed to a classification that opens every column",
        Action.DATASET_LISTING_GIVE,
    ),
    Right(
        "describing.change",
        "PUT",
        VIEWS + " `?method=setPermission&value=private`",
        "takes it from the public again",
        "not of a restricted dataset",
        Action.DATASET_LISTING_WITHDRAW,
    ),
    Right(
        "describing.add_column",
        "POST",
        "`/api/views/<4x4>/columns`",
        "adds a column, empty in every row",
        "of a public dataset: stops to ask, since nobody has classified it",
        Action.DATASET_REGISTRATION_CHANGE,
    ),
    Right(
        "describing.publication",
        "POST",
        "`/api/views/<4x4>/publication`",
        "nothing: a version is current as soon as it is written",
        "none",
        None,
    ),
    Right(
        "describing.change_flat",
        "PATCH",
        "`/api/views/metadata/v1/<4x4>`",
        "changes flat metadata",
        "with `validateOnly` changes nothing",
        Action.DATASET_REGISTRATION_CHANGE,
    ),
    Right(
        "describing.retire",
        "DELETE",
        VIEWS,
        "takes the dataset out of the catalogue for good; its versions stay",
        "none",
        Action.DATASET_REGISTRATION_RETIRE,
    ),
)
"""Every request that writes, in the order of the documents."""

INTRODUCTION = """## Writing by programs

A program writes with an API key of a steward or of the data officer of the agency that owns the dataset. The key may do
what its person may do at that moment, and again once the body has come in; a browser's session counts for nothing. Any
other person's key is refused, and a dataset that its person may not know of answers as one that does not exist, both on
record (`key:write:refuse`). Nobody writes to an open cut or to a retired dataset; a key that tries
is refused on record, too.
"""


def section() -> Iterator[str]:
    """The section of `docs/permissions.md`, line by line."""
    yield INTRODUCTION
    yield "| Request | Address | What it does | Condition | Recorded as |"
    yield "|---|---|---|---|---|"
    for right in TABLE:
        entry = f"`{right.recorded}`" if right.recorded else "not recorded"
        yield f"| {right.method} | {right.address} | {right.does} | {right.condition} | {entry} |"
