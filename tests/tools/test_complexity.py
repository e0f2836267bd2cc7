"""What tools/complexity measures and what tools/complexity.allow lets through."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "complexity"


def function(name, branches=0, lines=0):
    body = "".join(f"    if (x == {i}) {{ return {i}; }}\n" for i in range(branches)) + "    x++;\n" * lines
    return f"int {name}(int x)\n{{\n{body}    return x;\n}}\n"


@pytest.fixture
def run(tmp_path):
    """run(source, allow): exit code and output for one file under src/net."""

    def of(source, allow=""):
        for path, text in {"src/net/a.c": source, "tools/complexity.allow": allow}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        done = subprocess.run([sys.executable, TOOL, tmp_path], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    return of


def test_a_function_at_both_limits_is_fine(run):
    code, output = run(function("busy", branches=14) + function("long_one", lines=76))
    assert (code, output) == (0, "complexity: 2 functions, 0 problems\n")


def test_a_branch_too_many_is_reported(run):
    code, output = run("\n" + function("busy", branches=15))
    assert code == 1 and "src/net/a.c:2: busy has" in output and "cyclomatic complexity 16" in output


def test_a_line_too_many_is_reported(run):
    code, output = run(function("long_one", lines=77))
    assert code == 1 and "long_one has 81 lines" in output


def test_a_reasoned_line_lets_a_function_through(run):
    code, _ = run(function("busy", branches=15), "src/net/a.c busy: mirrors the grammar\n")
    assert code == 0


def test_a_line_without_a_reason_is_reported(run):
    code, output = run(function("busy", branches=15), "src/net/a.c busy\n")
    assert code == 1 and "give a reason" in output


def test_a_line_that_nothing_needs_is_reported(run):
    code, output = run(function("plain"), "# comment\n\nsrc/net/a.c busy: mirrors the grammar\n")
    assert code == 1 and "delete its line" in output
