#!/usr/bin/env python3
"""Makes src/trace/name_unicode.c: the characters of Unicode categories L, N and Z as ranges.

    tools/unicode_names.py          writes the file
    tools/unicode_names.py --check  fails if it differs, unless this Python has another Unicode
"""
import pathlib
import sys
import unicodedata

TARGET = pathlib.Path(__file__).resolve().parent.parent / "src" / "trace" / "name_unicode.c"

HEAD = """/* Made by tools/unicode_names.py from Unicode {version}; do not edit. */
#include "trace/name_int.h"

/* Letters, numbers and separators (general categories L, N, Z) from U+0080 on: first and last code
 * of each range, ascending. */
// clang-format off
static const struct {{
    int32_t first, last;
}} ranges[] = {{
"""

TAIL = """};
// clang-format on

bool fl_name_char_in_unicode(int32_t code)
{
    size_t low = 0;
    size_t high = sizeof ranges / sizeof ranges[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last) {
            low = middle + 1;
        } else if (code < ranges[middle].first) {
            high = middle;
        } else {
            return true;
        }
    }
    return false;
}
"""


def ranges():
    """Yields (first, last) of every run of characters of categories L, N and Z."""
    first = None
    for code in range(0x80, 0x110001):
        inside = code < 0x110000 and unicodedata.category(chr(code))[0] in "LNZ"
        if inside and first is None:
            first = code
        elif not inside and first is not None:
            yield first, code - 1
            first = None


def text():
    rows = ["{0x%X, 0x%X}" % pair for pair in ranges()]
    lines, line = [], "   "
    for row in rows:
        if len(line) + len(row) + 2 > 100:
            lines.append(line)
            line = "   "
        line += " " + row + ","
    lines.append(line)
    head = HEAD.format(version=unicodedata.unidata_version)
    return head + "\n".join(lines) + "\n" + TAIL


def main():
    if sys.argv[1:] == ["--check"]:
        committed = TARGET.read_text()
        if f"from Unicode {unicodedata.unidata_version};" not in committed:
            print(f"not checked: this Python has Unicode {unicodedata.unidata_version}")
            return 0
        return 0 if committed == text() else f"{TARGET} is not what tools/unicode_names.py makes"
    TARGET.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
