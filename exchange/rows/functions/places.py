"""Locations and links: values of several parts, and the fields of each (reference: soda.md §5).

A url with a description is the address, a blank and the description; an address holds no blank.
"""

from exchange.rows.functions.table import Function, signature

_POINT = "make_point(41.7658, -72.6734)"
_LOCATION = f"location({_POINT}, '450 Columbus Blvd', 'Hartford', 'CT', '06103')"
_LINK = "url('https://portal.ct.gov', 'State of Connecticut')"


def _address(first: int) -> str:
    names = ("address", "city", "state", "zip")
    fields = ", ".join(f"{name} := coalesce({{{place}}}, '')" for place, name in enumerate(names, start=first))
    return f"CAST(to_json(struct_pack({fields})) AS VARCHAR)"


_DESCRIPTION = "nullif(substring({0}, length(split_part({0}, ' ', 1)) + 2), '')"

PLACES: tuple[Function, ...] = (
    signature(
        "location", "point text text text text", "location",
        f"struct_pack(lat := {{0.lat}}, lon := {{0.lon}}, address := {_address(1)})",
        "A point with its address: street, city, state, ZIP.", _LOCATION,
    ),
    signature(
        "human_address", "text text text text", "text", _address(0),
        "An address as JSON: street, city, state, ZIP.",
        "human_address('450 Columbus Blvd', 'Hartford', 'CT', '06103')",
    ),
    signature(
        "url", "text text", "url", "(replace({0}, ' ', '%20') || coalesce(' ' || nullif({1}, ''), ''))",
        "A link: address and description.", _LINK,
    ),
    *(
        signature(f"{name}{field}", type_, "number" if field.endswith("tude") else "text", sql, doc,
                  f"{value}{name}{field}" if name == "." else f"{name}{field}({value})")
        for type_, word, value, fields in (
            ("location", "location_", _LOCATION, (
                ("latitude", "{0.lat}", "Degrees north."),
                ("longitude", "{0.lon}", "Degrees east."),
                ("human_address", "{0.address}", "The address, a JSON object."),
            )),
            ("url", "url_", _LINK, (
                ("url", "split_part({0}, ' ', 1)", "The address of the link."),
                ("description", _DESCRIPTION, "The words of the link, null where there are none."),
            )),
        )
        for field, sql, doc in fields
        for name in (".", word)
    ),
    signature(
        "location_latitude", "point", "number", "{0.lat}", "Degrees north, of a point as well.",
        f"location_latitude({_POINT})",
    ),
    signature(
        "location_longitude", "point", "number", "{0.lon}", "Degrees east, of a point as well.",
        f"location_longitude({_POINT})",
    ),
    signature(
        "get_context", "text", "text", "CAST(NULL AS VARCHAR)",
        "A variable of the session. There are none here: always null.", "get_context('user')",
    ),
)  # fmt: skip
