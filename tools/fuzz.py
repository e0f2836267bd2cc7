#!/usr/bin/env python3
"""Runs the fuzz targets of build/fuzz: what script/fuzz calls, and script/test for some seconds.

    tools/fuzz.py [TARGET [SECONDS]]    every target, 60 s each, without arguments

Seeds are tests/fuzz/corpus/<target>/; inputs that reach new code are kept in
build/fuzz/corpus/<target>/, inputs that crash in build/fuzz/crashes/.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"
SEEDS = ROOT / "tests" / "fuzz" / "corpus"
SECONDS = 60
INPUT_TIMEOUT_S = 10
RSS_LIMIT_MB = 2048


def targets() -> list[str]:
    """Names of the targets that have sources, without _fuzz."""
    return sorted(p.stem.removesuffix("_fuzz") for p in (ROOT / "tests/fuzz").glob("*/*_fuzz.c"))


def stray_seeds(known: list[str]) -> list[str]:
    """Folders of seeds that no target would read."""
    return sorted(p.name for p in SEEDS.glob("*") if p.name not in known)


def command(target: str, seconds: int) -> list[str]:
    """The command line of a target; makes the folders that it writes to."""
    corpus, crashes = BUILD / "corpus" / target, BUILD / "crashes"
    corpus.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    seeds = SEEDS / target
    return [
        str(BUILD / "tests/fuzz" / f"{target}_fuzz"),
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_TIMEOUT_S}",
        f"-rss_limit_mb={RSS_LIMIT_MB}",
        f"-artifact_prefix={crashes}/{target}-",
        "-print_final_stats=1",
        str(corpus),
        *([str(seeds)] if seeds.is_dir() else []),
    ]


def environment() -> dict[str, str]:
    """Of a target: failing allocations are answered with NULL, as in the program itself."""
    return {**os.environ, "ASAN_OPTIONS": "allocator_may_return_null=1:detect_stack_use_after_return=1"}


def main(arguments: list[str]) -> int:
    known = targets()
    chosen = [name.removesuffix("_fuzz") for name in arguments[:1]] or known
    seconds = int(arguments[1]) if len(arguments) > 1 else SECONDS
    if not known or chosen[0] not in known:
        print(f"fuzz: no such target; there are: {' '.join(known)}")
        return 2
    failed = []
    for target in chosen:
        print(f"== {target}, {seconds} s", flush=True)
        if subprocess.run(command(target, seconds), env=environment(), check=False).returncode:
            failed.append(target)
    print(f"fuzz: {len(chosen) - len(failed)} clean, {len(failed)} failed {' '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
