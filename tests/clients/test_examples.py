"""Each program of examples/, and the shell lines of the README, as a newcomer runs them."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

from documents import by_name, get_documents
from fluoro import ROOT, wait_until

EXAMPLES = ROOT / "examples"


@pytest.fixture
def run(new_server):
    """run(command): runs an example against a server of its own; gives all documents of its one trace."""
    server = new_server()

    def run(*command):
        environment = {**os.environ, "AWS_XRAY_DAEMON_ADDRESS": server.daemon_address}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, cwd=server.folder
        )
        assert done.returncode == 0, done.stderr
        wait_until(lambda: server.metric("fluoro_segments_stored_total") > 0, "a segment")
        server.stop()  # takes what is still on its way
        server.start()
        xray = server.boto3()
        found = xray.get_trace_summaries(StartTime=0, EndTime=4_000_000_000)["TraceSummaries"]
        (trace_id,) = [summary["Id"] for summary in found]
        if "trace" in done.stdout:
            assert trace_id in done.stdout
        run.stderr = done.stderr
        return get_documents(xray, trace_id)

    run.server = server
    return run


def test_python(run):
    documents = run(sys.executable, EXAMPLES / "python/order_app.py")
    assert run.stderr == ""
    names = [document["name"] for document in documents]
    assert sorted(names) == [":memory:", ":memory:", "inventory-service", "order-service"]
    steps = by_name(documents)
    assert steps["order-service"]["annotations"] == {"customer_tier": "enterprise"}
    assert steps["process_order"]["annotations"] == {"order_id": "order-12345"}
    assert [step["name"] for step in steps["validate_inventory"]["subsegments"]] == ["localhost"]
    assert steps["inventory-service"]["parent_id"] == steps["localhost"]["id"]


def test_node(run, node):
    documents = run(*node, EXAMPLES / "node/order.js")
    assert set(by_name(documents)) == {"order-service", "validate_inventory"}


@pytest.mark.timeout(300)
def test_go(run, go_build):
    documents = run(go_build(EXAMPLES / "go/order.go"))
    assert set(by_name(documents)) == {"order-service", "validate_inventory"}


def test_java(run, java):
    documents = run(*java, EXAMPLES / "java/Order.java")
    assert set(by_name(documents)) == {"order-service", "validate_inventory"}


def test_c(run, program, tmp_path):
    compiler = program("cc")
    subprocess.run(
        [compiler, "-Wall", "-Wextra", "-Werror", "-o", tmp_path / "order", EXAMPLES / "c/order.c"],
        check=True,
    )
    (document,) = run(tmp_path / "order", str(run.server.udp[1]))
    assert document["annotations"] == {"order_id": "order-12345"}


def shell_block(containing):
    """The indented block of the README that contains these words."""
    blocks = re.findall(r"(?:^    .*\n)+", (ROOT / "README.md").read_text(), re.MULTILINE)
    (block,) = [block for block in blocks if containing in block]
    return textwrap.dedent(block)


@pytest.mark.parametrize("tool, words", [("nc", "nc -u"), ("curl", "curl -s")])
def test_lines_of_the_readme(run, program, tool, words):
    program(tool)
    udp, http = run.server.udp[1], run.server.ready["listen"]
    lines = [line for line in shell_block("nc -u").splitlines() if line.startswith("id=")]
    lines += [
        shell_block(words).replace("127.0.0.1 2000", f"127.0.0.1 {udp}").replace("127.0.0.1:2000", http)
    ]
    (document,) = run("bash", "-euc", "\n".join(lines))
    assert document["name"] == "hello"
