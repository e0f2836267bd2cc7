#!/usr/bin/env python3
"""Runs the project's gates in CI order, fastest first: what script/test calls.

    tools/gates.py [--list] [GATE...]

A gate that fails does not hide the ones after it, but for those that need what it builds. Everything
is counted: each test of ctest and pytest, each fuzz target, each other gate as one. The last line is
"N passed, N failed, N skipped"; the exit code is 1 if anything failed. Full output of each command
is in build/test/<gate>.log.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import fuzz

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "test"
BINARY = ROOT / "build" / "release" / "fluoro"
KILL_TEST = "tests/clients/test_kill.py"
CORES = os.cpu_count() or 1

FUZZ_SECONDS = int(os.environ.get("FLUORO_FUZZ_SECONDS", "2"))
REQUIRE_ALL = os.environ.get("FLUORO_REQUIRE_ALL") == "1"
STEP_TIMEOUT_S = 900
SMOKE_SPANS = "20000"
MAX_BINARY_BYTES = 4_000_000
TAIL_LINES = 60
FORMATTER_MISSING = 3
CTEST_SKIP = "SKIP_REGULAR_EXPRESSION_MATCHED"  # what ctest reports where tests/CMakeLists.txt's expression matched

SANITIZERS = {
    "ASAN_OPTIONS": "allocator_may_return_null=1:detect_stack_use_after_return=1:strict_string_checks=1:print_legend=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclass
class Result:
    """What one gate found. details is output worth showing when it failed."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)
    details: str = ""

    def add(self, other: Result) -> None:
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips
        self.details += other.details


@dataclass
class Gate:
    name: str
    title: str
    run: Callable[[], Result]
    needs: tuple[str, ...] = ()


# --- running commands -----------------------------------------------------------------------------


def run(log: str, command: list[str], env: dict[str, str] | None = None, timeout_s: int = STEP_TIMEOUT_S) -> tuple[int, str]:
    """Exit code and output; a command over its time is killed with its children. Appends to the log."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout_s)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += f"\nkilled after {timeout_s} s\n"
        code = 124
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    with (REPORTS / f"{log}.log").open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n{output}\n")
    return code, output


def tail(text: str, lines: int = TAIL_LINES) -> str:
    kept = text.rstrip().splitlines()
    cut = [f"… {len(kept) - lines} lines before"] if len(kept) > lines else []
    return "\n".join([*cut, *kept[-lines:]]) + "\n"


def single(name: str, command: list[str], env: dict[str, str] | None = None) -> Result:
    """A gate of one command."""
    code, output = run(name, command, env)
    return Result(passed=1) if code == 0 else Result(failures=[name], details=tail(output))


def without_aslr() -> list[str]:
    """Prefix of sanitized programs: kernels that randomise over 28 bits leave TSan's shadow no room."""
    prefix = ["setarch", "-R"]
    usable = shutil.which("setarch") and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if usable else []


# --- reports --------------------------------------------------------------------------------------


def case_name(case: ElementTree.Element) -> str:
    folder = case.get("classname") or ""
    name = case.get("name") or "?"
    return name if folder in ("", name) else f"{folder}.{name}"


def read_junit(path: Path) -> Result:
    """Counts the cases of a report. A case that ctest could not start is a failure, not a skip."""
    result = Result()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = case_name(case)
        skipped = case.find("skipped")
        broken = next((e for e in (case.find("failure"), case.find("error")) if e is not None), None)
        reason = (skipped.get("message") if skipped is not None else None) or "no reason given"
        if case.get("status") == "notrun" and reason != CTEST_SKIP:
            result.failures.append(f"{name}: not run: {reason}")
        elif skipped is not None:
            result.skips.append(f"{name}: {reason.replace(CTEST_SKIP, 'cmocka skipped a test of it')}")
        elif broken is not None or case.get("status") == "fail":
            text = (broken.text if broken is not None else None) or case.findtext("system-out") or ""
            result.failures.append(name)
            result.details += f"--- {name}\n{tail(text)}"
        else:
            result.passed += 1
    return result


