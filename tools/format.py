#!/usr/bin/env python3
"""Checks the format of the C sources with clang-format, or puts it right.

    tools/format.py [--fix] [FILE...]    all of src, sdk, tests and bench without files

Releases of clang-format differ in details, so one is the judge. Exit code 3: it is not on this machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["src", "sdk", "tests", "bench"]
RELEASE = "14"
MISSING = 3


def find_formatter() -> str | None:
    for name in (f"clang-format-{RELEASE}", "clang-format"):
        path = shutil.which(name)
        if path:
            version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
            if re.search(rf"version {RELEASE}\.", version.stdout):
                return path
    return None


def all_files() -> list[str]:
    files = (p for folder in FOLDERS for p in (ROOT / folder).rglob("*.[ch]") if "node_modules" not in p.parts)
    return sorted(str(p.relative_to(ROOT)) for p in files)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fix", action="store_true", help="format in place")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    formatter = find_formatter()
    if not formatter:
        print(f"format: no clang-format {RELEASE} on this machine")
        return MISSING
    files = options.files or all_files()
    mode = ["-i"] if options.fix else ["--dry-run", "-Werror"]
    done = subprocess.run([formatter, "--style=file", *mode, *files], cwd=ROOT, check=False)
    print(f"format: {len(files)} files, {'see above: run script/format' if done.returncode else 'all in form'}")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
