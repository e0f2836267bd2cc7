"""What is legal is taken and answered, however large: the limits of a document, a call, a trace, a page."""

import os
import re
import time

import pytest

from documents import new_trace_id, segment, text
from fluoro import MIB, wait_until


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


def put_many(server, trace_id, count):
    """Puts so many small segments, one a millisecond, with the ids 1, 2, …; gives their start."""
    start = int(time.time()) - 3600
    with server.connect() as wire:
        for first in range(1, count + 1, 2000):
            documents = [
                f'{{"name":"s{n % 10}","id":"{n:016x}","trace_id":"{trace_id}",'
                f'"start_time":{start + n / 1000:.3f},"end_time":{start + 1 + n / 1000:.3f}}}'
                for n in range(first, min(first + 2000, count + 1))
            ]

            def is_taken(documents=documents):
                answer = wire.post("/TraceSegments", {"TraceSegmentDocuments": documents})
                assert answer.status in (200, 429), answer.body
                return answer.status == 200

            wait_until(is_taken, "segments taken")


def peak_resident_bytes(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def test_paginator_gives_each_segment_of_a_trace_larger_than_the_memory_once(new_server):
    server = new_server("--memory", "16M")
    trace_id, small_id, unknown_id = new_trace_id(), new_trace_id(), new_trace_id()
    put_many(server, trace_id, 20_000)
    put(server, segment(small_id))
    pages = server.boto3().get_paginator("batch_get_traces")
    request = {"TraceIds": [trace_id, unknown_id, small_id]}
    found = pages.paginate(**request).build_full_result()
    assert found["UnprocessedTraceIds"] == [unknown_id]
    ids = [
        entry["Id"] for trace in found["Traces"] if trace["Id"] == trace_id for entry in trace["Segments"]
    ]
    assert len(found["Traces"]) > 2
    assert found["Traces"][-1]["Id"] == small_id
    assert sorted(ids) == [f"{n:016x}" for n in range(1, 20_001)]
    assert {trace["Duration"] for trace in found["Traces"][:-1]} == {20.999}


def test_huge_trace_is_settled_and_read_within_the_memory(new_server):
    server = new_server("--memory", "16M")
    trace_id, count = new_trace_id(), 100_000
    put_many(server, trace_id, count)
    assert peak_resident_bytes(server) < 64 * MIB
    server.stop()  # settles it
    server.start()
    request, times, pages = {"TraceIds": [trace_id]}, bytearray(count + 1), 0
    while True:
        answer = server.post("/Traces", request)
        assert answer.status == 200, answer.body
        for found in re.finditer(rb'{"Id":"([0-9a-f]{16})"', answer.body):
            times[int(found[1], 16)] += 1
        pages += 1
        token = re.search(rb'"NextToken":"([^"]+)"', answer.body)
        if not token:
            break
        request["NextToken"] = token[1].decode()
    assert times[1:] == b"\1" * count
    assert pages > 10
    assert peak_resident_bytes(server) < 64 * MIB