def reported(name: str, command: list[str], report: Path, env: dict[str, str] | None = None) -> Result:
    """A gate whose command writes a JUnit report. No test at all is a failure."""
    report.unlink(missing_ok=True)
    code, output = run(name, command, env)
    try:
        result = read_junit(report)
    except (OSError, ElementTree.ParseError) as error:
        return Result(failures=[f"{name}: no report: {error}"], details=tail(output))
    if code and not result.failures:
        result.failures.append(f"{name}: exit code {code}")
        result.details += tail(output)
    if not (result.passed or result.failures or result.skips):
        result.failures.append(f"{name}: no tests found")
    return result


# --- the gates ------------------------------------------------------------------------------------


def check_format() -> Result:
    code, output = run("format", [sys.executable, "tools/format.py"])
    if code == FORMATTER_MISSING:
        return Result(skips=[output.strip().removeprefix("format: ")])
    return Result(passed=1) if code == 0 else Result(failures=["format"], details=tail(output))


def compiler_words(output: str) -> str:
    """What compilers said: without ninja's own lines, the commands of failed steps and bare sums; of
    much, the errors alone."""
    lines = output.splitlines()
    needless = re.compile(r"\[|ninja: |FAILED: |\d+ (warning|error)s? .*generated\.$")
    words = [
        line
        for before, line in zip(["", *lines], lines)
        if not needless.match(line) and not before.startswith("FAILED: ")
    ]
    errors = [line for line in words if re.search(r"\berror: |undefined reference", line)]
    return "\n".join(errors if errors and len(words) > TAIL_LINES else words)


def build(name: str, preset: str) -> Result:
    """Configures and builds a preset as far as it goes; one gate."""
    configure = single(name, ["cmake", "--preset", preset])
    if configure.failures:
        return configure
    code, output = run(name, ["cmake", "--build", "--preset", preset, "--", "-k", "0"])
    if code == 0:
        return Result(passed=1)
    return Result(failures=[f"build of preset {preset}"], details=tail(compiler_words(output)))


def tidy() -> Result:
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
    if "version 14." not in version:
        return Result(skips=["no clang-tidy 14 on this machine; other releases check other things"])
    return build("tidy", "tidy")


def ctest(name: str, preset: str, pattern: str) -> Result:
    report = REPORTS / f"{name}.xml"
    command = [
        *without_aslr(), "ctest", "--test-dir", f"build/{preset}", "-j", str(CORES), "-R", pattern,
        "--output-junit", str(report), "--test-output-size-failed", "65536",
    ]
    return reported(name, command, report, SANITIZERS)


def thread_sanitizer() -> Result:
    result = build("tsan", "tsan")
    return result if result.failures else ctest("tsan", "tsan", ".")


def pytest(name: str, *arguments: str) -> Result:
    report = REPORTS / f"{name}.xml"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
        f"--junitxml={report}", *arguments,
    ]
    return reported(name, command, report, {"FLUORO_BINARY": str(BINARY)})


def fuzz_target(target: str) -> Result:
    code, output = run(f"fuzz.{target}", [*without_aslr(), *fuzz.command(target, FUZZ_SECONDS)], fuzz.environment())
    if code == 0:
        return Result(passed=1)
    return Result(failures=[target], details=f"--- {target}\n{tail(output)}")


def fuzz_all() -> Result:
    result = build("fuzz", "fuzz")
    if result.failures:
        return result
    targets = fuzz.targets()
    result = Result(failures=[f"tests/fuzz/corpus/{name} is of no target" for name in fuzz.stray_seeds(targets)])
    if not targets:
        result.failures.append("no targets found")
    with ThreadPoolExecutor(CORES) as pool:
        for one in pool.map(fuzz_target, targets):
            result.add(one)
    return result


def release() -> Result:
    result = build("release", "release")
    if not result.failures and BINARY.stat().st_size > MAX_BINARY_BYTES:
        size = BINARY.stat().st_size
        return Result(failures=[f"build/release/fluoro has {size} bytes, at most {MAX_BINARY_BYTES} are allowed"])
    return result


