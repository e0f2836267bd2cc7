"""The samples of Bedrock streams, what must come of them, and a stand-in of the service."""

import contextlib
import http.server
import json
import struct
import subprocess
import threading
import time
import zlib
from dataclasses import dataclass, field

from fluoro import BINARY, ROOT

SAMPLES = ROOT / "tests/golden/bedrock/input"
EXPECTED = ROOT / "tests/golden/bedrock/expected"
NOW = 1740000000
TRACED_HEADER = "Root=1-690b2c80-5d1f0e3a7b9c4d2e8f6a1b0c;Parent=1f2e3d4c5b6a7988;Sampled=1"


def run(*arguments, stdin=b"", **others):
    """`fluoro bedrock` to its end; output and diagnostics as text."""
    return subprocess.run(
        [BINARY, "bedrock", *map(str, arguments)],
        input=stdin, capture_output=True, timeout=120, check=False, **others,
    )  # fmt: skip


def lines_of(output):
    return [json.loads(line) for line in output.decode().splitlines()]


def convert(sample, *arguments):
    """Documents of a sample."""
    return lines_of(run("--now", NOW, *header_of(sample), *arguments, SAMPLES / sample).stdout)


def header_of(sample):
    return ["--trace-header", TRACED_HEADER] if sample.startswith("lambda_link") else []


def cases():
    """(sample, mode, expected traces, expected errors) of every file of expectations."""
    for path in sorted(EXPECTED.glob("*.expected.json")):
        expected = json.loads(path.read_text())
        for case in expected["cases"]:
            yield expected["input"], case["mode"], case["traces"], case["errors"]


def told(document, ids, wanted):
    """A document in the form of the expectations, with the annotations that they name."""
    cause = document.get("cause", {}).get("exceptions", [{}])[0]
    found = {
        "name": document["name"],
        "id": document["id"],
        "parent": ids.get(document.get("parent_id")),
        "start": round(document["start_time"], 6),
        "end": round(document["end_time"], 6),
        "time": document["annotations"]["time_source"],
        **{flag: document.get(flag, False) for flag in ("fault", "error", "throttle")},
        "annotations": {
            key: document["annotations"][key]
            for key in wanted.get("annotations", {})
            if key in document["annotations"]
        },
    }
    if "type" in cause:
        found["exception_type"] = cause["type"]
    if "http" in document:
        found["http_status"] = document["http"]["response"]["status"]
    return found


def assert_expected(documents, traces):
    """The documents are those of the expected traces, in their order."""
    by_trace = {}
    for document in documents:
        by_trace.setdefault(document["trace_id"], []).append(document)
    assert list(by_trace) == [trace["trace_id"] for trace in traces]
    for trace in traces:
        found = by_trace[trace["trace_id"]]
        assert [document["name"] for document in found] == [one["name"] for one in trace["segments"]]
        ids = {document["id"]: index for index, document in enumerate(found)}
        for document, wanted in zip(found, trace["segments"], strict=True):
            wanted = {**wanted, "start": round(wanted["start"], 6), "end": round(wanted["end"], 6)}
            assert told(document, ids, wanted) == wanted


# ---- Stand-ins


class StubServer:
    """Answers every POST by `answer(path, body)` → (status, headers, pieces of the body)."""

    def __init__(self, answer):
        outer = self
        self.requests = []  # (path, body)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.path, body))
                status, headers, pieces = answer(self.path, body)
                self.send_response(status)
                for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in [*pieces, b""]:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def frame(event, kind="event"):
    """An event {member: body} as a message of application/vnd.amazon.eventstream."""
    ((member, body),) = event.items()
    headers = {f":{kind}-type": member, ":content-type": "application/json", ":message-type": kind}
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    payload = json.dumps(body).encode()
    prelude = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


@dataclass
class Agent:
    """A stand-in of bedrock-agent-runtime: InvokeAgent answers with these messages, slowly."""

    messages: list
    pause: float = 0.002
    invocations: list = field(default_factory=list)

    def answer(self, path, body):
        self.invocations.append((path, json.loads(body)))
        headers = {
            "Content-Type": "application/vnd.amazon.eventstream",
            "x-amzn-requestid": "5f0c1c2e-1111-4222-8333-944444444444",
            "x-amzn-bedrock-agent-content-type": "application/json",
            "x-amz-bedrock-agent-session-id": path.split("/")[6],
        }
        return 200, headers, self._pieces()

    def _pieces(self):
        stream = b"".join(self.messages)
        for begin in range(0, len(stream), 1500):  # messages cross the borders of chunks
            time.sleep(self.pause)
            yield stream[begin : begin + 1500]


@contextlib.contextmanager
def agent_runtime(messages):
    agent = Agent(messages)
    with StubServer(agent.answer) as stub:
        yield stub.url, agent
