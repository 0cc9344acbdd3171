"""Small counts are left out: said with every answer that could leave one out, so that it tells nothing by itself."""

from __future__ import annotations

HEADER = "X-Suppressed-Below"


def suppression_headers(grouped: bool, floor: int) -> dict[str, str]:
    """The header of an answer: below how many rows a group or count is left out, for a grouped query under a floor.

    It depends on the query and the grant alone, never on what was left out.
    """
    return {HEADER: str(floor)} if grouped and floor > 0 else {}
