"""The real X-Ray SDK for Python, over UDP; what it sent is caught on the way and compared with what comes back."""

import sys
from pathlib import Path

import pytest

from documents import answered, assert_same_meaning, by_name, get_documents, the_trace

PROGRAM = Path(__file__).with_name("python") / "program.py"


@pytest.fixture
def run(run_sdk):
    """run(scenario, …): runs the program; gives the documents that it sent."""
    return lambda *arguments: run_sdk(sys.executable, PROGRAM, *map(str, arguments))


def test_sdk_with_nothing_configured(run, xray):
    assert_same_meaning(xray, run("defaults"))


def test_patched_libraries(run, xray):
    documents = run("patched_libraries")
    assert_same_meaning(xray, documents)
    back = answered(xray, the_trace(documents)).values()
    assert sorted(document["name"] for document in back) == ["inventory", "inventory", "order-service"]
    entities = by_name(back)
    assert entities["order-service"]["annotations"] == {"order_id": 1234}
    assert entities["order-service"]["user"] == "alice"
    order = entities["process_order"]
    assert order["metadata"] == {"shop": {"cart": {"items": [{"sku": "pen", "price": 1.25}], "note": None}}}
    assert {"127.0.0.1", ":memory:", "validate_inventory"} <= set(by_name([order]))
    inferred = [
        document for document in get_documents(xray, the_trace(documents)) if document.get("inferred")
    ]
    assert ":memory:" in {document["name"] for document in inferred}


def test_exceptions(run, xray):
    documents = run("exceptions")
    assert_same_meaning(xray, documents)
    entities = by_name(answered(xray, the_trace(documents)).values())
    (exception,) = entities["inner"]["cause"]["exceptions"]
    assert (exception["type"], exception["message"]) == ("ValueError", 'no "stock" left: \N{SNOWMAN}\n')
    assert isinstance(entities["outer"]["cause"], (str, dict))
    assert entities["failing"]["fault"] is True


@pytest.mark.parametrize("count", [31, 200])
def test_subsegments_streamed_ahead_of_their_segment(run, xray, count):
    documents = run("streaming", count)
    assert sum(document.get("type") == "subsegment" for document in documents) > 0, "nothing was streamed"
    assert_same_meaning(xray, documents)
    (root,) = answered(xray, the_trace(documents)).values()
    assert [step["annotations"]["number"] for step in root["subsegments"]] == list(range(count))
    assert all(len(step["subsegments"]) == 1 for step in root["subsegments"])


def test_segment_of_60_kb(run, xray):
    documents = run("large", 60_000)
    assert_same_meaning(xray, documents)


def test_one_trace_in_many_segments(run, xray):
    documents = run("one_trace", 100)
    assert len(documents) == 100
    assert_same_meaning(xray, documents)


def test_async_context(run, xray):
    documents = run("asynchronous")
    assert_same_meaning(xray, documents)
    (root,) = answered(xray, the_trace(documents)).values()
    assert sorted(fetch["annotations"]["worker"] for fetch in root["subsegments"]) == list(range(5))
    assert all(fetch["subsegments"][0]["name"] == "parse" for fetch in root["subsegments"])


def test_flask_middleware(run, xray):
    documents = run("flask_service")
    assert_same_meaning(xray, documents)
    (segment,) = answered(xray, "1-5759e988-bd862e3fe1be46a994272793").values()
    assert segment["parent_id"] == "53995c3f42cd8ad8"
    assert (segment["error"], segment["throttle"]) == (True, True)
    assert segment["http"]["response"]["status"] == 429
