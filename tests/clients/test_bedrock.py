"""`fluoro bedrock`: saved and live streams of Bedrock agents, against the built binary and real clients."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from bedrock import (
    NOW, SAMPLES, TRACED_HEADER, StubServer, agent_runtime, assert_expected, cases, convert, frame, header_of,
    lines_of, run,
)  # fmt: skip
from documents import get_documents, parse
from fluoro import BINARY, ROOT, wait_until

EXAMPLE = ROOT / "examples/python/bedrock_live.py"
ALL = list(cases())
TREES = [(sample, traces) for sample, mode, traces, _ in ALL if mode == "tree"]


def expected_tree(sample):
    return dict(TREES)[sample]


# ---- Documents


@pytest.mark.parametrize("sample, mode, traces, errors", ALL, ids=[f"{one[0]}-{one[1]}" for one in ALL])
def test_samples_become_the_expected_documents(sample, mode, traces, errors):
    done = run("--mode", mode, "--now", NOW, *header_of(sample), SAMPLES / sample)
    assert done.returncode == (2 if errors else 0), done.stderr
    assert_expected(lines_of(done.stdout), traces)
    for error in errors:
        where = error["at"].removeprefix("line ")
        assert f"{SAMPLES / sample}:{where}:" in done.stderr.decode()
        assert f": {error['code']}: " in done.stderr.decode()


def test_standard_input_and_files_give_the_same():
    sample = SAMPLES / "supervisor.jsonl"
    from_file = run("--now", NOW, sample)
    from_stdin = run("--now", NOW, stdin=sample.read_bytes())
    assert from_file.stdout == from_stdin.stdout == run("--now", NOW, "-", stdin=sample.read_bytes()).stdout


def test_files_are_inputs_of_their_own():
    names = ["seed20.jsonl", "failure.jsonl"]
    together = run("--now", NOW, *(SAMPLES / name for name in names)).stdout
    assert together == b"".join(run("--now", NOW, SAMPLES / name).stdout for name in names)


def test_output_in_a_pipe_is_documents_and_nothing_else():
    done = run("--now", NOW, SAMPLES / "supervisor.jsonl")
    assert len(lines_of(done.stdout)) == 21
    assert done.stderr == b""


# ---- Exit status and diagnostics


def test_a_cut_file_converts_as_far_as_it_goes():
    sample = SAMPLES / "truncated.jsonl"
    done = run(sample)
    assert done.returncode == 2
    assert len(lines_of(done.stdout)) == 9
    assert re.search(rf"^{re.escape(str(sample))}:10:\d+: E_JSON_EOF: ", done.stderr.decode(), re.MULTILINE)


def test_strict_writes_nothing_when_there_is_an_error():
    done = run("--strict", SAMPLES / "supervisor.jsonl", SAMPLES / "truncated.jsonl")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"E_JSON_EOF" in done.stderr


def test_strict_writes_everything_when_there_is_none():
    plain, strict = (run(*how, "--now", NOW, SAMPLES / "supervisor.jsonl") for how in ([], ["--strict"]))
    assert (strict.returncode, strict.stdout) == (0, plain.stdout)


@pytest.mark.parametrize("stdin", [b"", b"  \n", b"x", b"{\"a\":1}\n", b"\x1f\x8b\x08"])
def test_what_is_nothing_of_bedrock_is_exit_status_1(stdin):
    done = run(stdin=stdin)
    assert (done.returncode, done.stdout) == (1, b"")
    assert re.match(r"-:(\d+:\d+|@\d+): E_\w+: .", done.stderr.decode())


def test_a_place_in_binary_input_is_an_offset():
    stream = bytearray((SAMPLES / "supervisor.eventstream").read_bytes())
    stream[40] ^= 1
    done = run(stdin=bytes(stream))
    assert re.search(r"^-:@\d+: E_ES_\w+: ", done.stderr.decode(), re.MULTILINE)


def test_a_file_that_is_missing_leaves_the_others():
    done = run(SAMPLES / "nowhere.jsonl", SAMPLES / "seed20.jsonl", "--now", NOW)
    assert done.returncode == 2
    assert len(lines_of(done.stdout)) == 10
    assert b"nowhere.jsonl" in done.stderr and b"No such file" in done.stderr
    assert run(SAMPLES / "nowhere.jsonl").returncode == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--mode", "forest"], "--mode takes tree or chain, not `forest`"),
        (["--sumary"], "did you mean --summary?"),
        (["--sample", "2"], "--sample takes a number from 0 to 1"),
        (["--max-annotations", "501"], "--max-annotations takes a whole number from 1 to 500"),
        (["--keep", "fault,slo=3"], "did you mean slow?"),
        (["--keep", "slow=soon"], "slow takes seconds"),
        (["--trace-header", "Root=1-2"], "--trace-header has no Root"),
        (["--trace-header", TRACED_HEADER.replace("1f2e", "xx")], "--trace-header has no Parent"),
        (["--trace-id", "7"], "--trace-id takes an id"),
        (["--annotate", "colour"], "--annotate takes KEY=VALUE"),
        (["--agent-name", "=x"], "--agent-name takes ID=NAME"),
        (["--redact", "(["], "--redact: "),
        (["--prices", "/dev/null"], "/dev/null"),
        (["--udp", "here"], "--udp takes HOST:PORT"),
        (["--udp", "127.0.0.1:1", "--send"], "choose one"),
        (["--follow", "--strict"], "choose one"),
        (["--follow", "a", "b"], "one input"),
        (["--adopt"], "--adopt needs --send"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_exit_status_64(arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (64, b"")
    assert words in done.stderr.decode()


# ---- Options


def root_of(documents):
    (root,) = [document for document in documents if "parent_id" not in document]
    return root


def test_annotations_of_the_root_are_typed_and_indexable():
    typed = ["--annotate", "beta=true", "--annotate", "batch=17", "--annotate", "price=1.50"]
    texts = ["--annotate", "a b=x=y", "--experiment-id", "v2"]
    indexed = ["--tenant", "a" * 100, "--route", "/orders/12345/lines"]
    root = root_of(convert("seed20.jsonl", *typed, *texts, *indexed))
    expected = {
        "beta": True, "batch": 17, "price": 1.5, "a_b": "x=y", "experiment_id": "v2",
        "tenant": "a" * 64, "route": "/orders/{id}/lines",
    }  # fmt: skip
    assert {key: root["annotations"][key] for key in expected} == expected


def test_a_trace_header_gives_trace_and_parent():
    documents = convert("seed20.jsonl", "--trace-header", TRACED_HEADER)
    assert {document["trace_id"] for document in documents} == {"1-690b2c80-5d1f0e3a7b9c4d2e8f6a1b0c"}
    assert documents[0]["parent_id"] == "1f2e3d4c5b6a7988"


def test_a_price_file_gives_costs(tmp_path):
    prices = tmp_path / "prices.json"
    prices.write_text('{"per":1000000,"models":{"amazon.nova-pro-v1:0":{"input":1,"output":2}}}')
    root = root_of_trace(convert("lambda_link.jsonl", "--prices", prices))
    assert root["annotations"]["total_cost_usd"] == pytest.approx((470 + 2 * 74) / 1e6)


def root_of_trace(documents):
    ids = {document["id"] for document in documents}
    (root,) = [document for document in documents if document.get("parent_id") not in ids]
    return root


def test_sampling_keeps_what_failed():
    whole, failed = (convert("failure.jsonl", *how) for how in ([], ["--sample", "0"]))
    assert failed == whole  # all four runs of it went wrong
    assert convert("failure.jsonl", "--sample", "0", "--keep", "") == []
    assert convert("supervisor.jsonl", "--sample", "0") == []
    assert len(convert("supervisor.jsonl", "--sample", "0", "--keep", "slow=0.001")) == 21
    assert run("--sample", "0", SAMPLES / "supervisor.jsonl").returncode == 0


@pytest.mark.parametrize("policy", ["hash", "none"])
def test_content_policy_leaves_no_text(policy):
    marker = "three-tier"  # of the action group's parameters
    assert marker in json.dumps(convert("seed20.jsonl", "--content", "full"))
    assert marker not in json.dumps(convert("seed20.jsonl", "--content", policy))


def test_redaction_is_everywhere():
    documents = convert("seed20.jsonl", "--redact", "three-[a-z]+", "--content", "full")
    assert "three-tier" not in json.dumps(documents) and "[redacted]" in json.dumps(documents)


def test_the_summary_is_a_table_of_segments():
    done = run("--summary", "--now", NOW, SAMPLES / "seed20.jsonl")
    title, heads, *rows = done.stdout.decode().splitlines()
    trace_id = expected_tree("seed20.jsonl")[0]["trace_id"]
    assert title == f"Run 1  {trace_id}  10 segments  47.0 s  5661 + 1806 tokens"
    assert heads.split() == ["#", "PARENT", "START", "END", "TIME", "NAME"]
    assert rows[0].split() == ["0", "-", "+0.000", "+47.000", "synthetic", "Agent_YAWKLCIFTT"]
    assert rows[4].split() == ["4", "3", "+12.000", "+17.000", "synthetic", "Guardrail:input_QX7TN4WJ2C"]
    assert len(rows) == 11 and rows[10] == ""
    assert run("--summary", SAMPLES / "failure.jsonl").stdout.count(b"Run ") == 4


# ---- Called functions


ADOPTED = {"aaaaaaaaaaaaaa01": 2, "aaaaaaaaaaaaaa02": 3, "bbbbbbbbbbbbbb00": 4}


@pytest.mark.parametrize("joint", [True, False])
def test_called_functions_are_adopted_from_a_file(joint):
    segments = str(SAMPLES / "lambda_link.segments.jsonl")
    documents = convert("lambda_link.jsonl", *([f"--adopt={segments}"] if joint else ["--adopt", segments]))
    steps, adopted = documents[:6], documents[6:]
    assert {document["id"]: document["parent_id"] for document in adopted} == {
        key: steps[index]["id"] for key, index in ADOPTED.items()
    }
    originals = {line["id"]: line for line in map(json.loads, open(segments))}
    for document in adopted:
        assert {**document, "parent_id": None} == {**originals[document["id"]], "parent_id": None}


def test_called_functions_are_adopted_from_the_store(new_server):
    server = new_server()
    xray = server.boto3()
    functions = (SAMPLES / "lambda_link.segments.jsonl").read_text().splitlines()
    xray.put_trace_segments(TraceSegmentDocuments=functions)
    for _ in range(2):  # what is adopted stays so
        sample = "lambda_link.jsonl"
        done = run("--send", server.url, "--adopt", *header_of(sample), SAMPLES / sample)
        assert done.returncode == 0, done.stderr
        stored = {one["id"]: one for one in get_documents(xray, "1-690b2c80-5d1f0e3a7b9c4d2e8f6a1b0c")}
        (traces,) = [traces for sample, traces in TREES if sample == "lambda_link.jsonl"]
        steps = traces[0]["segments"]
        for key, index in ADOPTED.items():
            assert stored[key]["parent_id"] == steps[index]["id"]
        assert stored["cccccccccccccc01"]["parent_id"] == "1f2e3d4c5b6a7988"
        assert len(stored) == 12


def test_a_file_without_segment_documents_is_refused(tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"name":"a"}\n')
    done = run(f"--adopt={bad}", SAMPLES / "lambda_link.jsonl")
    assert done.returncode == 64 and f"{bad}:1: " in done.stderr.decode()


# ---- Sending


def stored_of(server, traces):
    xray = server.boto3()
    return {
        trace["trace_id"]: {document["id"]: document for document in get_documents(xray, trace["trace_id"])}
        for trace in traces
    }


@pytest.mark.parametrize("sample", ["supervisor.jsonl", "failure.jsonl", "flow.jsonl"])
def test_every_way_to_the_store_gives_the_same_traces(new_server, sample):
    servers = [new_server() for _ in range(3)]
    traces = expected_tree(sample)
    count = sum(len(trace["segments"]) for trace in traces)
    documents = run("--now", NOW, SAMPLES / sample).stdout.decode().splitlines()
    servers[0].boto3().put_trace_segments(TraceSegmentDocuments=documents)
    for server, way in zip(servers[1:], ("send", "udp")):
        where = server.url if way == "send" else server.ready["udp"]
        done = run(f"--{way}", where, "--now", NOW, SAMPLES / sample)
        assert (done.returncode, done.stdout) == (0, b""), done.stderr
        assert where in done.stderr.decode()
    for server in servers:
        wait_until(lambda: server.metric("fluoro_segments_stored_total") == count, f"{count} segments")
    by_api, by_send, by_udp = (stored_of(server, traces) for server in servers)
    assert by_api == by_send == by_udp
    assert {key: set(found) for key, found in by_api.items()} == {
        trace["trace_id"]: {one["id"] for one in trace["segments"]} for trace in traces
    }
    assert by_api[traces[0]["trace_id"]] == {
        document["id"]: document for document in map(parse, documents)
        if document["trace_id"] == traces[0]["trace_id"]
    }  # fmt: skip


def test_importing_twice_changes_nothing(new_server):
    server = new_server()
    traces = expected_tree("supervisor.jsonl")
    stored = []
    for _ in range(2):
        assert run("--send", server.url, SAMPLES / "supervisor.jsonl").returncode == 0
        stored.append(stored_of(server, traces))
    assert stored[0] == stored[1] and len(stored[0][traces[0]["trace_id"]]) == 21


def test_the_last_words_say_where_to_look(new_server):
    server = new_server()
    done = run("--send", server.url, SAMPLES / "supervisor.jsonl")
    trace_id = expected_tree("supervisor.jsonl")[0]["trace_id"]
    assert f"1 run, 21 segments; sent to {server.url}\n" in done.stderr.decode()
    assert f"fluoro trace {trace_id} --server {server.url}\n" in done.stderr.decode()


def test_what_is_not_sampled_is_not_sent(new_server):
    server = new_server()
    arguments = ["--send", server.url, "--trace-header", TRACED_HEADER.replace("Sampled=1", "Sampled=0")]
    done = run(*arguments, SAMPLES / "seed20.jsonl")
    assert done.returncode == 0 and b"Sampled=0" in done.stderr
    assert server.metric("fluoro_segments_stored_total") == 0
    assert run(*arguments, "--force", SAMPLES / "seed20.jsonl").returncode == 0
    assert server.metric("fluoro_segments_stored_total") == 10


def test_what_sampling_leaves_out_is_not_told_as_sent(new_server):
    server = new_server()
    done = run("--send", server.url, "--sample", "0", SAMPLES / "supervisor.jsonl")
    assert done.returncode == 0 and done.stderr.endswith(b"1 run left out by --sample\n")
    assert server.metric("fluoro_segments_stored_total") == 0


def put_answer(unprocessed=()):
    body = json.dumps({"UnprocessedTraceSegments": list(unprocessed)}).encode()
    return 200, {"Content-Type": "application/json"}, [body]


def documents_in(request):
    path, body = request
    assert path == "/TraceSegments"
    return json.loads(body)["TraceSegmentDocuments"]


def test_batches_hold_50_documents_in_order():
    many = SAMPLES / "supervisor.jsonl", *[SAMPLES / "failure.jsonl", SAMPLES / "flow.jsonl"] * 2
    with StubServer(lambda path, body: put_answer()) as stub:
        assert run("--now", NOW, "--send", stub.url, *many).returncode == 0
    assert [len(documents_in(request)) for request in stub.requests] == [50, 37]
    sent = [document for request in stub.requests for document in documents_in(request)]
    assert sent == run("--now", NOW, *many).stdout.decode().splitlines()


def test_batches_are_at_most_a_mebibyte(tmp_path):
    events = (SAMPLES / "seed20.jsonl").read_text().splitlines()
    long = tmp_path / "long.jsonl"
    with open(long, "w") as out:
        for run_index in range(10):
            for line in events:
                event = json.loads(line.replace("63334671", f"6333467{run_index}"))
                model = event["trace"].get("orchestrationTrace", {}).get("modelInvocationInput")
                if model:
                    model["text"] = 'say "yes"\n' * 5_000
                out.write(json.dumps(event) + "\n")
    with StubServer(lambda path, body: put_answer()) as stub:
        assert run("--content", "full", "--now", NOW, "--send", stub.url, long).returncode == 0
    assert len(stub.requests) > 1
    assert max(len(body) for _, body in stub.requests) <= 1 << 20
    sent = [document for request in stub.requests for document in documents_in(request)]
    assert sent == run("--content", "full", "--now", NOW, long).stdout.decode().splitlines()


def test_a_server_that_stumbles_is_asked_again():
    statuses = [429, 500, 503]

    def answer(path, body):
        if statuses:
            return statuses.pop(0), {"Content-Type": "text/plain"}, [b"not now"]
        return put_answer()

    begin = time.monotonic()
    with StubServer(answer) as stub:
        done = run("--now", NOW, "--send", stub.url, SAMPLES / "seed20.jsonl")
    assert done.returncode == 0, done.stderr
    assert len(stub.requests) == 4 and len({body for _, body in stub.requests}) == 1
    assert 3.5 <= time.monotonic() - begin < 8  # 0.5 + 1 + 2


def test_a_server_that_refuses_is_not_asked_again():
    refusal = 400, {}, [b'{"__type":"InvalidRequestException","message":"no"}']
    with StubServer(lambda path, body: refusal) as stub:
        done = run("--send", stub.url, SAMPLES / "seed20.jsonl")
    assert done.returncode == 3 and len(stub.requests) == 1
    assert b"InvalidRequestException" in done.stderr


def test_a_server_that_is_not_there_is_exit_status_3():
    done = run("--send", "http://127.0.0.1:1", SAMPLES / "seed20.jsonl")
    assert done.returncode == 3
    assert b"no fluoro server answers at http://127.0.0.1:1" in done.stderr


def test_a_port_where_nobody_listens_is_exit_status_3():
    done = run("--udp", "127.0.0.1:1", SAMPLES / "seed20.jsonl")
    assert done.returncode == 3
    assert b"nothing listens at UDP 127.0.0.1:1" in done.stderr


def test_a_full_disk_is_exit_status_3():
    with open("/dev/full", "wb") as full:
        command = [BINARY, "bedrock", SAMPLES / "seed20.jsonl"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 3
    assert b"cannot write to standard output: No space left on device" in done.stderr


def test_a_terminal_gets_the_totals():
    ours, theirs = os.openpty()
    command = [BINARY, "bedrock", SAMPLES / "supervisor.jsonl"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=30, check=False)
    os.close(theirs)
    assert done.returncode == 0
    assert b"1 run, 21 segments\r\n" in os.read(ours, 4096)
    os.close(ours)


def test_a_model_log_fills_in_what_the_stream_lacks(tmp_path):
    events = [json.loads(line) for line in (SAMPLES / "lambda_link.jsonl").read_text().splitlines()]
    outputs = [
        event["trace"]["trace"]["orchestrationTrace"]["modelInvocationOutput"]
        for event in events
        if "modelInvocationOutput" in event.get("trace", {}).get("trace", {}).get("orchestrationTrace", {})
    ]
    request = outputs[0]["metadata"]["clientRequestId"]
    del outputs[0]["metadata"]["usage"]
    stream, log = tmp_path / "stream.jsonl", tmp_path / "log.json.gz"
    stream.write_text("\n".join(map(json.dumps, events)))
    entry = {
        "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "requestId": request,
        "modelId": "amazon.nova-pro-v1:0", "input": {"inputTokenCount": 7}, "output": {"outputTokenCount": 9},
    }  # fmt: skip
    log.write_bytes(gzip.compress(json.dumps(entry).encode()))

    def first_model_step(*arguments):
        found = [document["annotations"] for document in lines_of(run(*arguments, stream).stdout)]
        return next(annotations for annotations in found if annotations["step"] == "model")

    without, filled = first_model_step(), first_model_step("--model-log", log)
    assert "prompt_tokens" not in without
    assert (filled["prompt_tokens"], filled["completion_tokens"]) == (7, 9)


def test_throttled_documents_are_sent_again_and_refused_ones_told():
    answers = []

    def answer(path, body):
        ids = [json.loads(document)["id"] for document in json.loads(body)["TraceSegmentDocuments"]]
        answers.append(ids)
        if len(answers) > 1:
            return put_answer()
        return put_answer([
            {"Id": ids[2], "ErrorCode": "ThrottledException", "Message": "slow down"},
            {"Id": ids[4], "ErrorCode": "InvalidSegment", "Message": "Trace Size Exceeded"},
            {"Id": ids[7], "ErrorCode": "ThrottlingException", "Message": "slow down"},
        ])  # fmt: skip

    with StubServer(answer) as stub:
        done = run("--now", NOW, "--send", stub.url, SAMPLES / "seed20.jsonl")
    assert done.returncode == 3
    assert answers[1:] == [[answers[0][2], answers[0][7]]]
    told = done.stderr.decode()
    assert f"segment {answers[0][4]} was not taken: Trace Size Exceeded (InvalidSegment)\n" in told
    assert "1 document not taken" in told


# ---- Following


class Follower:
    """`fluoro bedrock --follow` with its output collected line by line."""

    def __init__(self, *arguments, stdin=subprocess.PIPE):
        self.process = subprocess.Popen(
            [BINARY, "bedrock", "--follow", "--now", str(NOW), *map(str, arguments)],
            stdin=stdin, stdout=subprocess.PIPE,
        )  # fmt: skip
        os.set_blocking(self.process.stdout.fileno(), False)
        self.output = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()

    def documents(self):
        self.output += self.process.stdout.read() or b""
        return lines_of(self.output[: self.output.rfind(b"\n") + 1])

    def latest(self):
        """{id: document}: a later one stands for an earlier one."""
        return {document["id"]: document for document in self.documents()}

    def end(self):
        code = self.process.wait(20)
        os.set_blocking(self.process.stdout.fileno(), True)
        self.documents()
        return code


def whole(sample):
    return {document["id"]: document for document in convert(sample)}


def test_following_shows_each_event_before_the_next_comes():
    lines = (SAMPLES / "supervisor.jsonl").read_bytes().splitlines(keepends=True)
    names = [one["name"] for one in expected_tree("supervisor.jsonl")[0]["segments"]]
    with Follower() as follower:

        def feed(*lines):
            follower.process.stdin.writelines(lines)
            follower.process.stdin.flush()

        def shown():
            return [document["name"] for document in follower.latest().values() if "end_time" in document]

        feed(lines[0])
        wait_until(lambda: shown() == names[1:2], "the guardrail")
        root = next(iter(follower.latest().values()))
        assert root["name"] == names[0] and root["in_progress"] is True and "parent_id" not in root
        feed(*lines[1:3])
        wait_until(lambda: shown() == names[1:3], "the model call, as it closes")
        feed(*lines[3:])
        follower.process.stdin.close()
        assert follower.end() == 0
        assert follower.latest() == whole("supervisor.jsonl")


@pytest.mark.parametrize(
    "sample", ["supervisor.jsonl", "failure.jsonl", "flow.jsonl", "seed20.jsonl", "supervisor.eventstream"]
)
def test_following_ends_with_the_same_segments(sample):
    with Follower() as follower:
        content = (SAMPLES / sample).read_bytes()
        for begin in range(0, len(content), 4000):
            follower.process.stdin.write(content[begin : begin + 4000])
            follower.process.stdin.flush()
        follower.process.stdin.close()
        assert follower.end() == 0
        assert follower.latest() == whole(sample)


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "removed", "renamed"])
def test_a_growing_file_is_followed_until_it_is_over(tmp_path, how):
    lines = (SAMPLES / "supervisor.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "growing.jsonl"
    path.write_bytes(lines[0])
    with Follower(path, stdin=subprocess.DEVNULL) as follower:
        wait_until(lambda: follower.documents(), "a document of the first event")
        with open(path, "ab") as growing:
            growing.writelines(lines[1:])
        wait_until(lambda: len(follower.latest()) == 21, "all segments")
        assert follower.process.poll() is None
        if how.startswith("SIG"):
            follower.process.send_signal(getattr(signal, how))
        elif how == "removed":
            path.unlink()
        else:
            path.rename(tmp_path / "rotated.jsonl")
        assert follower.end() == 0
        assert follower.latest() == whole("supervisor.jsonl")


def test_a_followed_stream_is_in_the_store_before_it_ends(new_server):
    server = new_server()
    (trace,) = expected_tree("supervisor.jsonl")
    lines = (SAMPLES / "supervisor.jsonl").read_bytes().splitlines(keepends=True)
    with Follower("--send", server.url) as follower:
        follower.process.stdin.writelines(lines[:6])
        follower.process.stdin.flush()
        xray = server.boto3()
        early = wait_until(lambda: get_documents(xray, trace["trace_id"]), "an unfinished trace")
        assert any(document.get("in_progress") for document in early)
        follower.process.stdin.writelines(lines[6:])
        follower.process.stdin.close()
        assert follower.end() == 0
    stored = stored_of(server, [trace])[trace["trace_id"]]
    expected = {
        document["id"]: parse(json.dumps(document)) for document in whole("supervisor.jsonl").values()
    }
    assert set(stored) == set(expected)
    assert not any(document.get("in_progress") for document in stored.values())


# ---- The live example, against a stand-in of the service


def run_example(server, runtime_url):
    environment = {
        **os.environ,
        "PATH": f"{BINARY.parent}:{os.environ['PATH']}",
        "FLUORO_SERVER": server.url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME": runtime_url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    arguments = [sys.executable, EXAMPLE, "AGENT12345", "ALIAS12345", "When does the train leave?"]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_live_example_shows_the_run_of_a_real_client(new_server):
    server = new_server()
    events = [json.loads(line) for line in (SAMPLES / "supervisor.jsonl").read_text().splitlines()]
    with agent_runtime([frame(event) for event in events]) as (url, agent):
        done = run_example(server, url)
    assert done.returncode == 0, done.stderr
    ((path, body),) = agent.invocations
    assert path.startswith("/agents/AGENT12345/agentAliases/ALIAS12345/sessions/")
    assert body == {"inputText": "When does the train leave?", "enableTrace": True}
    (trace,) = expected_tree("supervisor.jsonl")
    stored = stored_of(server, [trace])[trace["trace_id"]]
    assert len(stored) == len(trace["segments"])
    found = [stored[one["id"]] for one in trace["segments"]]
    assert_expected([json.loads(json.dumps(one, default=float)) for one in found], [trace])


def test_the_live_example_keeps_the_exception_that_ended_the_stream(new_server):
    server = new_server()
    events = [json.loads(line) for line in (SAMPLES / "supervisor.jsonl").read_text().splitlines()][:3]
    messages = [frame(event) for event in events]
    messages.append(frame({"throttlingException": {"message": "slow down"}}, kind="exception"))
    with agent_runtime(messages) as (url, _):
        done = run_example(server, url)
    assert done.returncode == 0, done.stderr
    (trace,) = expected_tree("supervisor.jsonl")
    stored = stored_of(server, [trace])[trace["trace_id"]]
    (error,) = [one for one in stored.values() if one["annotations"]["step"] == "stream_error"]
    assert error["throttle"] is True and error["annotations"]["exception"] == "throttlingException"


def test_the_guide_shows_the_example_as_it_is():
    guide = (ROOT / "docs/guide/bedrock.md").read_text()
    code = EXAMPLE.read_text().split('"""\n', 1)[1].strip()
    assert code in guide
