"""The four operations through boto3: what goes in comes out, and every refusal has its words."""

import json
import time
import uuid
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from documents import (
    answered, assert_same_meaning, embedded, get_documents, get_trace, new_id, new_trace_id, normal,
    normal_trace_id, put, segment, subsegment, text,
)  # fmt: skip


def refusal(call, **members):
    """(code, message) of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def summaries(xray, start, end, kind="TraceId", **members):
    """All summaries of a window, over all pages."""
    pages = xray.get_paginator("get_trace_summaries").paginate(
        StartTime=start, EndTime=end, TimeRangeType=kind, **members
    )
    return [summary for page in pages for summary in page["TraceSummaries"]]


def ids(found):
    return [summary["Id"] for summary in found]


# ---- Documents in = documents out


RICH = {
    "origin": "AWS::EC2::Instance",
    "user": "alice",
    "resource_arn": "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b2c3d4e5f60718",
    "fault": True,
    "error": False,
    "throttle": False,
    "service": {"version": "1.2.3", "runtime": "CPython", "runtime_version": "3.11.2"},
    "http": {
        "request": {
            "method": "POST", "url": "https://shop.example/orders?α=1", "user_agent": "curl/8", "client_ip": "2001:db8::1",
            "x_forwarded_for": True, "own_member": [1],
        },
        "response": {"status": 500, "content_length": -1, "own_member": {"a": None}},
    },
    "aws": {
        "account_id": "123456789012",
        "ec2": {"instance_id": "i-0a1b2c3d4e5f60718", "availability_zone": "eu-west-1a", "instance_type": "t3.micro"},
        "ecs": {"container": "c1", "availability_zone": "eu-west-1b"},
        "xray": {"sdk": "X-Ray for Python", "sdk_version": "2.15.0", "auto_instrumentation": False},
        "cloudwatch_logs": [{"log_group": "g"}],
    },
    "annotations": {"tier": "gold", "count": 7, "ratio": 0.125, "vip": True, "a.b": "dotted", "empty": ""},
    "metadata": {
        "default": {"nested": {"list": [1, 2.5, "x", None, True, {"deep": []}]}, "": "empty key"},
        "AWS.SDK": {}, "not_an_object": 5,
    },
    "cause": {
        "working_directory": "/srv/app", "paths": ["lib/a.py"],
        "exceptions": [
            {
                "id": "00000000000000ab", "type": "ValueError", "message": "bad\u0000\n\"value\" 😀", "remote": False,
                "truncated": 0, "skipped": 1, "cause": "00000000000000ac",
                "stack": [{"path": "a.py", "line": 3, "label": "f"}, {"path": None}],
            }
        ],
    },
    "links": [{"trace_id": "1-5759e988-bd862e3fe1be46a994272793", "id": "53995c3f42cd8ad8", "attributes": {"k": "v"}}],
    "Dummy": False,
    "unknown": {"kept": ["as", {"it": "is"}]},
}  # fmt: skip


def test_rich_segment_comes_back_equal_in_meaning(xray):
    start = time.time() - 5
    sql = {
        "url": "postgresql://db/shop", "sanitized_query": "SELECT 1", "database_type": "PostgreSQL", "preparation": "statement",
        "own": 1,
    }  # fmt: skip
    calls = {
        "operation": "PutItem",
        "region": "eu-west-1",
        "table_name": "orders",
        "retries": 0,
        "resource_names": ["orders"],
    }
    document = segment(
        start=start,
        **RICH,
        subsegments=[
            embedded(start + 0.01, name="shop@db", namespace="remote", sql=sql),
            embedded(
                start + 0.05, name="work", namespace="local", precursor_ids=[new_id()], in_progress=False,
                cause="00000000000000ab", subsegments=[embedded(start + 0.06, name="dynamodb", namespace="aws", aws=calls)],
            ),
            embedded(start + 0.09, name="remote", metadata={"default": {"k": "v"}}, annotations={"sub": 1}, traced=False),
        ],
    )  # fmt: skip
    put(xray, document)
    assert_same_meaning(xray, [document])


def test_numbers_of_metadata_stay_exact(xray):
    trace_id = new_trace_id()
    numbers = '{"int":12345678901234567890,"float":0.1000000000000000055511151231257827,"exp":1.5E+300,"neg":-0.0,"max":9007199254740993}'
    document = segment(trace_id, metadata={"default": {"n": "@"}})
    sent = text(document).replace('"@"', numbers)
    put(xray, sent)
    back = get_documents(xray, trace_id)[0]["metadata"]["default"]["n"]
    assert back == json.loads(numbers, parse_float=Decimal)


def test_times_keep_microseconds_in_any_spelling(xray):
    trace_id = new_trace_id()
    sent = text(segment(trace_id, start_time=0, end_time=0))
    sent = sent.replace('"start_time": 0', '"start_time": 1.478293361271123E9')
    sent = sent.replace('"end_time": 0', '"end_time": 1478293361.449456')
    put(xray, sent)
    back = get_documents(xray, trace_id)[0]
    assert back["start_time"] == Decimal("1478293361.271123")
    assert back["end_time"] == Decimal("1478293361.449456")


@pytest.mark.parametrize(
    "given, expected",
    [
        (
            {"http": {"response": {"status": "", "content_length": "12"}}},
            {"http": {"response": {"content_length": 12}}},
        ),
        ({"http": {}}, {"http": {}}),
        ({"user": ""}, None),
        ({"subsegments": None}, {}),
        ({"subsegments": []}, {}),
        ({"annotations": {"a": 1, "list": [1], "map": {}, "null": None}}, {"annotations": {"a": 1}}),
        ({"annotations": {"k" * 501: 1, "k" * 500: 2}}, {"annotations": {"k" * 500: 2}}),
        ({"annotations": "none"}, {}),
        ({"http": "none", "origin": 5, "fault": "yes"}, {}),
        ({"cause": "00000000000000AB"}, {"cause": "00000000000000ab"}),
        ({"cause": {"id": "00000000000000ab"}}, {"cause": {"id": "00000000000000ab"}}),
        (
            {"cause": {"message": "m", "id": "00000000000000ab"}},
            {"cause": {"message": "m", "id": "00000000000000ab"}},
        ),
        ({"type": "something"}, None),
        ({"inferred": False}, None),
        ({"notTraced": True, "Dummy": False}, {"notTraced": True, "Dummy": False}),
        ({"in_progress": False}, None),
        ({"in_progress": True}, None),
        ({"name": "αβ γ_.:/%&#=+\\-@ 東京"}, {"name": "αβ γ_.:/%&#=+\\-@ 東京"}),
        ({"name": "GET /orders?id=1 (slow)*"}, {"name": "GET /orders?id=1 (slow)*"}),
        ({"name": "n" * 1000}, {"name": "n" * 1000}),
    ],
)
def test_lenient_parts_of_a_document(xray, given, expected):
    document = segment()
    plain = set(document)
    given = {**document, **given}
    put(xray, json.dumps(given))
    (back,) = get_documents(xray, document["trace_id"])
    if expected is not None:
        members = {key: value for key, value in back.items() if key not in plain or key in expected}
        assert members == expected


def test_last_of_duplicate_keys_wins(xray):
    document = segment()
    put(xray, text(document)[:-1] + ', "name": "second"}')
    assert get_documents(xray, document["trace_id"])[0]["name"] == "second"


def test_white_space_around_a_document_is_allowed(xray):
    document = segment()
    put(xray, f" \n\t{text(document)}\r\n")
    assert_same_meaning(xray, [document])


def test_array_of_documents_is_taken_one_by_one(xray):
    parent = segment()
    children = [subsegment(parent), subsegment(parent, 0.02)]
    put(xray, parent)
    answer = xray.put_trace_segments(
        TraceSegmentDocuments=[json.dumps([*children, {"id": "0123456789abcdef"}])]
    )
    assert [entry["Id"] for entry in answer["UnprocessedTraceSegments"]] == ["0123456789abcdef"]
    assert_same_meaning(xray, [parent, *children])


def test_subsegments_nest_128_deep(xray):
    start = time.time() - 5
    inner = embedded(start)
    for _ in range(127):
        inner = embedded(start, subsegments=[inner])
    document = segment(start=start, subsegments=[inner])
    put(xray, document)
    assert_same_meaning(xray, [document])


# ---- Ids


@pytest.mark.parametrize("spell", [str, str.upper], ids=["lower", "upper"])
@pytest.mark.parametrize("form", ["xray", "w3c"])
def test_ids_are_accepted_in_each_form_and_answered_in_lower_case(xray, spell, form):
    trace_id = new_trace_id()
    sent_id = spell(trace_id if form == "xray" else trace_id.replace("-", "")[1:])
    document = segment(sent_id, id=spell(new_id()), parent_id=spell(new_id()))
    put(xray, document)
    (back,) = get_documents(xray, sent_id)
    assert back["trace_id"] == trace_id == normal_trace_id(sent_id)
    assert back["id"] == document["id"].lower()
    assert back["parent_id"] == document["parent_id"].lower()
    assert get_trace(xray, trace_id)["Id"] == trace_id


def test_epoch_of_a_trace_id_is_not_judged(xray):
    documents = [segment(f"1-{epoch}-{new_id()}01234567") for epoch in ("00000001", "ffffffff")]
    put(xray, *documents)
    assert_same_meaning(xray, documents)


# ---- Collation


def test_complete_segment_replaces_the_one_in_progress(xray):
    complete = segment(annotations={"final": True})
    progress = {**complete, "in_progress": True, "annotations": {"final": False}}
    del progress["end_time"]
    put(xray, progress)
    (back,) = get_documents(xray, complete["trace_id"])
    assert back["in_progress"] is True
    assert "Duration" not in get_trace(xray, complete["trace_id"])
    put(xray, complete)
    put(xray, progress)  # comes late, changes nothing
    (back,) = get_documents(xray, complete["trace_id"])
    assert back["annotations"] == {"final": True}
    assert "in_progress" not in back


def test_document_sent_twice_is_there_once(xray):
    document = segment(subsegments=[embedded(time.time() - 1)])
    put(xray, document, document)
    put(xray, document)
    assert_same_meaning(xray, [document])


def test_later_of_two_complete_documents_wins(xray):
    first = segment(metadata={"default": {"n": 1}})
    second = {**first, "metadata": {"default": {"n": 2}}}
    put(xray, first)
    put(xray, second)
    assert get_documents(xray, first["trace_id"])[0]["metadata"]["default"]["n"] == 2


def test_independent_subsegments_join_their_parent_in_any_order(xray):
    root = segment(subsegments=[embedded(time.time() - 1, id="00000000000000f1", name="outer")])
    child = subsegment(root, name="child")
    grandchild = subsegment(child, name="grandchild")
    deep = subsegment({**root, "id": "00000000000000f1"}, name="below embedded")
    put(xray, grandchild)
    put(xray, deep, child)
    assert sorted(answered(xray, root["trace_id"])) == sorted([child["id"], deep["id"]])
    put(xray, root)
    assert list(answered(xray, root["trace_id"])) == [root["id"]]
    assert_same_meaning(xray, [grandchild, deep, child, root])


def test_streamed_subsegments_survive_the_final_segment(xray):
    final = segment()
    progress = {**final, "in_progress": True}
    del progress["end_time"]
    streamed = subsegment(final)
    put(xray, progress, streamed)
    put(xray, final)
    assert_same_meaning(xray, [progress, streamed, final])


def test_subsegment_that_came_embedded_and_alone_is_there_once(xray):
    root = segment()
    streamed = subsegment(root)
    inside = {key: streamed[key] for key in ("name", "id", "start_time", "end_time")}
    put(xray, streamed)
    put(xray, {**root, "subsegments": [inside]})
    (back,) = get_documents(xray, root["trace_id"])
    assert [child["id"] for child in back["subsegments"]] == [streamed["id"]]


def test_orphan_subsegment_is_an_entry_of_its_own(xray):
    orphan = subsegment(segment(), name="lost")
    put(xray, orphan)
    (back,) = get_documents(xray, orphan["trace_id"])
    assert (back["type"], back["parent_id"]) == ("subsegment", orphan["parent_id"])
    assert get_trace(xray, orphan["trace_id"])["Duration"] == pytest.approx(0.1)


def test_duration_is_from_the_earliest_start_to_the_latest_end(xray):
    first = segment(seconds=0.5)
    late = segment(first["trace_id"], first["start_time"] + 0.4, 1.1)
    put(xray, late, first)
    assert get_trace(xray, first["trace_id"])["Duration"] == pytest.approx(1.5, abs=0.001)
    backwards = segment(seconds=-3)
    put(xray, backwards)
    assert get_trace(xray, backwards["trace_id"])["Duration"] == 0


# ---- Inferred segments


def call(start, name, namespace, **members):
    return embedded(start, name=name, namespace=namespace, **members)


@pytest.mark.parametrize(
    "name, namespace, members, origin",
    [
        ("dynamodb", "aws", {"aws": {"table_name": "users"}}, "AWS::DynamoDB::Table"),
        ("DynamoDB", "aws", {"aws": {"table_names": ["users"]}}, "AWS::DynamoDB::Table"),
        ("DynamoDB", "aws", {"aws": {"table_names": ["a", "b"]}}, "AWS::DynamoDB"),
        ("SQS", "aws", {"aws": {"queue_url": "https://sqs/1/q"}}, "AWS::SQS::Queue"),
        ("sns", "aws", {"aws": {"topic_arn": "arn:t"}}, "AWS::SNS"),
        ("S3", "aws", {"aws": {"bucket_name": "b"}}, "AWS::S3::Bucket"),
        ("s3", "aws", {}, "AWS::S3"),
        ("STS", "aws", {}, "AWS::STS"),
        ("Secrets Manager", "aws", {}, "AWS::Unknown"),
        ("shop@db", "remote", {"sql": {"database_type": "PostgreSQL"}}, "Database::SQL"),
        ("api.example.com", "remote", {"http": {"response": {"status": 502}}, "fault": True}, None),
    ],
)
def test_unanswered_call_gives_an_inferred_segment(xray, name, namespace, members, origin):
    start = time.time() - 5
    made = call(start, name, namespace, **members)
    root = segment(start=start, subsegments=[embedded(start, subsegments=[made])])
    put(xray, root)
    compiled_root, inferred = get_documents(xray, root["trace_id"])
    assert compiled_root["id"] == root["id"]
    assert (inferred["parent_id"], inferred["trace_id"], inferred["inferred"]) == (
        made["id"],
        root["trace_id"],
        True,
    )
    assert inferred.get("origin") == origin
    own = ("id", "parent_id", "trace_id", "inferred", "origin", "namespace")
    copied = {key: value for key, value in normal(inferred).items() if key not in own}
    assert copied == {key: value for key, value in normal(made).items() if key not in own}
    assert get_documents(xray, root["trace_id"])[1]["id"] == inferred["id"]


def test_segment_of_the_callee_replaces_the_inferred_one(xray):
    start = time.time() - 5
    made = call(start, "payments.internal", "remote")
    root = segment(start=start, subsegments=[made])
    callee = segment(root["trace_id"], start + 0.01, 0.01, name="payments", parent_id=made["id"])
    put(xray, root)
    assert [document.get("inferred") for document in get_documents(xray, root["trace_id"])] == [None, True]
    put(xray, callee)
    assert [document["name"] for document in get_documents(xray, root["trace_id"])] == ["orders", "payments"]


# ---- Refused documents


def without(key, **members):
    return text({name: value for name, value in segment(**members).items() if name != key})


def with_id(document):
    return json.loads(document)["id"]


REFUSED = [
    ("ParseError", "segment", ""),
    ("ParseError", "segment", "not json"),
    ("ParseError", "segment", '{"name": "cut'),
    ("ParseError", "segment", "12"),
    ("ParseError", "segment", "null"),
    ("ParseError", "segment", '"text"'),
    ("MissingId", "segment", "[]"),
    ("MissingId", "segment", "{}"),
    ("MissingId", "segment", without("id")),
    ("MissingTraceId", "segment", without("trace_id")),
    ("MissingTraceId", "subsegment", without("trace_id", type="subsegment", parent_id=new_id())),
    ("MissingName", "segment", without("name")),
    ("MissingStartTime", "segment", without("start_time")),
    ("MissingEndTime", "segment", without("end_time")),
    ("MissingEndTime", "segment", without("end_time", in_progress=False)),
    (
        "MissingEndTime",
        "subsegment",
        text(segment(subsegments=[{"name": "s", "id": new_id(), "start_time": 1.0}])),
    ),
    ("MissingParentId", "subsegment", text(segment(type="subsegment"))),
    (
        "MissingName",
        "subsegment",
        text(segment(subsegments=[{"id": new_id(), "start_time": 1.0, "end_time": 2.0}])),
    ),
    (
        "MissingId",
        "subsegment",
        text(segment(subsegments=[{"name": "s", "start_time": 1.0, "end_time": 2.0}])),
    ),
    ("InvalidId", "segment", text(segment(id="0123456789abcde"))),
    ("InvalidId", "segment", text(segment(id="0123456789abcdeg"))),
    ("InvalidId", "segment", text(segment(id="0000000000000000"))),
    ("InvalidTraceId", "segment", text(segment("1-5759e988-bd862e3fe1be46a99427279"))),
    ("InvalidTraceId", "segment", text(segment("2-5759e988-bd862e3fe1be46a994272793"))),
    ("InvalidTraceId", "segment", text(segment("1-00000000-000000000000000000000000"))),
    ("InvalidParentId", "subsegment", text(segment(type="subsegment", parent_id="none"))),
    ("InvalidName", "segment", text(segment(name=""))),
    ("InvalidName", "segment", text(segment(name="a\u0007b"))),
    ("InvalidName", "segment", text(segment(name="n" * 1001))),
    ("InvalidName", "subsegment", text(segment(subsegments=[embedded(1.0, name="")]))),
    ("InvalidStartTime", "segment", text(segment(start_time="1478293361.271"))),
    ("InvalidStartTime", "segment", text(segment(start_time=time.time() + 25 * 3600))),
    ("InvalidEndTime", "segment", text(segment(end_time="1478293361.271"))),
    ("SegmentTooLarge", "segment", text(segment(metadata={"default": {"x": "x" * 1024 * 1024}}))),
]


@pytest.mark.parametrize(
    "code, where, document", REFUSED, ids=[f"{i}-{row[0]}" for i, row in enumerate(REFUSED)]
)
def test_bad_document_is_refused_by_code_and_the_others_are_stored(xray, code, where, document):
    before, behind = segment(), segment()
    answer = xray.put_trace_segments(TraceSegmentDocuments=[text(before), document, text(behind)])
    (entry,) = answer["UnprocessedTraceSegments"]
    assert entry["ErrorCode"] == code
    tail = ", Cause: null" if where == "subsegment" else ""
    assert entry["Message"] == f"Invalid {where}. ErrorCode: {code}{tail}"
    if code in ("ParseError", "SegmentTooLarge") or (code == "MissingId" and where == "segment"):
        assert code == "SegmentTooLarge" or "Id" not in entry
    else:
        assert entry["Id"] == with_id(document)
    assert_same_meaning(xray, [before, behind])


def test_every_bad_document_of_a_call_has_its_entry(xray):
    rows = [row for row in REFUSED if row[0] != "SegmentTooLarge"]
    answer = xray.put_trace_segments(TraceSegmentDocuments=[document for _, _, document in rows])
    assert [entry["ErrorCode"] for entry in answer["UnprocessedTraceSegments"]] == [
        code for code, _, _ in rows
    ]


NOW = time.time()
REFUSED_BY_AWS = [
    ("InvalidName", "segment", segment(name="a*b")),
    ("InvalidName", "segment", segment(name="n" * 201)),
    ("InvalidName", "subsegment", segment(subsegments=[embedded(1.0, name="n" * 251)])),
    ("InvalidName", "subsegment", segment(subsegments=[embedded(1.0, name="who?")])),
    ("InvalidStartTime", "segment", segment(start=NOW + 20 * 60)),
    ("InvalidStartTime", "segment", segment(start=NOW - 31 * 86400)),
    ("SegmentTooLarge", "segment", segment(metadata={"default": {"x": "x" * 64 * 1024}})),
]


@pytest.mark.parametrize(
    "code, where, document", REFUSED_BY_AWS, ids=[f"{i}-{row[0]}" for i, row in enumerate(REFUSED_BY_AWS)]
)
def test_aws_profile_refuses_what_the_real_service_refuses(xray_aws, code, where, document):
    fine = segment(name="n" * 200)
    answer = xray_aws.put_trace_segments(TraceSegmentDocuments=[text(document), text(fine)])
    (entry,) = answer["UnprocessedTraceSegments"]
    tail = ", Cause: null" if where == "subsegment" else ""
    assert (entry["ErrorCode"], entry["Message"]) == (code, f"Invalid {where}. ErrorCode: {code}{tail}")
    assert_same_meaning(xray_aws, [fine])


def test_aws_profile_refuses_a_trace_over_its_quota(xray_aws):
    trace_id = new_trace_id()
    codes = []
    for _ in range(10):
        document = segment(trace_id, metadata={"default": {"x": "x" * 60_000}})
        answer = xray_aws.put_trace_segments(TraceSegmentDocuments=[text(document)])
        codes += [(entry["ErrorCode"], entry["Message"]) for entry in answer["UnprocessedTraceSegments"]]
    message = (
        "Trace Size Exceeded. Reduce the number of segments per trace and the size of your segment documents."
    )
    assert codes == [("InvalidSegment", message)] * 2  # 8 of them fit into 500 kB
    assert get_trace(xray_aws, trace_id)["LimitExceeded"] is True


# ---- Limits of a call


def test_one_document_too_many_fails_the_whole_call(server, xray):
    document = segment()
    answer = server.post("/TraceSegments", {"TraceSegmentDocuments": [text(document)] + ["x"] * 10_000})
    assert (answer.status, answer.json()["message"]) == (400, "Exceeding maximum segment count: 10000")
    assert answer.headers["x-amzn-errortype"] == "InvalidRequestException"
    assert get_trace(xray, document["trace_id"]) is None


def test_10000_documents_are_taken(xray, era):
    trace_ids = [new_trace_id(era) for _ in range(100)]
    put(xray, *(segment(trace_ids[i % 100], era) for i in range(10_000)))
    traces = xray.batch_get_traces(TraceIds=trace_ids)["Traces"]
    assert [trace["Id"] for trace in traces] == trace_ids
    assert [len(trace["Segments"]) for trace in traces] == [100] * 100


def test_aws_profile_takes_50_documents_and_5_ids(xray_aws):
    documents = [segment() for _ in range(50)]
    put(xray_aws, *documents)
    call = refusal(xray_aws.put_trace_segments, TraceSegmentDocuments=["{}"] * 51)
    assert call == ("InvalidRequestException", "Exceeding maximum segment count: 50")
    trace_ids = [document["trace_id"] for document in documents[:6]]
    assert len(xray_aws.batch_get_traces(TraceIds=trace_ids[:5])["Traces"]) == 5
    call = refusal(xray_aws.batch_get_traces, TraceIds=trace_ids)
    assert call == ("InvalidRequestException", "Exceeding maximum query size: 5")
    call = refusal(xray_aws.batch_get_traces, TraceIds=trace_ids[:1], NextToken="x")
    assert call == ("InvalidRequestException", "NextToken is currently not supported")


def test_101_ids_are_refused(xray):
    call = refusal(xray.batch_get_traces, TraceIds=[new_trace_id() for _ in range(101)])
    assert call == ("InvalidRequestException", "Exceeding maximum query size: 100")


def test_empty_list_of_documents_is_taken(xray):
    assert xray.put_trace_segments(TraceSegmentDocuments=[])["UnprocessedTraceSegments"] == []


def test_unknown_and_malformed_ids_are_reported_in_order(xray):
    documents = [segment(), segment()]
    put(xray, *documents)
    unknown = new_trace_id()
    asked = [documents[1]["trace_id"], unknown, "1-zz", documents[0]["trace_id"]]
    answer = xray.batch_get_traces(TraceIds=asked)
    assert [trace["Id"] for trace in answer["Traces"]] == [asked[0], asked[3]]
    assert answer["UnprocessedTraceIds"] == [unknown, "1-zz"]
    assert "NextToken" not in answer


def test_unknown_token_is_refused(xray):
    assert (
        refusal(xray.batch_get_traces, TraceIds=[new_trace_id()], NextToken="x")[0]
        == "InvalidRequestException"
    )
    window = {"StartTime": 1, "EndTime": 2}
    assert refusal(xray.get_trace_summaries, NextToken="x", **window)[0] == "InvalidRequestException"


# ---- PutTelemetryRecords


def test_telemetry_records_are_taken(xray):
    record = {
        "Timestamp": time.time(), "SegmentsReceivedCount": 3, "SegmentsSentCount": 3, "SegmentsSpilloverCount": 0,
        "SegmentsRejectedCount": 0, "BackendConnectionErrors": {"TimeoutCount": 1, "HTTPCode5XXCount": 2},
    }  # fmt: skip
    answer = xray.put_telemetry_records(
        TelemetryRecords=[record], EC2InstanceId="i-0a1b2c3d4e5f60718", Hostname="host", ResourceARN="arn:x"
    )
    assert set(answer) == {"ResponseMetadata"}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_host_name_of_256_characters_is_refused(xray):
    code, message = refusal(xray.put_telemetry_records, TelemetryRecords=[], Hostname="h" * 256)
    assert code == "ValidationException"
    assert "Hostname" in message or "hostname" in message


# ---- GetTraceSummaries


def test_summary_of_the_worked_example(xray):
    t = time.time() - 120
    trace_id = new_trace_id(t)
    order = {
        "trace_id": trace_id, "id": "a000000000000001", "name": "order-service", "origin": "AWS::EC2::Instance",
        "start_time": t + 0.1, "end_time": t + 1.0, "user": "alice", "annotations": {"customer_tier": "enterprise"},
        "aws": {"ec2": {"instance_id": "i-0a1b2c3d4e5f60718", "availability_zone": "eu-west-1a"}},
        "resource_arn": "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b2c3d4e5f60718",
        "http": {
            "request": {
                "method": "POST", "url": "https://shop.example/api/v1/orders", "client_ip": "203.0.113.7", "user_agent": "curl/8"
            },
            "response": {"status": 200},
        },
        "subsegments": [
            {
                "id": "a000000000000002", "name": "dynamodb", "namespace": "aws", "start_time": t + 0.12,
                "end_time": t + 0.72, "aws": {"operation": "PutItem", "table_name": "orders"},
                "http": {"response": {"status": 200}},
            },
            {
                "id": "a000000000000003", "name": "payments.internal", "namespace": "remote", "start_time": t + 0.74,
                "end_time": t + 0.95, "fault": True,
                "http": {
                    "request": {"method": "POST", "url": "http://payments.internal/charge", "traced": True},
                    "response": {"status": 500},
                },
            },
        ],
    }  # fmt: skip
    payments = {
        "trace_id": trace_id, "id": "b000000000000001", "parent_id": "a000000000000003", "name": "payments",
        "origin": "AWS::ECS::Container", "start_time": t + 0.745, "end_time": t + 0.945, "fault": True,
        "annotations": {"retry_count": 2, "retried": True}, "http": {"response": {"status": 500}},
    }  # fmt: skip
    put(xray, order)
    (partial,) = summaries(xray, t - 2, t + 2)
    assert partial["IsPartial"] is True  # the callee of a traced call has not come yet
    put(xray, payments)
    (summary,) = summaries(xray, t - 2, t + 2)
    service = {"Name": "order-service", "Names": ["order-service"], "Type": "AWS::EC2::Instance"}
    callee = {"Name": "payments", "Names": ["payments"], "Type": "AWS::ECS::Container"}
    assert summary["Id"] == trace_id
    assert summary["StartTime"].timestamp() == pytest.approx(t + 0.1, abs=0.001)
    assert (summary["Duration"], summary["ResponseTime"]) == (pytest.approx(0.9), pytest.approx(0.9))
    flags = {key: summary[key] for key in ("HasFault", "HasError", "HasThrottle", "IsPartial")}
    assert flags == dict.fromkeys(flags, False)
    assert summary["Http"] == {
        "HttpURL": "https://shop.example/api/v1/orders", "HttpStatus": 200, "HttpMethod": "POST",
        "ClientIp": "203.0.113.7", "UserAgent": "curl/8",
    }  # fmt: skip
    assert summary["Annotations"] == {
        "customer_tier": [{"AnnotationValue": {"StringValue": "enterprise"}, "ServiceIds": [service]}],
        "retry_count": [{"AnnotationValue": {"NumberValue": 2.0}, "ServiceIds": [callee]}],
        "retried": [{"AnnotationValue": {"BooleanValue": True}, "ServiceIds": [callee]}],
    }
    assert summary["Users"] == [{"UserName": "alice", "ServiceIds": [service]}]
    assert summary["EntryPoint"] == service
    assert summary["InstanceIds"] == [{"Id": "i-0a1b2c3d4e5f60718"}]
    assert summary["AvailabilityZones"] == [{"Name": "eu-west-1a"}]
    assert summary["ResourceARNs"] == [{"ARN": order["resource_arn"]}]
    nodes = {(node["Name"], node.get("Type")) for node in summary["ServiceIds"]}
    assert nodes == {
        ("order-service", "client"), ("order-service", "AWS::EC2::Instance"), ("payments", "AWS::ECS::Container"),
        ("orders", "AWS::DynamoDB::Table"),
    }  # fmt: skip
    assert summary["Revision"] > partial["Revision"] >= 1
    assert "MatchedEventTime" not in summary


def test_summary_of_a_bare_segment_has_empty_lists_and_maps(xray, era):
    document = segment(new_trace_id(era), era, seconds=1.5)
    put(xray, document)
    (summary,) = summaries(xray, era, era + 1)
    for key in (
        "Users",
        "ResourceARNs",
        "InstanceIds",
        "AvailabilityZones",
        "FaultRootCauses",
        "ErrorRootCauses",
        "ResponseTimeRootCauses",
    ):
        assert summary[key] == [], key
    assert summary["Annotations"] == {} and summary["Http"] == {}
    assert summary["EntryPoint"] == {"Name": "orders", "Names": ["orders"]}
    assert summary["Duration"] == summary["ResponseTime"] == 1.5


@pytest.mark.parametrize(
    "status, flags",
    [
        (503, (True, False, False)),
        (404, (False, True, False)),
        (429, (False, True, True)),
        (200, (False, False, False)),
    ],
)
def test_flags_come_from_the_status_when_none_is_sent(xray, era, status, flags):
    put(xray, segment(new_trace_id(era), era, http={"response": {"status": status}}))
    (summary,) = summaries(xray, era, era + 1)
    assert (summary["HasFault"], summary["HasError"], summary["HasThrottle"]) == flags


def test_empty_user_is_none(xray, era):
    put(xray, segment(new_trace_id(era), era, user=""))
    (summary,) = summaries(xray, era, era + 1)
    assert summary["Users"] == []


def test_summary_of_an_unfinished_trace_is_partial(xray, era):
    put(xray, segment(new_trace_id(era), era, end_time=None, in_progress=True))
    (summary,) = summaries(xray, era, era + 1)
    assert summary["IsPartial"] is True
    assert "ResponseTime" not in summary and "Duration" not in summary


def test_window_by_trace_id_has_its_start_and_not_its_end(xray, era):
    trace_id = new_trace_id(era)
    put(xray, segment(trace_id, era + 30, 30))
    assert ids(summaries(xray, era, era + 1)) == [trace_id]
    assert summaries(xray, era - 1, era) == []
    assert summaries(xray, era + 1, era + 100) == []


def test_trace_id_without_a_real_epoch_counts_by_its_earliest_start(xray, era):
    trace_id = new_trace_id(7)
    put(xray, segment(trace_id, era + 0.9), segment(trace_id, era + 5.5))
    assert ids(summaries(xray, era, era + 1)) == [trace_id]
    assert summaries(xray, era + 1, era + 100) == []


def test_window_by_service_is_that_of_segment_ends(xray, era):
    trace_id = new_trace_id(era)
    put(xray, segment(trace_id, era, 10), segment(trace_id, era, 50))
    for start, end, found in [(0, 10, 0), (10, 11, 1), (11, 50, 0), (50, 51, 1), (51, 90, 0), (0, 90, 1)]:
        assert len(summaries(xray, era + start, era + end, "Service")) == found, (start, end)
    assert trace_id not in ids(summaries(xray, time.time() - 60, time.time() + 60, "Service"))


def test_window_by_event_is_that_of_ends_and_arrivals(xray, era):
    trace_id = new_trace_id(era)
    before = time.time() - 0.1
    put(xray, segment(trace_id, era, 10))
    after = time.time() + 0.1
    (summary,) = summaries(xray, era + 10, era + 11, "Event")
    assert summary["MatchedEventTime"].timestamp() == pytest.approx(era + 10)
    assert summaries(xray, era, era + 10, "Event") == []
    arrived = {summary["Id"]: summary for summary in summaries(xray, before, after, "Event")}
    assert before <= arrived[trace_id]["MatchedEventTime"].timestamp() <= after
    assert trace_id not in ids(summaries(xray, before - 100, before, "Event"))


def test_pages_are_newest_first_and_have_at_most_100(xray, era):
    traces = [(era + i // 3, i, new_trace_id(era + i // 3)) for i in range(250)]
    put(xray, *(segment(trace_id, second + i % 7 / 10) for second, i, trace_id in traces))
    pages = list(xray.get_paginator("get_trace_summaries").paginate(StartTime=era, EndTime=era + 84))
    assert [len(page["TraceSummaries"]) for page in pages] == [100, 100, 50]
    found = [summary for page in pages for summary in page["TraceSummaries"]]
    expected = sorted(
        ((second, second + i % 7 / 10, trace_id) for second, i, trace_id in traces), reverse=True
    )
    assert ids(found) == [trace_id for _, _, trace_id in expected]
    assert "NextToken" not in pages[-1]
    assert sum(page["TracesProcessedCount"] for page in pages) == 250
    oldest = [min(summary["StartTime"].timestamp() for summary in page["TraceSummaries"]) for page in pages]
    for page, time_of_oldest in zip(pages[:2], oldest):
        assert time_of_oldest - 1 <= page["ApproximateTime"].timestamp() <= time_of_oldest
    assert pages[2]["ApproximateTime"].timestamp() == era


def test_page_of_exactly_100_is_the_last(xray, era):
    put(xray, *(segment(new_trace_id(era), era) for _ in range(100)))
    found = summaries(xray, era, era + 1)
    assert ids(found) == sorted(ids(found), reverse=True)
    assert len(found) == 100


def test_traces_that_come_between_pages_disturb_nothing(xray, era):
    put(xray, *(segment(new_trace_id(era + i), era + i) for i in range(150)))
    window = {"StartTime": era, "EndTime": era + 1000}
    first = xray.get_trace_summaries(**window)
    put(xray, *(segment(new_trace_id(era + 500 + i), era + 500 + i) for i in range(10)))
    second = xray.get_trace_summaries(**window, NextToken=first["NextToken"])
    starts = [
        round(summary["StartTime"].timestamp()) - era
        for page in (first, second)
        for summary in page["TraceSummaries"]
    ]
    assert starts == list(range(149, -1, -1))


def test_token_is_tied_to_its_request(xray, era):
    put(xray, *(segment(new_trace_id(era), era) for _ in range(101)))
    token = xray.get_trace_summaries(StartTime=era, EndTime=era + 1)["NextToken"]
    assert len(token) <= 2000
    code, _ = refusal(xray.get_trace_summaries, StartTime=era, EndTime=era + 2, NextToken=token)
    assert code == "InvalidRequestException"


def test_sampling_by_rate_is_monotone(xray, era):
    put(xray, *(segment(new_trace_id(era), era) for _ in range(300)))

    def sampled(rate, **members):
        strategy = {"Name": "FixedRate", "Value": rate}
        return set(ids(summaries(xray, era, era + 1, SamplingStrategy=strategy, **members)))

    quarter, half, whole = (sampled(rate, Sampling=True) for rate in (0.25, 0.5, 1.0))
    assert quarter < half < whole
    assert len(whole) == 300 and 100 < len(half) < 200
    assert sampled(0.25) == whole  # without Sampling the strategy is ignored


def test_filter_expression_is_refused_in_clear_words(xray):
    code, message = refusal(xray.get_trace_summaries, StartTime=1, EndTime=2, FilterExpression='service("a")')
    assert code == "InvalidRequestException"
    assert "filter" in message.lower()


@pytest.mark.parametrize("start, end", [(100, 100), (101, 100)])
def test_window_must_not_end_before_it_starts(xray, start, end):
    assert refusal(xray.get_trace_summaries, StartTime=start, EndTime=end)[0] == "InvalidRequestException"


# ---- Signed, unsigned; request ids


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_all_four_operations_work(server, era, signed):
    xray = server.boto3(signed)
    document = segment(new_trace_id(era), era)
    put(xray, document)
    assert ids(summaries(xray, era, era + 1)) == [document["trace_id"]]
    assert_same_meaning(xray, [document])
    xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": era}])


def test_every_answer_has_a_request_id(xray):
    answers = [xray.put_trace_segments(TraceSegmentDocuments=[]) for _ in range(2)]
    request_ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
    with pytest.raises(ClientError) as caught:
        xray.get_trace_summaries(StartTime=2, EndTime=1)
    request_ids.append(caught.value.response["ResponseMetadata"]["RequestId"])
    assert [str(uuid.UUID(request_id)) for request_id in request_ids] == request_ids
    assert len(set(request_ids)) == 3


def test_operation_that_is_not_there_yet_is_unknown(xray):
    with pytest.raises(ClientError) as caught:
        xray.get_groups()
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
