"""HTTP/1.1 byte by byte, as no client library would send it; error wire forms; /healthz and /metrics."""

import gzip
import json
import threading
import time
import uuid
import zlib

import pytest

from documents import assert_same_meaning, get_trace, new_trace_id, segment, text
from fluoro import MIB, request_bytes

MAX_BODY = 16 * MIB


def put_body(*documents):
    return json.dumps({"TraceSegmentDocuments": [text(document) for document in documents]}).encode()


def chunked(body, sizes):
    """Body in chunks of these sizes, over and over."""
    out, i = [], 0
    while body:
        size = sizes[i % len(sizes)]
        piece, body = body[:size], body[size:]
        out.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        i += 1
    return b"".join(out) + b"0\r\n\r\n"


def head(path="/TraceSegments", *headers, method="POST"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def assert_error(answer, status, code, words=""):
    """The wire form that satisfies every client (api.md §1.5)."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-errortype"] == code
    uuid.UUID(answer.headers["x-amzn-requestid"])
    body = answer.json()
    assert body["__type"] == code
    assert body["Message"] == body["message"] and words in body["message"] != ""


def assert_stored(answer, xray, *documents):
    assert answer.status == 200, answer.body
    assert answer.json() == {"UnprocessedTraceSegments": []}
    assert_same_meaning(xray, documents)


# ---- Bodies


@pytest.mark.parametrize("sizes", [(1,), (7, 1, 300), (1_000_000,)])
def test_chunked_body(server, xray, sizes):
    document = segment()
    with server.connect() as wire:
        wire.send(head("/TraceSegments", "Transfer-Encoding: chunked") + chunked(put_body(document), sizes))
        assert_stored(wire.read_answer(), xray, document)


def test_chunks_with_extensions_and_trailers(server, xray):
    document = segment()
    body = put_body(document)
    with server.connect() as wire:
        wire.send(head("/TraceSegments", "Transfer-Encoding: chunked"))
        wire.send(b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(body), body))
        assert_stored(wire.read_answer(), xray, document)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_gzip_body(server, xray, framing):
    document = segment(metadata={"default": {"x": "x" * 100_000}})
    body = gzip.compress(put_body(document))
    with server.connect() as wire:
        if framing == "length":
            wire.send(request_bytes("/TraceSegments", body, ["Content-Encoding: gzip"]))
        else:
            wire.send(head("/TraceSegments", "Content-Encoding: gzip", "Transfer-Encoding: chunked"))
            wire.send(chunked(body, (11, 100)))
        assert_stored(wire.read_answer(), xray, document)


@pytest.mark.parametrize("damage", ["cut", "flipped", "plain"])
def test_damaged_gzip_body_is_refused(server, damage):
    body = gzip.compress(put_body(segment()))
    damaged = {"cut": body[:-9], "flipped": body[:20] + bytes([body[20] ^ 0xFF]) + body[21:], "plain": b"{}"}[
        damage
    ]
    answer = server.post("/TraceSegments", damaged, ["Content-Encoding: gzip"])
    assert answer.status == 400


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-amz-json-1.1", "application/json; charset=utf-8"]
)
def test_any_content_type_is_taken(server, xray, content_type):
    document = segment()
    headers = [f"Content-Type: {content_type}"] if content_type else []
    assert_stored(server.post("/TraceSegments", put_body(document), headers), xray, document)


def test_request_split_at_every_byte(server, xray):
    document = segment()
    request = request_bytes("/TraceSegments", put_body(document))
    with server.connect() as wire:
        for byte in request:
            wire.send(bytes([byte]))
        assert_stored(wire.read_answer(), xray, document)
        for cut in range(1, len(request)):
            wire.send(request[:cut])
            time.sleep(0.0005)
            wire.send(request[cut:])
            assert wire.read_answer().status == 200


def test_pipelined_requests_are_answered_in_order(server, xray):
    wanted = [new_trace_id() for _ in range(50)]
    document = segment()
    requests = [request_bytes("/Traces", {"TraceIds": [trace_id]}) for trace_id in wanted]
    requests[20:20] = [request_bytes("/TraceSegments", put_body(document))]
    requests[40:40] = [head("/healthz", method="GET"), request_bytes("/NoSuchPath", b"{}")]
    with server.connect() as wire:
        wire.send(b"".join(requests))
        answers = [wire.read_answer() for _ in requests]
    assert [answer.status for answer in answers[40:42]] == [200, 404]
    assert_stored(answers[20], xray, document)
    order = [
        answer.json()["UnprocessedTraceIds"] for answer in answers if b"UnprocessedTraceIds" in answer.body
    ]
    assert order == [[trace_id] for trace_id in wanted]


def test_connection_is_kept_alive(server):
    with server.connect() as wire:
        for _ in range(100):
            assert wire.post("/TraceSegments", put_body()).status == 200
        assert wire.post("/TraceSegments", b"not json").status == 400
        assert wire.post("/TraceSegments", put_body()).status == 200


def test_connection_close_is_honoured(server):
    with server.connect() as wire:
        assert wire.post("/TraceSegments", put_body(), ["Connection: close"]).status == 200
        assert wire.is_closed_by_server()


def test_http_1_0_is_answered_and_closed(server):
    with server.connect() as wire:
        wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert wire.read_answer().status == 200
        assert wire.is_closed_by_server()


def test_expect_100_continue(server, xray):
    document = segment()
    body = put_body(document)
    with server.connect() as wire:
        wire.send(head("/TraceSegments", f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert wire.read_answer().status == 100
        wire.send(body)
        assert_stored(wire.read_answer(), xray, document)


# ---- Truncated, oversize, malformed


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_truncated_request_stores_nothing(server, xray, part):
    document = segment()
    request = request_bytes("/TraceSegments", put_body(document))
    with server.connect() as wire:
        wire.send(request[: int(len(request) * part)])
    with server.connect() as wire:
        wire.send(
            head("/TraceSegments", "Transfer-Encoding: chunked") + chunked(put_body(document), (9,))[:-3]
        )
    assert server.post("/TraceSegments", put_body()).status == 200
    assert get_trace(xray, document["trace_id"]) is None


def test_body_of_16_mib_is_taken_and_one_byte_more_is_not(server, xray):
    document = segment()
    body = put_body(document)
    answer = server.post("/TraceSegments", body + b" " * (MAX_BODY - len(body)))
    assert_stored(answer, xray, document)
    with server.connect() as wire:
        wire.send(head("/TraceSegments", f"Content-Length: {MAX_BODY + 1}", "Expect: 100-continue"))
        answer = wire.read_answer()
        assert_error(answer, 413, "RequestEntityTooLargeException")
        assert wire.is_closed_by_server()


def test_oversize_chunked_body_is_refused(server):
    with server.connect() as wire:
        wire.send(head("/TraceSegments", "Transfer-Encoding: chunked"))
        piece = b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
        try:
            for _ in range(17):
                wire.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            assert wire.read_answer().status == 413
        except EOFError:
            pytest.fail("the answer was lost: the server must read on for a while before it closes")


def test_gzip_bomb_is_refused(server):
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join(packer.compress(b" " * MIB) for _ in range(64)) + packer.flush()
    assert len(body) < 100_000
    assert server.post("/TraceSegments", body, ["Content-Encoding: gzip"]).status == 413


def post_head(*headers):
    return head("/TraceSegments", *headers)


MALFORMED = {
    "no HTTP": (b"garbage\r\n\r\n", 400),
    "method alone": (b"POST\r\n\r\n", 400),
    "version 9.9": (b"POST /TraceSegments HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "no method of HTTP": (head(method="BREW"), 400),
    "length is no number": (post_head("Content-Length: x"), 400),
    "length below 0": (post_head("Content-Length: -1"), 400),
    "two lengths": (post_head("Content-Length: 2", "Content-Length: 3") + b"{}", 400),
    "length beyond 64 bits": (post_head("Content-Length: 99999999999999999999"), 400),
    "length and chunks": (post_head("Content-Length: 2", "Transfer-Encoding: chunked") + b"{}", 400),
    "chunk size is no number": (post_head("Transfer-Encoding: chunked") + b"zz\r\n", 400),
    "header without colon": (post_head("No colon"), 400),
    "long header": (head("/healthz", "X: " + "x" * 33 * 1024, method="GET"), 431),
    "long path": (head("/" + "x" * 33 * 1024, method="GET"), 431),
    "many headers": (head("/healthz", *["A: b"] * 6000, method="GET"), 431),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_request_is_refused_and_closed(server, case):
    request, status = MALFORMED[case]
    with server.connect() as wire:
        wire.send(request)
        answer = wire.read_answer()
        assert answer.status == status
        uuid.UUID(answer.headers["x-amzn-requestid"])
        assert wire.is_closed_by_server()
    assert server.post("/TraceSegments", put_body()).status == 200


def test_header_below_the_limit_is_taken(server):
    answer = server.post("/TraceSegments", put_body(), ["X-Long: " + "x" * 30 * 1024])
    assert answer.status == 200


# ---- Error forms


@pytest.mark.parametrize(
    "path, body, code",
    [
        ("/TraceSegments", b"", "ValidationException"),
        ("/TraceSegments", b"not json", "SerializationException"),
        ("/TraceSegments", b'{"TraceSegmentDocuments": ["cut', "SerializationException"),
        ("/TraceSegments", b"[]", "SerializationException"),
        ("/TraceSegments", b'"text"', "SerializationException"),
        ("/TraceSegments", {"TraceSegmentDocuments": "text"}, "SerializationException"),
        ("/TraceSegments", {"TraceSegmentDocuments": [{"id": "an object"}]}, "SerializationException"),
        ("/TraceSegments", {}, "ValidationException"),
        ("/TraceSegments", {"TraceSegmentDocuments": None}, "ValidationException"),
        ("/TraceSegments", {"tracesegmentdocuments": []}, "ValidationException"),
        ("/Traces", {}, "ValidationException"),
        ("/Traces", {"TraceIds": "1-5759e988-bd862e3fe1be46a994272793"}, "SerializationException"),
        ("/Traces", {"TraceIds": [1]}, "SerializationException"),
        ("/Traces", {"TraceIds": [""]}, "ValidationException"),
        ("/Traces", {"TraceIds": ["x" * 36]}, "ValidationException"),
        ("/Traces", {"TraceIds": [], "NextToken": 1}, "SerializationException"),
        ("/TelemetryRecords", {}, "ValidationException"),
        ("/TelemetryRecords", {"TelemetryRecords": [{}]}, "ValidationException"),
        ("/TelemetryRecords", {"TelemetryRecords": [1]}, "SerializationException"),
        ("/TelemetryRecords", {"TelemetryRecords": [{"Timestamp": 1, "SegmentsSentCount": "1"}]}, "SerializationException"),
        ("/TelemetryRecords", {"TelemetryRecords": [], "EC2InstanceId": "i" * 21}, "ValidationException"),
        ("/TelemetryRecords", {"TelemetryRecords": [], "ResourceARN": "a" * 501}, "ValidationException"),
        ("/TraceSummaries", {}, "ValidationException"),
        ("/TraceSummaries", {"StartTime": 1}, "ValidationException"),
        ("/TraceSummaries", {"StartTime": {}, "EndTime": 2}, "SerializationException"),
        ("/TraceSummaries", {"StartTime": 1, "EndTime": 2, "TimeRangeType": "Sometimes"}, "ValidationException"),
        ("/TraceSummaries", {"StartTime": 1, "EndTime": 2, "Sampling": "yes"}, "SerializationException"),
        ("/TraceSummaries", {"StartTime": 1, "EndTime": 2, "SamplingStrategy": {"Name": "Some"}}, "ValidationException"),
        ("/TraceSummaries", {"StartTime": 2, "EndTime": 1}, "InvalidRequestException"),
        ("/TraceSummaries", {"StartTime": 1, "EndTime": 2, "FilterExpression": ""}, "InvalidRequestException"),
        ("/TraceSummaries", {"StartTime": 1, "EndTime": 2, "FilterExpression": "ok"}, "InvalidRequestException"),
        ("/TraceSummaries", {"StartTime": 1, "EndTime": 2, "NextToken": "made up"}, "InvalidRequestException"),
    ],
)  # fmt: skip
def test_bad_argument(server, path, body, code):
    assert_error(server.post(path, body), 400, code)


def test_unknown_members_are_ignored_and_null_means_missing(server, era):
    body = {
        "StartTime": era,
        "EndTime": era + 1,
        "NextToken": None,
        "FilterExpression": None,
        "Unknown": {"a": []},
    }
    answer = server.post("/TraceSummaries", body)
    assert answer.status == 200
    assert answer.json()["TraceSummaries"] == []


def test_times_may_be_iso_8601_text(server, xray, era):
    document = segment(new_trace_id(era), era)
    assert_stored(server.post("/TraceSegments", put_body(document)), xray, document)
    spell = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(era + offset)) for offset in (0, 1)]
    answer = server.post("/TraceSummaries", {"StartTime": spell[0], "EndTime": spell[1]})
    assert [summary["Id"] for summary in answer.json()["TraceSummaries"]] == [document["trace_id"]]


def test_answers_spell_numbers_as_every_client_reads_them(server, era):
    document = segment(new_trace_id(era), era, http={"response": {"status": 200}})
    assert server.post("/TraceSegments", put_body(document)).status == 200
    answer = server.post("/TraceSummaries", {"StartTime": era, "EndTime": era + 1})
    exact = json.loads(answer.body, parse_float=lambda spelling: ("float", spelling))
    (summary,) = exact["TraceSummaries"]
    assert exact["TracesProcessedCount"] == 1  # an integer: no fraction, no exponent
    assert (summary["Revision"], summary["Http"]["HttpStatus"]) == (1, 200)
    assert "NextToken" not in exact
    assert None not in summary.values()


@pytest.mark.parametrize("path", ["/", "/traces", "/TraceSegments/", "/Groups", "/x?y"])
def test_unknown_path(server, path):
    assert_error(server.post(path, b"{}"), 404, "UnknownOperationException")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_wrong_method(server, method):
    with server.connect() as wire:
        wire.send(head("/TraceSegments", "Content-Length: 0", method=method))
        assert_error(wire.read_answer(), 405, "UnknownOperationException")


@pytest.mark.parametrize(
    "path, body",
    [
        ("/TraceSegments", put_body()),
        ("/TelemetryRecords", {"TelemetryRecords": []}),
        ("/Traces", {"TraceIds": ["1-5759e988-bd862e3fe1be46a994272793"]}),
    ],
)
def test_answer_has_json_type_and_request_id(server, path, body):
    answers = [server.post(path, body) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    assert len({uuid.UUID(answer.headers["x-amzn-requestid"]) for answer in answers}) == 2
    assert isinstance(answers[0].json(), dict)


# ---- Slow clients


def test_slow_senders_hold_up_nobody(server, xray):
    document = segment()
    request = request_bytes("/TraceSegments", put_body(document))
    slow = [server.connect() for _ in range(40)]
    try:
        for i, wire in enumerate(slow):
            wire.send(request[: 1 + i * len(request) // 41])
        started = time.monotonic()
        for _ in range(20):
            assert server.post("/TraceSegments", put_body()).status == 200
        assert time.monotonic() - started < 5  # far below the time-outs of 10 s and more
        for i, wire in enumerate(slow):
            wire.send(request[1 + i * len(request) // 41 :])
            assert_stored(wire.read_answer(), xray, document)
    finally:
        for wire in slow:
            wire.socket.close()


def test_client_that_reads_no_answers_holds_up_nobody(server, xray):
    document = segment(metadata={"default": {"x": "x" * 500_000}})
    assert server.post("/TraceSegments", put_body(document)).status == 200
    with server.connect() as wire:
        wire.send(request_bytes("/Traces", {"TraceIds": [document["trace_id"]]}) * 40)
        started = time.monotonic()
        for _ in range(20):
            assert server.post("/TraceSegments", put_body()).status == 200
        assert time.monotonic() - started < 5
        for _ in range(40):
            assert wire.read_answer().json()["Traces"][0]["Id"] == document["trace_id"]


def test_many_clients_at_once(server, xray):
    documents = [[segment() for _ in range(25)] for _ in range(8)]
    failures = []

    def send(own):
        with server.connect() as wire:
            failures.extend(
                document for document in own if wire.post("/TraceSegments", put_body(document)).status != 200
            )

    threads = [threading.Thread(target=send, args=(own,)) for own in documents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert_same_meaning(xray, [document for own in documents for document in own])


# ---- Own endpoints


def test_healthz(server):
    with server.connect() as wire:
        wire.send(head("/healthz", method="GET"))
        assert wire.read_answer().status == 200
        wire.send(head("/healthz", method="HEAD"))
        wire.socket.settimeout(5)
        assert b"200" in wire.socket.recv(4096).split(b"\r\n")[0]


def test_metrics_count_what_came_of_documents(server, xray):
    before = server.metrics()
    bad = json.dumps({"TraceSegmentDocuments": [text(segment()), text(segment()), "{}", "no json"]})
    assert server.post("/TraceSegments", bad.encode()).status == 200
    after = server.metrics()

    def moved(name, **labels):
        key = (name, *sorted(labels.items()))
        return after[key] - before[key]

    assert moved("fluoro_documents_total", source="http") == 4
    assert moved("fluoro_segments_accepted_total", source="http") == 2
    assert moved("fluoro_segments_stored_total", source="http") == 2
    assert moved("fluoro_documents_rejected_total", reason="MissingId") == 1
    assert moved("fluoro_documents_rejected_total", reason="ParseError") == 1
    assert moved("fluoro_documents_rejected_total", reason="InvalidName") == 0


def test_metrics_are_prometheus_text(server):
    with server.connect() as wire:
        wire.send(head("/metrics", method="GET"))
        answer = wire.read_answer()
    assert answer.headers["content-type"].startswith("text/plain")
    names = {key[0] for key in server.metrics()}
    assert all(name.startswith(("fluoro_", "process_")) for name in names)
    assert names >= {
        "fluoro_segments_accepted_total", "fluoro_segments_stored_total", "fluoro_documents_rejected_total",
        "fluoro_documents_dropped_total", "fluoro_udp_kernel_drops_total", "fluoro_api_seconds_bucket",
        "fluoro_http_request_duration_seconds_sum", "fluoro_store_commit_seconds_count", "fluoro_memory_bytes",
        "fluoro_store_memory_bytes",
    }  # fmt: skip


def test_latency_buckets_only_grow(server):
    buckets = sorted(
        (float(dict(key[1:])["le"]), number)
        for key, number in server.metrics().items()
        if key[0] == "fluoro_http_request_duration_seconds_bucket"
    )
    counts = [number for _, number in buckets]
    assert counts == sorted(counts) and counts[-1] > 0
    assert buckets[-1][0] == float("inf")
