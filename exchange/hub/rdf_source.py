"""Socrata's RDF/XML export: one element per row, `ds:` children as cells, `geo:SpatialThing` as a point.

The file is streamed with entities, DTDs and the network switched off, so that a hostile feed can neither grow in
memory nor reach out. A child that a row leaves out is an empty cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from exchange.errors import Invalid
from exchange.hub.source import Row, Rows

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
GEO = "{http://www.w3.org/2003/01/geo/wgs84_pos#}"
SOCRATA_DATA = "/resource/"


def read_rdf(path: Path) -> Rows:
    """The fields and rows of a Socrata RDF file. Raises `Invalid` if it is not one."""
    labels: dict[str, None] = {}
    for row in _rows(path):
        labels.update(dict.fromkeys(row))
    if not labels:
        raise Invalid("The file holds no rows in Socrata's RDF form (elements with rdf:about and ds: fields).")
    header = tuple(labels)
    return Rows(labels=header, rows=_in_order(path, header))


def _in_order(path: Path, header: tuple[str, ...]) -> Iterator[Row]:
    for row in _rows(path):
        yield [row.get(label) for label in header]


def _rows(path: Path) -> Iterator[dict[str, str | None]]:
    try:
        elements = etree.iterparse(
            str(path), events=("end",), resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
        )
        for _, element in elements:
            if element.getroottree().docinfo.internalDTD is not None:
                raise Invalid("The file declares a document type or entities; such XML is not read.")
            if element.get(f"{RDF}about") is not None and element.getparent() is not None:
                yield _cells(element)
                _forget(element)
    except etree.XMLSyntaxError as error:
        raise Invalid(f"The file is not well-formed XML: {error.msg}.") from error


def _forget(element: etree._Element) -> None:
    """Free what was read; lxml keeps the siblings otherwise."""
    element.clear()
    parent = element.getparent()
    while element.getprevious() is not None and parent is not None:
        del parent[0]


def _cells(element: etree._Element) -> dict[str, str | None]:
    cells: dict[str, str | None] = {}
    for child in element:
        name = etree.QName(child)
        if SOCRATA_DATA not in (name.namespace or ""):
            continue
        if name.localname in cells:
            raise Invalid(f"A row has the field {name.localname} twice (line {child.sourceline}).")
        cells[name.localname] = _value(child)
    return cells


def _value(child: etree._Element) -> str | None:
    thing = child.find(f"{GEO}SpatialThing")
    if thing is None:
        text: str | None = child.text
        return text
    latitude, longitude = thing.findtext(f"{GEO}lat"), thing.findtext(f"{GEO}long")
    return f"({latitude}, {longitude})" if latitude and longitude else None