GATES = [
    Gate("format", "clang-format", check_format),
    Gate("layers", "includes go one way, pure modules stay pure", lambda: single("layers", ["tools/layers.py"])),
    Gate("complexity", "functions stay small", lambda: single("complexity", ["tools/complexity"])),
    Gate("tools", "tests of the tools themselves", lambda: pytest("tools", "tests/tools")),
    Gate("gcc", "build with gcc, ASan and UBSan", lambda: build("gcc", "asan")),
    Gate("clang", "build with clang", lambda: build("clang", "clang")),
    Gate("tidy", "clang-tidy over src", tidy),
    Gate("unit", "unit and property tests under ASan and UBSan", lambda: ctest("unit", "asan", r"^(unit|prop)\."), ("gcc",)),
    Gate("tsan", "net, store, ingest, api and server under TSan", thread_sanitizer),
    Gate("golden", "golden files under ASan and UBSan", lambda: ctest("golden", "asan", r"^golden\."), ("gcc",)),
    Gate("fault", "fault injection under ASan and UBSan", lambda: ctest("fault", "asan", r"^fault\."), ("gcc",)),
    Gate("fuzz", f"fuzz targets, {FUZZ_SECONDS} s each", fuzz_all),
    Gate("release", "release build, size of the binary", release),
    Gate("clients", "real clients against the release binary", lambda: pytest("clients", "tests/clients", f"--ignore={KILL_TEST}"), ("release",)),
    Gate("kill", "kill -9 while segments are acknowledged", lambda: pytest("kill", KILL_TEST), ("release",)),
    Gate("bench", "benchmarks, briefly", lambda: single("bench", ["bench/figures", "--spans", SMOKE_SPANS, "--runs", "1", "--only", "ingest"]), ("release",)),
]


# --- choosing, running, telling ---------------------------------------------------------------------


def choose(names: list[str], gates: list[Gate]) -> list[Gate]:
    """The named gates and what they need, in order; all without names. KeyError for an unknown one."""
    by_name = {gate.name: gate for gate in gates}
    wanted = {need for name in names for need in (name, *by_name[name].needs)}
    return [gate for gate in gates if not names or gate.name in wanted]


def run_gate(gate: Gate, broken: set[str]) -> Result:
    """Runs a gate unless what it needs is broken; an error of the gate itself is its failure."""
    missing = [need for need in gate.needs if need in broken]
    if missing:
        return Result(failures=[f"not run, for {' and '.join(missing)} failed"])
    try:
        result = gate.run()
    except (OSError, subprocess.SubprocessError) as error:
        result = Result(failures=[f"{type(error).__name__}: {error}"])
    if REQUIRE_ALL and result.skips:
        result.failures += [f"{skip} (and nothing may be skipped here)" for skip in result.skips]
        result.skips = []
    return result


def counts(result: Result) -> str:
    return f"{result.passed} passed, {len(result.failures)} failed, {len(result.skips)} skipped"


def run_gates(gates: list[Gate]) -> Result:
    total = Result()
    broken: set[str] = set()
    for gate in gates:
        print(f"== {gate.name}: {gate.title}", flush=True)
        start = time.monotonic()
        result = run_gate(gate, broken)
        if result.failures:
            broken.add(gate.name)
            print(result.details, end="")
        print(f"   {counts(result)}, {time.monotonic() - start:.1f} s", flush=True)
        total.passed += result.passed
        total.failures += [f"{gate.name}: {failure}" for failure in result.failures]
        total.skips += [f"{gate.name}: {skip}" for skip in result.skips]
    return total


def lock_builds() -> TextIO:
    """Keeps other runs out of build/ until the file is closed: two at once would spoil each other's."""
    REPORTS.parent.mkdir(parents=True, exist_ok=True)
    lock = (REPORTS.parent / "test.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("script/test: another run is under way here; waiting for its end", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def main(arguments: list[str]) -> int:
    if arguments == ["--list"]:
        print("\n".join(f"{gate.name:<12}{gate.title}" for gate in GATES))
        return 0
    try:
        gates = choose(arguments, GATES)
    except KeyError as unknown:
        print(f"script/test: no gate {unknown}; see script/test --list")
        return 2
    with lock_builds():
        shutil.rmtree(REPORTS, ignore_errors=True)
        REPORTS.mkdir(parents=True)
        start = time.monotonic()
        total = run_gates(gates)
    print(f"\n{time.monotonic() - start:.0f} s in all; full output in build/test/")
    for skip in total.skips:
        print(f"skipped: {skip}")
    for failure in total.failures:
        print(f"failed: {failure}")
    print(counts(total))
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
