"""What is legal is taken and answered, however large: the limits of a document, a call, a trace, a page."""

import os

import pytest

from documents import new_trace_id, segment, text
from fluoro import MIB


def large(trace_id, start=None, size=900_000):
    """A document of about so many bytes that does not compress well."""
    return segment(trace_id, start, metadata={"default": {"x": os.urandom(size // 2).hex()}})


def put(server, *documents):
    answer = server.post(
        "/TraceSegments", {"TraceSegmentDocuments": [text(document) for document in documents]}
    )
    assert (answer.status, answer.json()) == (200, {"UnprocessedTraceSegments": []})


def test_call_with_16_mib_of_documents_is_taken(new_server):
    put(new_server(), *(large(new_trace_id(), size=MIB - 2000) for _ in range(15)))


def test_largest_document_is_taken_with_the_smallest_memory(new_server):
    server = new_server("--memory", "16M")
    document = large(new_trace_id(), size=MIB - 2000)
    put(server, document)
    answer = server.post("/Traces", {"TraceIds": [document["trace_id"]]})
    assert answer.json()["Traces"][0]["Segments"][0]["Id"] == document["id"]


@pytest.mark.parametrize("count", [30, 90])
def test_trace_that_is_too_large_for_one_answer_goes_on_in_the_next(new_server, count):
    server = new_server()
    trace_id = new_trace_id()
    documents = [large(trace_id) for _ in range(count)]
    for start in range(0, count, 10):
        put(server, *documents[start : start + 10])
    request, found, durations = {"TraceIds": [trace_id]}, [], set()
    while True:
        answer = server.post("/Traces", request)
        assert answer.status == 200, answer.body
        (trace,) = answer.json()["Traces"]
        assert answer.json()["UnprocessedTraceIds"] == []
        found += [entry["Id"] for entry in trace["Segments"]]
        durations.add(trace["Duration"])
        if "NextToken" not in answer.json():
            break
        request["NextToken"] = answer.json()["NextToken"]
    assert sorted(found) == sorted(document["id"] for document in documents)
    assert len(durations) == 1


def test_summaries_of_large_traces_are_listed(new_server, era):
    server = new_server()
    trace_ids = [new_trace_id(era + i) for i in range(100)]
    for start in range(0, 100, 10):
        put(server, *(large(trace_ids[i], era + i) for i in range(start, start + 10)))
    request, found = {"StartTime": era, "EndTime": era + 100}, []
    while True:
        answer = server.post("/TraceSummaries", request)
        assert answer.status == 200, answer.body
        found += [summary["Id"] for summary in answer.json()["TraceSummaries"]]
        if "NextToken" not in answer.json():
            break
        request["NextToken"] = answer.json()["NextToken"]
    assert found == trace_ids[::-1]
