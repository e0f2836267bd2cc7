"""The four operations through the AWS CLI, signed and unsigned."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from documents import compiled, new_trace_id, normal, parse, segment, text

AWS = Path(sys.executable).with_name("aws")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_PAGER": "",
    "PATH": os.environ["PATH"],
}


def aws(server, *arguments, code=0):
    """What `aws xray ARGUMENTS` prints; code is the exit code that it must have."""
    done = subprocess.run(
        [sys.executable, AWS, "xray", *arguments],
        env={**ENVIRONMENT, "AWS_ENDPOINT_URL_XRAY": server.url},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else json.loads(done.stdout or "{}")


@pytest.mark.parametrize("sign", [(), ("--no-sign-request",)], ids=["signed", "unsigned"])
def test_segment_in_summary_and_document_out(server, era, sign):
    document = segment(new_trace_id(era), era, annotations={"who": "aws cli"})
    answer = aws(server, "put-trace-segments", "--trace-segment-documents", text(document), "{}", *sign)
    assert answer["UnprocessedTraceSegments"] == [
        {"ErrorCode": "MissingId", "Message": "Invalid segment. ErrorCode: MissingId"}
    ]
    window = ("--start-time", str(era), "--end-time", str(era + 1))
    found = aws(server, "get-trace-summaries", *window, *sign)
    assert [summary["Id"] for summary in found["TraceSummaries"]] == [document["trace_id"]]
    (trace,) = aws(server, "batch-get-traces", "--trace-ids", document["trace_id"], *sign)["Traces"]
    back = parse(trace["Segments"][0]["Document"])
    assert {back["id"]: normal(back)} == compiled([document])


def test_telemetry_records_are_taken(server):
    record = json.dumps([{"Timestamp": time.time(), "SegmentsReceivedCount": 1}])
    assert aws(server, "put-telemetry-records", "--telemetry-records", record) == {}


def test_error_is_shown_with_its_name_and_text(server):
    said = aws(server, "get-trace-summaries", "--start-time", "2", "--end-time", "1", code=255)
    assert "(InvalidRequestException)" in said
    assert "GetTraceSummaries" in said
