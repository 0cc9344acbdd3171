"""Fonts, colours and table styles of the signed paper. Fonts come from the reportlab wheel and are embedded."""

from __future__ import annotations

from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import TableStyle

REGULAR, BOLD, ITALIC, MONO = "Vera", "VeraBd", "VeraIt", "Vera"
INK, QUIET, LINE, SHADE = HexColor("#1b1f24"), HexColor("#4a5560"), HexColor("#9aa5b1"), HexColor("#eef1f4")

for _name in (REGULAR, BOLD, ITALIC):
    pdfmetrics.registerFont(TTFont(_name, f"{_name}.ttf"))
pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=ITALIC, boldItalic=BOLD)

_GLYPHS = frozenset(pdfmetrics.getFont(REGULAR).face.charToGlyph)


def printable(text: str) -> str:
    """The text with each letter that the embedded font lacks written as its code, since an empty box says nothing."""
    return "".join(letter if ord(letter) in _GLYPHS or letter == "\n" else f"[U+{ord(letter):04X}]" for letter in text)


def _style(name: str, size: float, **more: object) -> ParagraphStyle:
    given = {
        "fontName": REGULAR,
        "bulletFontName": REGULAR,
        "leading": round(size * 1.4, 1),
        "textColor": INK,
        "splitLongWords": 1,
        **more,
    }
    return ParagraphStyle(name, fontSize=size, **given)


STYLES = {
    style.name: style
    for style in (
        _style("over", 9, textColor=QUIET, spaceAfter=10),
        _style("title", 17, fontName=BOLD, leading=22, spaceAfter=4),
        _style("subtitle", 11, textColor=QUIET, spaceAfter=14),
        _style("h1", 13, fontName=BOLD, spaceBefore=14, spaceAfter=6, keepWithNext=1),
        _style("h2", 10, fontName=BOLD, spaceBefore=10, spaceAfter=3, keepWithNext=1),
        _style("h3", 10, fontName=BOLD, spaceBefore=16, spaceAfter=4, keepWithNext=1),
        _style("body", 9, spaceAfter=5),
        _style("note", 7, textColor=QUIET, spaceAfter=2),
        _style("label", 8, fontName=BOLD, textColor=QUIET),
        _style("head", 8, fontName=BOLD),
        _style("cell", 8),
        _style("mono", 7.5, wordWrap="CJK"),
    )
}
OUTLINE = {"h1": 0, "h2": 1}
"""Which headings stand in the outline, and how deep."""

_COMMON = [
    ("FONTNAME", (0, 0), (-1, -1), REGULAR),
    ("TOPPADDING", (0, 0), (-1, -1), 3),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]

FACTS = TableStyle([*_COMMON, ("LEFTPADDING", (0, 0), (0, -1), 0), ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)])
GRID = TableStyle(
    [
        *_COMMON,
        ("BACKGROUND", (0, 0), (-1, 0), SHADE),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("LINEABOVE", (0, 0), (-1, 0), 0.4, LINE),
    ]
)
