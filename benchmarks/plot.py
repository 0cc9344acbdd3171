"""Cost against size as SVG: lines over two logarithmic axes, drawn without a library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 420, 70, 30, 210, 50
COLOURS = ("#1b6ca8", "#c1440e", "#2d7d46", "#7a4fa3", "#8a6d00", "#555555", "#b0005e", "#008080")
DASHES = ("", "6 3", "2 3", "8 3 2 3")


def svg(lines: Mapping[str, Sequence[tuple[float, float]]], title: str, across: str, up: str) -> str:
    """The picture. Each line is points of size and cost, both above zero; lines differ in colour and in dashes."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return ""
    xs, ys = ([math.log10(point[axis]) for point in points] for axis in (0, 1))
    x_range = math.floor(min(xs)), max(math.ceil(max(xs)), math.floor(min(xs)) + 1)
    y_range = math.floor(min(ys)), max(math.ceil(max(ys)), math.floor(min(ys)) + 1)

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - x_range[0]) / (x_range[1] - x_range[0]) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - y_range[0]) / (y_range[1] - y_range[0]) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif"'
        f' font-size="12"><title>{title}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{title}</text>',
    ]
    parts += [_upright(x(10.0**power), power) for power in range(x_range[0], x_range[1] + 1)]
    parts += [_level(y(10.0**power), power) for power in range(y_range[0], y_range[1] + 1)]
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>')
    parts.append(
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{up}</text>'
    )
    for number, (name, line) in enumerate(lines.items()):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // 2 % len(DASHES)]
        path = " ".join(f"{x(size):.1f},{y(cost):.1f}" for size, cost in sorted(line))
        style = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
        parts.append(f'<polyline points="{path}" {style}/>')
        parts += [f'<circle cx="{x(size):.1f}" cy="{y(cost):.1f}" r="3" fill="{colour}"/>' for size, cost in line]
        key = TOP + 18 * number
        parts.append(f'<line x1="{WIDTH - RIGHT + 12}" x2="{WIDTH - RIGHT + 40}" y1="{key}" y2="{key}" {style}/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 46}" y="{key + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _upright(place: float, power: int) -> str:
    line = f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#dddddd"/>'
    return f'{line}<text x="{place:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_number(power)}</text>'


def _level(place: float, power: int) -> str:
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}" stroke="#dddddd"/>'
    return f'{line}<text x="{LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{_number(power)}</text>'


def _number(power: int) -> str:
    return f"{10.0**power:,.0f}" if power >= 0 else f"{10.0**power:g}"
