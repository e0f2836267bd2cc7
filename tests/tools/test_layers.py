"""What tools/layers.py lets through and what it reports."""

import pytest

import layers

BASE = {"base/base.h": '#include "base/text.h"\n', "base/text.h": "#include <stddef.h>\n"}


@pytest.fixture
def problems(tmp_path):
    """problems({path: text}): what is reported of these files and a small base, as path:line: text."""

    def of(files):
        for path, text in {**BASE, **files}.items():
            file = tmp_path / "src" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return layers.check(tmp_path)[1]

    return of


def test_public_headers_of_earlier_modules_are_fine(problems):
    assert problems({
        "codec/codec.h": '#include "base/base.h"\n',
        "store/store.h": '#include "base/text.h"\n#include "codec/codec.h"\n',
        "store/local/log_int.h": '#include "store/store.h"\n',
        "store/local/log.c": '#include <unistd.h>\n\n#include "store/local/log_int.h"\n',
    }) == []


def test_a_later_module_is_out_of_reach(problems):
    [problem] = problems({
        "net/net.h": '\n#include "store/store.h"\n',
        "store/store.h": "",
    })
    assert problem.startswith("src/net/net.h:2: net stands below store in the order")


def test_another_modules_private_header_is_out_of_reach(problems):
    [problem] = problems({
        "net/net.h": "",
        "net/http_int.h": "",
        "api/routes.c": '#include "net/http_int.h"\n',
    })
    assert "src/api/routes.c:1:" in problem and 'include "net/net.h"' in problem


def test_a_page_of_the_public_header_is_for_its_module_only(problems):
    [problem] = problems({
        "trace/trace.h": '#include "trace/segment.h"\n',
        "trace/segment.h": "",
        "trace/parse.c": '#include "trace/segment.h"\n',
        "store/log.c": '#include "trace/segment.h"\n',
    })
    assert problem.startswith("src/store/log.c:1:")


def test_bases_private_headers_are_out_of_reach(problems):
    [problem] = problems({"base/chunk_int.h": "", "codec/hex.c": '#include "base/chunk_int.h"\n'})
    assert problem.startswith("src/codec/hex.c:1:")


def test_a_header_that_is_not_public_must_say_so_in_its_name(problems):
    [problem] = problems({"net/net.h": "", "net/timer.h": "", "net/timer.c": '#include "net/timer.h"\n'})
    assert problem.startswith("src/net/timer.h:1:") and "_int.h" in problem


def test_quoted_includes_name_the_module(problems):
    [problem] = problems({"net/net.h": "", "net/a_int.h": "", "net/a.c": '#include "a_int.h"\n'})
    assert problem.startswith("src/net/a.c:1:") and '"<module>/<header>.h"' in problem


def test_headers_in_a_circle_are_reported_once(problems):
    [problem] = problems({
        "net/net.h": '#include "net/a_int.h"\n',
        "net/a_int.h": '#include "net/b_int.h"\n',
        "net/b_int.h": '#include "net/net.h"\n',
    })
    assert "headers include one another: " in problem and problem.count(" → ") == 3


def test_a_folder_that_is_no_module_is_reported(problems):
    [problem] = problems({"util/misc.c": ""})
    assert problem.startswith("src/util/misc.c:1: util is no module")


@pytest.mark.parametrize("header", ["unistd.h", "time.h", "pthread.h", "sys/socket.h", "uv.h"])
def test_pure_modules_do_not_include_io(problems, header):
    text = f"#include <{header}>\n"
    [problem] = problems({"codec/hex.c": text, "store/log.c": text})
    assert problem.startswith("src/codec/hex.c:1: codec is pure")


@pytest.mark.parametrize("call", ["printf(x)", "fopen (x)", "time(NULL)", "fl_fs_read_all(fs)", "getenv(x)"])
def test_pure_modules_do_not_call_io(problems, call):
    [problem] = problems({"trace/id.c": f"\n{call};\n"})
    assert problem.startswith("src/trace/id.c:2: trace is pure")


@pytest.mark.parametrize("line", [
    "snprintf(to, n, format);",
    "segment_start_time(x);",
    "/* printf(x) */",
    'char *help = "time(NULL)";',
    "int c = '\"'; /* fopen(x) */",
    "printf(x); /* layers: the one place that prints */",
])
def test_what_only_looks_like_io_is_fine(problems, line):
    assert problems({"trace/id.c": f"{line}\n"}) == []


def test_an_empty_tree_is_a_failure(tmp_path):
    assert layers.main([str(tmp_path)]) == 1


def test_a_folder_of_a_module_offers_one_header_to_its_neighbours_only(problems):
    sources = {
        "store/store.h": "",
        "store/part/part.h": "",
        "store/local/live.c": '#include "store/part/part.h"\n',
    }
    assert problems(sources) == []
    [problem] = problems({**sources, "query/page.c": '#include "store/part/part.h"\n'})
    assert "not a public header" in problem
