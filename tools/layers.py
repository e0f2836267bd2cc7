#!/usr/bin/env python3
"""Checks that includes under src/ go one way (docs/ARCHITECTURE.md) and that pure modules stay pure.

    tools/layers.py [ROOT]

Rules
- A file includes headers of its own module, and of other modules only the public header
  <module>/<module>.h (of base: any header that is not private) of a module earlier in the order.
- Private headers end in _int.h. Any other header is the public one or a page of it, that is, the
  public header includes it; or it is what a folder inside a module offers to the module's other
  folders, <module>/<folder>/<folder>.h.
- Headers do not include one another in a circle.
- Pure modules do no I/O, read no clock, start no thread: neither the headers nor the calls for it
  occur in them. Where one is needed all the same, its line says so: /* layers: reason */.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ORDER = [
    "base", "codec", "trace", "filter", "graph", "insight", "sampling", "otel", "bedrock", "net",
    "store", "query", "ingest", "api", "server", "cli",
]
# base is pure but for its clock, files and log, which are passed in; it is not checked here.
PURE = {"codec", "trace", "filter", "graph", "insight", "sampling", "otel", "bedrock"}

IMPURE_HEADERS = re.compile(
    r"^(sys|netinet|arpa|net|linux|curl)/|^(unistd|fcntl|time|pthread|threads|semaphore|signal|poll"
    r"|dirent|netdb|spawn|termios|uv|ini)\.h$"
)
IMPURE_CALLS = re.compile(
    r"\b(v?f?printf|f?puts|f?putc|putchar|perror|f?open|f(read|write|close|gets|scanf)|getenv|setenv"
    r"|s?rand|time|clock|gettimeofday|clock_gettime|localtime(_r)?|gmtime(_r)?"
    r"|fl_log_write|FL_LOG|fl_fs_\w+|fl_clock_(wall|mono|system))\s*\("
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ALLOWED = re.compile(r"/\* layers: \S")
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


@dataclass
class Include:
    line: int
    quoted: bool
    target: str


@dataclass
class Source:
    """One file under src/: its path there, its text, what it includes."""

    path: str
    text: str
    includes: list[Include] = field(default_factory=list)

    @property
    def module(self) -> str:
        return self.path.split("/")[0]


def read_source(src: Path, file: Path) -> Source:
    source = Source(file.relative_to(src).as_posix(), file.read_text(encoding="utf-8"))
    for number, line in enumerate(source.text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            source.includes.append(Include(number, match[1] == '"', match[2]))
    return source


def is_public(header: str) -> bool:
    module, _, name = header.partition("/")
    return name == f"{module}.h" or (module == "base" and not header.endswith("_int.h"))


def is_folder_header(header: str) -> bool:
    """What a folder inside a module offers to the other folders of that module."""
    parts = header.split("/")
    return len(parts) == 3 and parts[2] == f"{parts[1]}.h"


def check_module_include(source: Source, include: Include) -> str | None:
    """What is wrong with including a header of ours, or None."""
    target = include.target.split("/")[0]
    if target == source.module:
        return None
    if not is_public(include.target):
        return (
            f'"{include.target}" is not a public header: include "{target}/{target}.h", '
            "or move what you need there"
        )
    if ORDER.index(target) > ORDER.index(source.module):
        return (
            f"{source.module} stands below {target} in the order and cannot use it: move the shared "
            "part to a module that both may use, or pass it in from the caller"
        )
    return None


def check_includes(source: Source, known: set[str]) -> list[tuple[int, str]]:
    problems = []
    for include in source.includes:
        problem = None
        if include.target.split("/")[0] in ORDER and include.target in known:
            problem = check_module_include(source, include)
        elif include.quoted:
            problem = (
                f'"{include.target}" is no header below src/: write "<module>/<header>.h", '
                "and <…> for those of the system"
            )
        if problem:
            problems.append((include.line, problem))
    return problems


def without_comments_and_text(text: str) -> str:
    """Blanks comments and literals, keeping lines and columns."""
    return COMMENT_OR_TEXT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def check_purity(source: Source) -> list[tuple[int, str]]:
    if source.module not in PURE:
        return []
    lines = source.text.splitlines()
    problems = []
    for include in source.includes:
        if not include.quoted and IMPURE_HEADERS.search(include.target):
            problems.append((include.line, f"<{include.target}>"))
    for number, line in enumerate(without_comments_and_text(source.text).splitlines(), 1):
        for match in IMPURE_CALLS.finditer(line):
            problems.append((number, f"{match[1]}()"))
    return [
        (
            number,
            f"{source.module} is pure, and {what} is I/O, a clock, a thread or the log: take bytes and "
            "time as arguments, return values, or give the reason on the line: /* layers: reason */",
        )
        for number, what in problems
        if not ALLOWED.search(lines[number - 1])
    ]


def check_place(sources: dict[str, Source]) -> list[tuple[str, int, str]]:
    """Files outside the modules, and headers that are neither public, a page of it, nor private."""
    problems = []
    for path, source in sources.items():
        if source.module not in ORDER:
            problems.append((path, 1, f"{source.module} is no module: the order is {' '.join(ORDER)}"))
        elif path.endswith(".h") and not (
            is_public(path) or is_folder_header(path) or path.endswith("_int.h")
        ):
            public = sources.get(f"{source.module}/{source.module}.h")
            if not public or path not in {include.target for include in public.includes}:
                problems.append(
                    (path, 1, f'"{source.module}/{source.module}.h" does not include it, so it is private: '
                              "end its name in _int.h")
                )
    return problems


def find_circles(sources: dict[str, Source]) -> list[tuple[str, int, str]]:
    """One problem for each include that closes a circle of headers."""
    problems: list[tuple[str, int, str]] = []
    state: dict[str, str] = {}

    def visit(path: str, trail: list[str]) -> None:
        state[path] = "open"
        for include in sources[path].includes:
            target = include.target
            if state.get(target) == "open":
                circle = [*trail[trail.index(target):], target]
                problems.append(
                    (path, include.line, f"headers include one another: {' → '.join(circle)}; move what "
                                         "both need to a third")
                )
            elif target in sources and target not in state:
                visit(target, [*trail, target])
        state[path] = "done"

    for path in sorted(sources):
        if path not in state:
            visit(path, [path])
    return problems


def check(root: Path) -> tuple[int, list[str]]:
    """Number of files read and the problems as path:line: text."""
    src = root / "src"
    files = sorted(p for p in src.rglob("*") if p.suffix in (".c", ".h"))
    sources = {source.path: source for source in (read_source(src, file) for file in files)}
    problems = check_place(sources) + find_circles(sources)
    for path, source in sources.items():
        if source.module in ORDER:
            found = check_includes(source, set(sources)) + check_purity(source)
            problems += [(path, line, text) for line, text in found]
    return len(sources), [f"src/{path}:{line}: {text}" for path, line, text in sorted(problems)]


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    count, problems = check(root)
    for problem in problems:
        print(problem)
    print(f"layers: {count} files, {len(problems)} problems")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
