#!/usr/bin/env python3
"""Draws coloured terminal output as an SVG picture, for the README.

    fluoro trace latest --color always --width 110 | tools/terminal_svg.py TITLE > docs/img/waterfall.svg

Only what fluoro's own output uses is understood: SGR sequences for bold, dim and colours.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from xml.sax.saxutils import escape

CELL_W, LINE_H, FONT = 8.0, 17, 13
MARGIN, BAR = 16, 34
COLOURS = {31: "#f07178", 32: "#9ece6a", 33: "#e0af68", 35: "#bb9af7", 36: "#7dcfff", 91: "#ff7b85", 92: "#b9f27c",
           93: "#ffc777", 95: "#d4b8ff", 96: "#a4e8ff"}
PLAIN, DIM, BACK = "#c8d3f5", "#7a88b8", "#1b1e2e"


def cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def runs(line: str):
    """(column, text, colour, bold) of each piece of a line."""
    column, colour, bold = 0, PLAIN, False
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if not part.startswith("\x1b"):
            if part.strip():
                yield column, part, colour, bold
            column += cells(part)
            continue
        for code in (int(c or 0) for c in part[2:-1].split(";")):
            if code == 0:
                colour, bold = PLAIN, False
            elif code == 1:
                bold = True
            elif code == 2:
                colour = DIM
            elif code in COLOURS:
                colour = COLOURS[code]


def bars(column: int, text: str, colour: str, top: float):
    """Block characters as rectangles: fonts leave gaps between them."""
    shapes = {"█": (0, 1, 0.15, 0.7), "▌": (0, 0.5, 0.15, 0.7), "▐": (0.5, 1, 0.15, 0.7),
              "━": (0, 1, 0.43, 0.14), "╸": (0, 0.5, 0.43, 0.14), "╺": (0.5, 1, 0.43, 0.14)}
    at, rest = column, ""
    for char in text:
        if char in shapes:
            left, right, down, height = shapes[char]
            x = MARGIN + (at + left) * CELL_W
            yield (f'<rect x="{x:.1f}" y="{top + down * LINE_H:.1f}" width="{(right - left) * CELL_W:.1f}" '
                   f'height="{height * LINE_H:.1f}" fill="{colour}"/>')
            rest += " "
        else:
            rest += char
        at += cells(char)
    if rest.strip():
        skipped = len(rest) - len(rest.lstrip())
        yield (f'<text x="{MARGIN + (column + skipped) * CELL_W:.1f}" y="{top + 13:.1f}" fill="{colour}" '
               f'textLength="{cells(rest.strip()) * CELL_W:.1f}" lengthAdjust="spacingAndGlyphs">{escape(rest.strip())}</text>')


def draw(lines: list[str], title: str) -> str:
    width = max((cells(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines), default=0)
    w, h = width * CELL_W + 2 * MARGIN, len(lines) * LINE_H + BAR + MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h:.0f}" width="{w:.0f}" role="img" '
           f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT}" xml:space="preserve">',
           f"<title>{escape(title)}</title>",
           f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
           *(f'<circle cx="{18 + 18 * i}" cy="16" r="5.5" fill="{c}"/>' for i, c in enumerate(("#ff5f57", "#febc2e", "#28c840"))),
           f'<text x="{w / 2:.0f}" y="20" fill="{DIM}" text-anchor="middle">{escape(title)}</text>']
    for row, line in enumerate(lines):
        for column, text, colour, bold in runs(line):
            group = "".join(bars(column, text, colour, BAR + row * LINE_H))
            out.append(f'<g font-weight="bold">{group}</g>' if bold else group)
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(draw(sys.stdin.read().rstrip("\n").split("\n"), " ".join(sys.argv[1:]) or "fluoro"))
