"""How tools/gates.py counts: nothing is lost, nothing is counted as passed that did not run."""

import sys
import threading
import time

import pytest

import gates
from gates import Gate, Result


@pytest.fixture(autouse=True)
def reports(tmp_path, monkeypatch):
    folder = tmp_path / "build" / "test"
    folder.mkdir(parents=True)
    monkeypatch.setattr(gates, "REPORTS", folder)
    monkeypatch.setattr(gates, "REQUIRE_ALL", False)
    return folder


@pytest.fixture
def junit(tmp_path):
    """junit(cases): what is read of a report with these test cases."""

    def of(cases):
        path = tmp_path / "report.xml"
        path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
        return gates.read_junit(path)

    return of


def python(code):
    return [sys.executable, "-c", code]


def test_passed_cases_of_both_tools_are_counted(junit):
    result = junit('<testcase name="unit.base.str" classname="unit.base.str" status="run"/><testcase classname="a.b" name="c"/>')
    assert result == Result(passed=2)


def test_failures_of_pytest_bring_their_text(junit):
    result = junit('<testcase classname="a" name="b"><failure message="m">assert 1 == 2</failure></testcase>')
    assert result.failures == ["a.b"] and "assert 1 == 2" in result.details


def test_errors_of_fixtures_are_failures(junit):
    assert junit('<testcase classname="a" name="b"><error message="m">boom</error></testcase>').failures == ["a.b"]


def test_failures_of_ctest_bring_their_output(junit):
    result = junit('<testcase name="t" classname="t" status="fail"><failure message="Failed"/><system-out>line 7</system-out></testcase>')
    assert result.failures == ["t"] and "line 7" in result.details


def test_skips_keep_their_reason(junit):
    assert junit('<testcase classname="a" name="b"><skipped message="no mvn"/></testcase>').skips == ["a.b: no mvn"]


def test_a_skip_inside_a_cmocka_program_is_a_skip(junit):
    result = junit('<testcase name="t" classname="t" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>')
    assert len(result.skips) == 1 and not result.failures


def test_a_program_that_ctest_cannot_start_is_a_failure(junit):
    result = junit('<testcase name="t" classname="t" status="notrun"><skipped message="Unable to find executable"/></testcase>')
    assert len(result.failures) == 1 and not result.skips


def test_a_run_without_any_test_is_a_failure(reports):
    write = f"open({str(reports / 'r.xml')!r}, 'w').write('<testsuites/>')"
    assert gates.reported("x", python(write), reports / "r.xml").failures == ["x: no tests found"]


def test_a_run_without_a_report_is_a_failure(reports):
    result = gates.reported("x", python("print('died early')"), reports / "r.xml")
    assert len(result.failures) == 1 and "died early" in result.details


def test_an_old_report_does_not_stand_in_for_a_new_one(reports):
    (reports / "r.xml").write_text('<testsuites><testcase name="old"/></testsuites>')
    assert gates.reported("x", python("pass"), reports / "r.xml").passed == 0


def test_a_bad_exit_code_fails_although_all_cases_passed(reports):
    write = f"open({str(reports / 'r.xml')!r}, 'w').write('<testsuites><testcase name=\"a\"/></testsuites>'); exit(3)"
    assert gates.reported("x", python(write), reports / "r.xml").failures == ["x: exit code 3"]


def test_a_command_over_its_time_is_ended_and_fails(reports):
    code, output = gates.run("x", python("import time; print('begun', flush=True); time.sleep(60)"), timeout_s=1)
    assert code != 0 and "begun" in output and "killed after 1 s" in output


def test_the_whole_output_is_in_the_log(reports):
    gates.run("x", python("print('first')"))
    gates.run("x", python("print('second')"))
    assert "first" in (reports / "x.log").read_text() and "second" in (reports / "x.log").read_text()


def test_of_a_failed_build_only_the_compilers_words_are_shown():
    output = (
        "[1/9] Building a.o\nFAILED: b.o\n/usr/bin/cc -c b.c\nb.c:1: error: no\n"
        "1 error generated.\n37 warnings and 1 error generated.\nninja: build stopped\n"
    )
    assert gates.compiler_words(output) == "b.c:1: error: no"


def test_of_a_build_that_failed_with_many_words_the_errors_are_shown():
    output = "a.c:1:9: error: no [check]\n" + "a.c:2: note: taking false branch\n" * 100
    assert gates.compiler_words(output) == "a.c:1:9: error: no [check]"


def test_a_failure_does_not_hide_later_gates():
    total = gates.run_gates([
        Gate("a", "", lambda: Result(passed=1, failures=["one"])),
        Gate("b", "", lambda: Result(passed=2, skips=["no mvn"])),
    ])
    assert total == Result(passed=3, failures=["a: one"], skips=["b: no mvn"])


def test_a_gate_whose_build_failed_is_not_run_and_fails():
    ran = []
    total = gates.run_gates([
        Gate("gcc", "", lambda: Result(failures=["build"])),
        Gate("unit", "", lambda: ran.append(1) or Result(passed=1), ("gcc",)),
    ])
    assert ran == [] and total.passed == 0 and len(total.failures) == 2


def test_a_gate_that_cannot_start_its_command_fails():
    total = gates.run_gates([Gate("a", "", lambda: gates.single("a", ["./no-such-program"]))])
    assert len(total.failures) == 1


def test_where_nothing_may_be_skipped_a_skip_fails(monkeypatch):
    monkeypatch.setattr(gates, "REQUIRE_ALL", True)
    total = gates.run_gates([Gate("a", "", lambda: Result(passed=1, skips=["no mvn"]))])
    assert total.skips == [] and len(total.failures) == 1 and "no mvn" in total.failures[0]


def test_a_chosen_gate_brings_what_it_needs_in_order():
    assert [gate.name for gate in gates.choose(["golden", "format"], gates.GATES)] == ["format", "gcc", "golden"]
    assert gates.choose([], gates.GATES) == gates.GATES


def test_an_unknown_gate_is_refused(capsys):
    assert gates.main(["speed"]) == 2 and "speed" in capsys.readouterr().out


def test_a_second_run_waits_for_the_first(monkeypatch, capsys):
    monkeypatch.setattr(gates, "GATES", [Gate("a", "", lambda: Result(passed=1))])
    first = gates.lock_builds()
    second = threading.Thread(target=gates.main, args=([],))
    second.start()
    time.sleep(0.2)
    assert "waiting" in capsys.readouterr().out
    first.close()
    second.join(10)
    assert "1 passed" in capsys.readouterr().out


@pytest.mark.parametrize("result, code, line", [
    (Result(passed=4), 0, "4 passed, 0 failed, 0 skipped"),
    (Result(passed=4, skips=["no mvn"]), 0, "4 passed, 0 failed, 1 skipped"),
    (Result(passed=4, failures=["x"]), 1, "4 passed, 1 failed, 0 skipped"),
])
def test_the_last_line_counts_and_the_exit_code_agrees(monkeypatch, capsys, result, code, line):
    monkeypatch.setattr(gates, "GATES", [Gate("a", "", lambda: result)])
    assert gates.main([]) == code
    assert capsys.readouterr().out.splitlines()[-1] == line
