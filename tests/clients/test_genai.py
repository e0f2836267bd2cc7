"""`fluoro genai usage` against a naive sum in Python, and POST /bedrock/traces against `fluoro bedrock`."""

import gzip
import json
import math
import random
import subprocess
from collections import defaultdict
from decimal import Decimal

import pytest

from bedrock import NOW, SAMPLES, TRACED_HEADER, convert, run
from documents import get_documents, new_era, new_trace_id, parse, put, segment, subsegment
from fluoro import BINARY

MODELS = {  # and who makes them; the last annotates it itself
    "anthropic.claude-3-haiku-20240307-v1:0": "anthropic",
    "us.amazon.nova-pro-v1:0": "amazon",
    "arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-1-70b-instruct-v1:0": "meta",
    "my-model": "mine",
}
COUNTS = ["CallCount", "FaultCount", "ErrorCount", "ThrottleCount", "TimeoutCount", "RetryCount", "PromptTokens",
          "CompletionTokens", "UnpricedCount", "CostUsd"]  # fmt: skip


def usage(server, *arguments):
    return subprocess.run(
        [BINARY, "genai", "usage", "--server", server.url, *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


# ---- Traffic, and what its reports must say


def model_call(rng, root, make):
    model = rng.choice(list(MODELS))
    notes = {
        "genai_kind": "llm", "model": model, "agent_id": rng.choice(["PLANNER", "WORKER"]),
        "prompt_tokens": rng.randrange(20_000), "completion_tokens": rng.randrange(3_000),
        "total_prompt_tokens": 10**6, "total_completion_tokens": 10**6,
    }  # fmt: skip
    if model == "my-model":
        notes["provider"] = "mine"
    else:
        notes["cost_usd"] = round(notes["prompt_tokens"] * 2.5e-7 + notes["completion_tokens"] * 1.25e-6, 9)
    if rng.random() < 0.1:
        notes["retry_count"] = rng.randrange(1, 4)
    flag = rng.choice([{}] * 6 + [{"fault": True}, {"throttle": True, "error": True}])
    return make(root, 0.01, rng.uniform(0.05, 9), annotations=notes, name="model", **flag)


def tool_call(rng, root, make):
    notes = {"genai_kind": "tool", "tool_name": rng.choice(["search", "book", "pay"])}
    if rng.random() < 0.8:
        notes["tool_latency_ms"] = round(rng.uniform(0.5, 4000), 3)
    if rng.random() < 0.2:
        notes["timeout"] = True
    return make(root, 0.02, rng.uniform(0.05, 5), annotations=notes, name="tool")


def child(root, offset, seconds, **members):
    start = root["start_time"] + offset
    return segment(root["trace_id"], start, seconds, parent_id=root["id"], **members)


def traffic(rng, era):
    """Traces of a root with calls below it: segments, or subsegments that came alone."""
    for number in range(40):
        start = era + number
        notes = {"tenant": rng.choice(["acme", "globex"]), "route": f"/chat/{number}/ask", "experiment_id": number % 3}
        root = segment(new_trace_id(start), start, 12, annotations=notes if number % 5 else {"plan": "free"})
        make = rng.choice([child, subsegment])
        calls = [rng.choice([model_call, tool_call])(rng, root, make) for _ in range(rng.randrange(6))]
        yield root, calls


def value_of(key, root, call):
    notes, of_root = call["annotations"], root["annotations"]
    if key == "model":
        return notes["model"].removeprefix("arn:aws:bedrock:us-west-2::foundation-model/")
    if key == "provider":
        return MODELS[notes["model"]]
    if key == "route":
        return "/chat/{id}/ask" if "route" in of_root else None
    if key == "experiment_id":
        return str(of_root[key]) if key in of_root else None
    return of_root.get(key) if key == "tenant" else notes[key]


def nearest_rank(values, percent):
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1] if values else 0


def latency_of(key, call):
    measured = call["annotations"].get("tool_latency_ms") if key == "tool_name" else None
    return measured / 1000 if measured is not None else call["end_time"] - call["start_time"]


def row_of(key, calls):
    notes = [call["annotations"] for call in calls]
    latencies = [latency_of(key, call) for call in calls]
    return {
        "CallCount": len(calls),
        "FaultCount": sum(call.get("fault", False) for call in calls),
        "ErrorCount": sum(call.get("error", False) for call in calls),
        "ThrottleCount": sum(call.get("throttle", False) for call in calls),
        "TimeoutCount": sum(note.get("timeout", False) for note in notes),
        "RetryCount": sum(note.get("retry_count", 0) for note in notes),
        "PromptTokens": sum(note.get("prompt_tokens", 0) for note in notes),
        "CompletionTokens": sum(note.get("completion_tokens", 0) for note in notes),
        "UnpricedCount": sum("prompt_tokens" in note and "cost_usd" not in note for note in notes),
        "CostUsd": sum((Decimal(repr(note["cost_usd"])) for note in notes if "cost_usd" in note), Decimal(0)),
        "Latency": {f"P{rank}": nearest_rank(latencies, rank) for rank in (50, 95, 99)},
    }


def assert_row(found, expected):
    assert {name: found[name] for name in COUNTS} == {name: expected[name] for name in COUNTS}
    for rank, seconds in expected["Latency"].items():
        assert float(found["Latency"][rank]) == pytest.approx(seconds, rel=0.02)


@pytest.fixture(scope="module")
def measured(server):
    """(era, traces) of traffic that the server has."""
    era = new_era()
    traces = list(traffic(random.Random(11), era))
    for root, calls in traces:
        put(server.boto3(), root, *calls)
    return era, traces


@pytest.mark.parametrize(
    "key", ["model", "provider", "agent_id", "tool_name", "tenant", "route", "experiment_id"]
)
def test_usage_equals_a_naive_sum(server, measured, key):
    era, traces = measured
    kind = "tool" if key == "tool_name" else "model"
    groups = defaultdict(list)
    for root, calls in traces:
        for call in calls:
            if call["name"] == kind:
                groups[value_of(key, root, call)].append(call)
    done = usage(server, "--json", "--group-by", key, "--start", era, "--end", era + 40)
    assert done.returncode == 0, done.stderr
    report = parse(done.stdout)
    assert {row["Value"] for row in report["Groups"]} == set(groups)
    for row in report["Groups"]:
        assert_row(row, row_of(key, groups[row["Value"]]))
    assert_row(report["Total"], row_of(key, sum(groups.values(), [])))
    assert (report["GroupBy"], report["TracesProcessedCount"], report["Complete"]) == (key, 40, True)
    weights = [(-row["CostUsd"], -row["PromptTokens"] - row["CompletionTokens"], -row["CallCount"]) for row in report["Groups"]]
    assert weights == sorted(weights)


def test_the_table_has_a_row_for_each_group_and_a_total(server, measured):
    era, _ = measured
    done = usage(server, "--group-by", "tenant", "--since", era, "--until", era + 40, "--currency", "EUR")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["TENANT", "CALLS"] and "COST EUR" in lines[0]
    assert {line.split()[0] for line in lines[1:4]} == {"acme", "globex", "(none)"}
    assert lines[4].startswith("total") and lines[5].endswith("its sender knew no price.")


def test_no_call_is_told_and_ends_with_1(server):
    done = usage(server, "--since", "1999-01-01", "--until", "1999-01-02")
    assert done.returncode == 1 and "No calls of models in traces from" in done.stdout
    done = usage(server, "--since", "1999-01-01", "--until", "1999-01-02", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["Groups"] == []


def test_the_command_explains_itself():
    for arguments, words in [([], "needs usage"), (["use"], "there is `fluoro genai usage`")]:
        done = subprocess.run([BINARY, "genai", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and words in done.stderr


# ---- POST /bedrock/traces

JSON_TYPES = ["application/x-ndjson", "application/jsonl", "application/json"]
EVENTSTREAM = "application/vnd.amazon.eventstream"
BROKEN = ["truncated.jsonl"]
RUNS = sorted(
    path.name for path in SAMPLES.iterdir() if path.name not in BROKEN and not path.name.endswith("segments.jsonl")
)


def post_sample(server, sample, content_type, query="", headers=(), body=None):
    body = (SAMPLES / sample).read_bytes() if body is None else body
    if sample.startswith("lambda_link"):
        headers = [f"X-Amzn-Trace-Id: {TRACED_HEADER}", *headers]
    return server.post(f"/bedrock/traces?now={NOW}{query}", body, [f"Content-Type: {content_type}", *headers])


def types_of(sample):
    return [EVENTSTREAM] if sample.endswith(".eventstream") else JSON_TYPES


@pytest.mark.parametrize("mode", ["tree", "chain"])
@pytest.mark.parametrize("sample, content_type", [(sample, kind) for sample in RUNS for kind in types_of(sample)])
def test_import_converts_as_the_command_does(server, sample, content_type, mode):
    answer = post_sample(server, sample, content_type, f"&mode={mode}&dryRun=true")
    assert answer.status == 200, answer.body
    assert answer.json()["Documents"] == convert(sample, "--mode", mode)


@pytest.mark.parametrize("sample", RUNS)
def test_imported_twice_is_stored_once(server, sample):
    counts = []
    for _ in range(2):
        answer = post_sample(server, sample, types_of(sample)[0])
        assert answer.status == 200, answer.body
        traces = answer.json()["Traces"]
        stored = {trace["TraceId"]: len(get_documents(server.boto3(), trace["TraceId"])) for trace in traces}
        counts.append((answer.json()["Stored"], stored))
    assert counts[0] == counts[1]
    assert counts[0][0] == sum(counts[0][1].values()) == sum(trace["Segments"] for trace in traces)
    assert counts[0][0] == len(convert(sample))


def test_what_is_stored_is_what_the_command_sends(new_server):
    imported, sent = new_server(), new_server()
    post_sample(imported, "supervisor.jsonl", JSON_TYPES[0])
    assert run("--now", NOW, "--send", sent.url, SAMPLES / "supervisor.jsonl").returncode == 0
    (trace_id,) = {document["trace_id"] for document in convert("supervisor.jsonl")}
    assert get_documents(imported.boto3(), trace_id) == get_documents(sent.boto3(), trace_id)


def test_a_gzipped_body_is_unpacked(server):
    body = gzip.compress((SAMPLES / "supervisor.jsonl").read_bytes())
    answer = post_sample(server, "supervisor.jsonl", JSON_TYPES[0], "&dryRun=true", ["Content-Encoding: gzip"], body)
    assert answer.json()["Documents"] == convert("supervisor.jsonl")


def test_usage_of_an_imported_run_equals_its_totals(new_server):
    server = new_server()
    post_sample(server, "supervisor.jsonl", JSON_TYPES[0], "&tenant=acme")
    (root,) = [one for one in convert("supervisor.jsonl") if "parent_id" not in one]
    report = json.loads(usage(server, "--since", "2025-01-01", "--group-by", "tenant", "--json").stdout)
    assert [row["Value"] for row in report["Groups"]] == ["acme"]
    for total, member in [("prompt", "PromptTokens"), ("completion", "CompletionTokens")]:
        assert report["Total"][member] == root["annotations"][f"total_{total}_tokens"]
    assert report["Total"]["CallCount"] == root["annotations"]["total_model_calls"]


def test_a_run_joins_the_trace_of_the_request_that_asked_the_agent(server):
    gateway = segment(name="gateway")
    put(server.boto3(), gateway)
    header = f"X-Amzn-Trace-Id: Root={gateway['trace_id']};Parent={gateway['id']};Sampled=1"
    answer = post_sample(server, "seed20.jsonl", JSON_TYPES[0], headers=[header])
    assert answer.json()["Traces"] == [{"TraceId": gateway["trace_id"], "Segments": 10}]
    found = get_documents(server.boto3(), gateway["trace_id"])
    assert len(found) == 11
    assert [one["name"] for one in found if one.get("parent_id") == gateway["id"]] == ["Agent_YAWKLCIFTT"]


def test_a_broken_body_stores_nothing_or_its_good_part(new_server):
    server = new_server()
    answer = post_sample(server, "truncated.jsonl", JSON_TYPES[0])
    assert answer.status == 400 and server.metric("fluoro_store_segments") == 0
    assert (answer.json()["Code"], answer.json()["Line"]) == ("E_JSON_EOF", 10)
    answer = post_sample(server, "truncated.jsonl", JSON_TYPES[0], "&partial=true")
    assert answer.status == 200 and answer.json()["Stored"] == 9 == server.metric("fluoro_store_segments")
    assert [error["Code"] for error in answer.json()["Errors"]] == ["E_JSON_EOF"]
