"""XML as SODA 2.0 wrote it, and RDF/XML (reference: soda.md §6; docs/formats/xml and rdf-xml of dev.socrata.com)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyarrow.compute as pc

from exchange.rows.cells import link_parts, plain_text
from exchange.rows.door import Field
from exchange.rows.formats.options import ROW_ID, Options
from exchange.rows.formats.texts import bytes_of, joined, rows_of, where, xml_text

XML_TYPE = "application/xml;charset=utf-8"
RDF_TYPE = "application/rdf+xml;charset=utf-8"

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "socrata": "http://www.socrata.com/rdf/terms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "ods": "http://open-data-standards.github.com/2012/01/open-data-standards#",
    "dcterm": "http://purl.org/dc/terms/",
    "geo": "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "foaf": "http://xmlns.com/foaf/0.1/",
}
_PLACES = ("point", "location")


def write_xml(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """`<response><row>` around a `<row>` for each row, with its id and address; null cells are left out."""
    yield f"{_DECLARATION}<response>\n<row>\n".encode()
    first = 0
    for batch in batches:
        cells = [_xml_cell(column, field) for field, column in _shown(fields, batch, options)]
        yield bytes_of(rows_of(_xml_row(fields, batch, options, first), *cells, "</row>\n"))
        first += batch.num_rows
    yield b"</row>\n</response>\n"


def _xml_row(fields: tuple[Field, ...], batch: pa.RecordBatch, options: Options, first: int) -> pa.Array:
    ids = _ids(fields, batch)
    if ids is None:
        return pa.array(["<row>"] * batch.num_rows)
    digits = pc.replace_substring(pc.utf8_slice_codeunits(ids, 4), "-", "")
    uuid = joined(
        "00000000-0000-0000-", pc.utf8_slice_codeunits(digits, 0, 4), "-", pc.utf8_slice_codeunits(digits, 4, 16)
    )
    position = pa.array(range(first, first + batch.num_rows), pa.int64()).cast(pa.string())
    address = joined(f"{options.origin}/resource/{options.dataset_id}/", ids)
    return joined(
        '<row _id="', ids, '" _uuid="', uuid, '" _position="', position, '" _address="', xml_text(address), '">'
    )


def _xml_cell(column: pa.Array, field: Field) -> pa.Array:
    name = element_name(field.name)
    if field.type in _PLACES:
        parts = [_attribute("latitude", _degrees(column, "lat")), _attribute("longitude", _degrees(column, "lon"))]
        if field.type == "location":
            parts.append(_attribute("human_address", xml_text(column.field("address"))))
        return where(pc.is_valid(column), rows_of(f"<{name}", *parts, "/>"))
    if field.type == "url":
        address, words = link_parts(column) or (column.cast(pa.string()), pa.nulls(len(column), pa.string()))
        link = rows_of(
            f"<{name}", _attribute("url", xml_text(address)), _attribute("description", xml_text(words)), "/>"
        )
        return where(pc.is_valid(column), link)
    return joined(f"<{name}>", xml_text(plain_text(column, field.type)), f"</{name}>")


def _attribute(name: str, texts: pa.Array) -> pa.Array:
    return joined(f' {name}="', texts, '"')


def write_rdf(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """A resource for each row, in the dataset's own vocabulary; places are `geo:SpatialThing`.

    Rows of a query that groups or computes have no id, so they are resources without a name.
    """
    base = f"{options.origin}/resource/"
    names = _NAMESPACES | {"dsbase": base, "ds": f"{base}{options.dataset_id}/"}
    spaces = "\n         ".join(f"xmlns:{prefix}={quoteattr(address)}" for prefix, address in names.items())
    yield f"{_DECLARATION}<rdf:RDF {spaces}>\n".encode()
    kind = f"dsbase:{element_name(options.dataset_id)}"
    member = f"    <rdfs:member rdf:resource={quoteattr(base + options.dataset_id)}/>\n"
    for batch in batches:
        cells = [_rdf_cell(column, field) for field, column in _shown(fields, batch, options)]
        head = _rdf_head(kind, base + options.dataset_id, _ids(fields, batch), batch.num_rows)
        yield bytes_of(rows_of(head, member, *cells, f"</{kind}>\n"))
    yield b"</rdf:RDF>\n"


def _rdf_head(kind: str, address: str, ids: pa.Array | None, rows: int) -> pa.Array:
    if ids is None:
        return pa.array([f"<{kind}>\n"] * rows)
    about = quoteattr(f"{address}/")[:-1]
    return joined(f"<{kind} rdf:about={about}", ids, '">\n    <socrata:rowID>', ids, "</socrata:rowID>\n")


def _rdf_cell(column: pa.Array, field: Field) -> pa.Array:
    name = f"ds:{element_name(field.name)}"
    if field.type in _PLACES:
        latitude, longitude = (_degrees(column, part) for part in ("lat", "lon"))
        parts = joined("<geo:lat>", latitude, "</geo:lat>"), joined("<geo:long>", longitude, "</geo:long>")
        place = rows_of(f"    <{name}><geo:SpatialThing>", *parts, f"</geo:SpatialThing></{name}>\n")
        return where(pc.is_valid(column), place)
    return joined(f"    <{name}>", xml_text(plain_text(column, field.type)), f"</{name}>\n")


def _degrees(column: pa.Array, part: str) -> pa.Array:
    return plain_text(column.field(part), "number")


def _shown(fields: tuple[Field, ...], batch: pa.RecordBatch, options: Options) -> Iterator[tuple[Field, pa.Array]]:
    shown = options.shown(fields)
    return ((field, column) for field, column in zip(fields, batch.columns, strict=True) if field in shown)


def _ids(fields: tuple[Field, ...], batch: pa.RecordBatch) -> pa.Array | None:
    found = next((n for n, field in enumerate(fields) if field.name == ROW_ID), None)
    return None if found is None else batch.column(found)


def element_name(name: str) -> str:
    """A name as XML may write it: other characters become `_`, and a name that begins with a digit gets one before."""
    written = re.sub(r"[^\w.\-]", "_", name)
    return written if re.match(r"[^\W\d]", written) else f"_{written}"
