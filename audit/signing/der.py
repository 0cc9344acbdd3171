"""The one thing in which authorities' time stamps depart from DER: certificates that stand in no order.

RFC 5652 §5.1 allows a SignedData in BER, and authorities with a chain of certificates (those made with openssl) send
them as they come; a decoder of DER refuses that. No signature covers their order, so it may be mended before reading.
"""

from __future__ import annotations

from typing import NamedTuple

CERTIFICATES = 0xA0


class _Element(NamedTuple):
    tag: int
    begin: int
    content: int
    end: int


def in_order(response: bytes) -> bytes:
    """A time stamp response (RFC 3161 §2.4.2) with its certificates in the order of DER; as it is, if it is none."""
    try:
        token = _within(response, _within(response, _Element(0, 0, 0, len(response)))[0])[1]
        signed = _within(response, _within(response, token)[1])[0]
        found = [element for element in _within(response, signed) if element.tag == CERTIFICATES]
        certificates = _within(response, found[0]) if found else []
    except IndexError:
        return response
    ordered = sorted(response[each.begin : each.end] for each in certificates)
    if not ordered:
        return response
    return response[: certificates[0].begin] + b"".join(ordered) + response[certificates[-1].end :]


def _within(data: bytes, outer: _Element) -> list[_Element]:
    """The elements in the contents of another. Raises `IndexError` where there are none."""
    found, at = [], outer.content
    while at < outer.end:
        content, size = at + 2, data[at + 1]
        if size & 0x80:  # the length stands in as many bytes as this says
            content, size = content + (size & 0x7F), int.from_bytes(data[content : content + (size & 0x7F)], "big")
        found.append(_Element(data[at], at, content, content + size))
        at = content + size
    if at != outer.end:
        raise IndexError("contents do not end where their element ends")
    return found
