"""The real X-Ray SDKs for Node, Go and Java, over UDP; what they sent is caught on the way and compared
with what comes back."""

import pytest

from conftest import HERE
from documents import answered, assert_same_meaning, by_name, the_trace


@pytest.fixture
def node_program(node):
    return [*node, HERE / "node/program.js"]


@pytest.fixture(scope="session")
def go_program(go_build):
    return [go_build(HERE / "go/main.go")]


@pytest.fixture
def java_program(java):
    return [*java, HERE / "java/Program.java"]


def assert_streamed(run_sdk, xray, command, count):
    """More subsegments than an SDK keeps: what was sent piece by piece is one tree again."""
    documents = run_sdk(*command, "streaming")
    assert sum(document.get("type") == "subsegment" for document in documents) > 0, "nothing was streamed"
    assert_same_meaning(xray, documents)
    (root,) = answered(xray, the_trace(documents)).values()
    numbers = [step["annotations"]["number"] for step in root["subsegments"]]
    assert sorted(numbers) == list(range(count))
    assert all(len(step["subsegments"]) == 1 for step in root["subsegments"])


@pytest.mark.timeout(180)
def test_node_express_and_captured_http(run_sdk, xray, node_program):
    documents = run_sdk(*node_program, "expressService")
    assert_same_meaning(xray, documents)
    order, _, failed = documents
    back = by_name(answered(xray, order["trace_id"]).values())
    assert back["shop"]["annotations"] == {"order": "12345"}
    assert back["shop"]["user"] == "alice"
    assert back["validate_inventory"]["annotations"] == {"express": True}
    (called,) = back["validate_inventory"]["subsegments"]
    assert (called["fault"], called["http"]["response"]["status"]) == (True, 503)
    (back,) = answered(xray, failed["trace_id"]).values()
    assert back["cause"]["exceptions"][0]["message"] == "out of range"


def test_node_streaming(run_sdk, xray, node_program):
    assert_streamed(run_sdk, xray, node_program, 150)


@pytest.mark.timeout(300)
def test_go_client_and_service(run_sdk, xray, go_program):
    documents = run_sdk(*go_program, "httpService")
    assert_same_meaning(xray, documents)
    back = by_name(answered(xray, the_trace(documents)).values())
    assert {"order-service", "process_order", "validate_inventory", "inventory"} <= set(back)
    assert back["process_order"]["annotations"] == {"order_id": 12345}
    assert back["inventory"]["throttle"] is True
    assert back["validate_inventory"]["fault"] is True


def test_go_streaming(run_sdk, xray, go_program):
    assert_streamed(run_sdk, xray, go_program, 50)


@pytest.mark.timeout(180)
def test_java_nested_work(run_sdk, xray, java_program):
    documents = run_sdk(*java_program, "order")
    assert_same_meaning(xray, documents)
    back = by_name(answered(xray, the_trace(documents)).values())
    assert back["process_order"]["annotations"] == {"order_id": 12345, "express": True}
    assert back["payments.internal"]["throttle"] is True
    assert back["process_order"]["cause"]["exceptions"][0]["message"] == "no stock: \N{SNOWMAN}"
    assert back["order-service"]["fault"] is True


def test_java_streaming(run_sdk, xray, java_program):
    assert_streamed(run_sdk, xray, java_program, 250)
