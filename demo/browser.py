"""A person at a browser without scripts: follows pages, fills in their forms, keeps cookies.

The story uses only what a person could: the forms a page shows, with the fields they have.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from lxml import html

TIMEOUT_S = 120

Value = str | Sequence[str] | Path


class PageError(Exception):
    """A page answered something the story did not expect; the message shows what the page said."""


@dataclass(frozen=True)
class Page:
    """An answered page: its address after redirects, its status, and its document."""

    url: str
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def tree(self) -> Any:
        """The document, parsed."""
        return html.document_fromstring(self.body, base_url=self.url)

    @property
    def words(self) -> str:
        """What the main part of the page says, white space folded."""
        main = self.tree.xpath("//main") or [self.tree]
        return " ".join(main[0].text_content().split())

    def says(self, text: str) -> bool:
        """Whether these words stand on the page."""
        return text.lower() in self.words.lower()

    def links(self, containing: str) -> list[str]:
        """Addresses of links whose address contains this text, made absolute."""
        return [urllib.parse.urljoin(self.url, href) for href in self.tree.xpath("//a/@href") if containing in href]


@dataclass
class Browser:
    """One person's browser, with its own cookies."""

    origin: str
    jar: CookieJar = field(default_factory=CookieJar)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        """Open an address; an error status is an answer like any other."""
        return self._send(urllib.request.Request(self._address(path), headers=dict(headers or {})))  # noqa: S310

    def submit(
        self, page: Page, values: Mapping[str, Value] | None = None, *, press: str = "", action: str = ""
    ) -> Page:
        """Fill in and send a form of the page.

        The form is the one in the main part of the page with a button that says `press` and whose address contains
        `action`; hidden fields and defaults go along. Raises `PageError` if there is no such form or field.
        """
        form, button = _find_form(page, press, action)
        pairs = _fill(form, button, dict(values or {}), page)
        target = urllib.parse.urljoin(page.url, button.get("formaction") or form.get("action") or page.url)
        if form.method == "GET":
            return self.get(target + "?" + urllib.parse.urlencode([(n, str(v)) for n, v in pairs]))
        body, content_type = _encode(pairs)
        request = urllib.request.Request(target, data=body, headers={"Content-Type": content_type, "Referer": page.url})  # noqa: S310
        return self._send(request)

    def _address(self, path: str) -> str:
        return urllib.parse.urljoin(self.origin + "/", path)

    def _send(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return Page(answer.url, answer.status, answer.read(), dict(answer.headers.items()))
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.url or request.full_url, error.code, error.read(), dict(error.headers.items()))


def _find_form(page: Page, press: str, action: str) -> tuple[Any, Any]:
    for form in page.tree.xpath("//main//form"):
        if action and action not in (form.get("action") or page.url):
            continue
        for button in form.xpath(".//button | .//input[@type='submit']"):
            says = " ".join((button.text_content() or button.get("value") or "").split())
            if press.lower() in says.lower() or press.lower() in (button.get("value") or "").lower():
                return form, button
    raise PageError(
        f"{page.url} ({page.status}) has no form to press {press!r} {action!r}; it says: {page.words[:600]}"
    )


def _fill(form: Any, button: Any, values: dict[str, Value], page: Page) -> list[tuple[str, Value]]:
    names = {element.name for element in form.inputs if element.name}
    unknown = sorted(set(values) - names)
    if unknown:
        raise PageError(f"the form on {page.url} has no field {unknown}; it has {sorted(names)}")
    areas = {element.name for element in form.inputs if element.tag == "textarea"}
    pairs: list[tuple[str, Value]] = [
        (n, re.sub(r"\A\r?\n", "", v) if n in areas else v)  # a browser drops the newline that opens a text area
        for n, v in form.form_values()
        if n not in values
    ]
    if button.get("name") and button.get("name") not in values:
        pairs = [(n, v) for n, v in pairs if n != button.get("name")]
        pairs.append((button.get("name"), button.get("value") or ""))
    for name, value in values.items():
        many = [value] if isinstance(value, str | Path) else list(value)
        pairs.extend((name, one) for one in many)
    return pairs


def _encode(pairs: Sequence[tuple[str, Value]]) -> tuple[bytes, str]:
    if not any(isinstance(value, Path) for _, value in pairs):
        return urllib.parse.urlencode([(n, str(v)) for n, v in pairs]).encode(), "application/x-www-form-urlencoded"
    boundary = uuid.uuid4().hex
    parts = [_part(boundary, name, value) for name, value in pairs]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _part(boundary: str, name: str, value: Value) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
    if isinstance(value, Path):
        head += f'; filename="{value.name}"\r\nContent-Type: text/csv'
        return f"{head}\r\n\r\n".encode() + value.read_bytes() + b"\r\n"
    return f"{head}\r\n\r\n{value}\r\n".encode()
