"""The steps that the figures come from. Each checks the answers that it times."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lib import load
from lib.load import Failure, Load
from lib.server import Server

BY_ID_REQUESTS = 2000
SUMMARY_REQUESTS = 300
RESTARTS = 5
IDLE_S = 2
CONNECTIONS = 4

MILLION = 1e6

Tell = Callable[[str, float, str], None]


@contextmanager
def fresh_server(binary: Path) -> Iterator[Server]:
    """Over an empty folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="fluoro-bench-") as folder, Server(binary, Path(folder)) as server:
        yield server


# --- taking traces in


def send_http(server: Server, loaded: Load) -> None:
    """All of a load by PutTraceSegments, as fast as answers come."""
    sent = load.run_json([load.program("replay"), "http", "--file", loaded.put_file, "--port", server.port,
                          "--path", "/TraceSegments", "--type", "application/json",
                          "--conns", CONNECTIONS, "--max-sec", 3600])  # fmt: skip
    if sent["spans_ok"] != loaded.spans:
        raise Failure(f"{sent['spans_ok']} of {loaded.spans} spans were taken")


def ingest(server: Server, loaded: Load, tell: Tell) -> None:
    send_http(server, loaded)
    server.wait_until_quiet("http")
    tell("ingest_cpu_quiet", server.cpu_s() * MILLION / loaded.spans, "s/Mspan")
    server.wait_until_settled()
    tell("ingest_cpu_settled", server.cpu_s() * MILLION / loaded.spans, "s/Mspan")
    tell("ingest_peak_rss", server.memory_mb("VmHWM"), "MB")
    tell("disk", server.disk_bytes() / loaded.spans, "B/span")


def udp(server: Server, loaded: Load, rate: int, tell: Tell) -> None:
    """A datagram a segment; what is lost is a figure, too."""
    load.run_json([load.program("replay"), "udp", "--file", loaded.udp_file, "--port", server.udp_port,
                   "--rate", rate, "--max-sec", 3600])  # fmt: skip
    server.wait_until_quiet("udp")
    stored = server.metrics()['fluoro_segments_stored_total{source="udp"}']
    tell("udp_cpu_quiet", server.cpu_s() * MILLION / loaded.segments, "s/Msegment")
    server.wait_until_settled()
    tell("udp_cpu_settled", server.cpu_s() * MILLION / loaded.segments, "s/Msegment")
    tell("udp_peak_rss", server.memory_mb("VmHWM"), "MB")
    tell("udp_disk", server.disk_bytes() / loaded.segments, "B/segment")
    tell("udp_lost", loaded.segments - stored, "segments")


# --- reading


def ask(server: Server, path: str, bodies: list[dict], name: str, tell: Tell) -> list[dict]:
    """Times the requests, one after the other; their answers."""
    with tempfile.TemporaryDirectory(prefix="fluoro-bench-") as folder:
        requests, answers = Path(folder, "requests"), Path(folder, "answers")
        requests.write_text("".join(json.dumps(body) + "\n" for body in bodies))
        before_s = server.cpu_s()
        told = load.run_json([load.program("ask"), "--port", server.port, "--path", path,
                              "--bodies", requests, "--answers", answers])  # fmt: skip
        cpu_s = server.cpu_s() - before_s
        with open(answers, "rb") as lines:
            read = [json.loads(line) for line in lines]
    if len(read) != len(bodies):
        raise Failure(f"{path}: {len(read)} answers to {len(bodies)} requests")
    tell(f"{name}_p50", told["p50_ms"], "ms")
    tell(f"{name}_p99", told["p99_ms"], "ms")
    tell(f"{name}_cpu", cpu_s * 1e3 / len(bodies), "ms/request")
    return read


def check_trace(answer: dict, trace_id: str, segment_ids: list[str]) -> None:
    """The answer has the trace with the segments that were sent, each once; inferred ones beside."""
    traces = answer["Traces"]
    if [trace["Id"] for trace in traces] != [trace_id] or answer["UnprocessedTraceIds"]:
        raise Failure(f"{trace_id} is not found")
    documents = [json.loads(segment["Document"]) for segment in traces[0]["Segments"]]
    stored = sorted(document["id"] for document in documents if not document.get("inferred"))
    if stored != sorted(segment_ids):
        raise Failure(f"{trace_id}: {len(stored)} segments for the {len(segment_ids)} that were sent")


def by_id(server: Server, traces: dict[str, list[str]], tell: Tell, name: str = "by_id") -> None:
    wanted = load.sample(traces, BY_ID_REQUESTS)
    answers = ask(server, "/Traces", [{"TraceIds": [trace_id]} for trace_id in wanted], name, tell)
    for answer, (trace_id, segment_ids) in zip(answers, wanted.items(), strict=True):
        check_trace(answer, trace_id, segment_ids)


def check_newest(answer: dict, traces: dict[str, list[str]]) -> None:
    """The page has the newest traces; which of those of the same second is open."""
    page = [summary["Id"] for summary in answer["TraceSummaries"]]
    seconds = sorted((trace_id[2:10] for trace_id in traces), reverse=True)[: len(page)]
    if not page or len(set(page)) != len(page) or not traces.keys() >= set(page):
        raise Failure("a page of summaries has none, the same twice, or what was never sent")
    if sorted((trace_id[2:10] for trace_id in page), reverse=True) != seconds:
        raise Failure("a page of summaries does not have the newest")


def summaries(server: Server, loaded: Load, tell: Tell) -> None:
    """The first page of the whole range; the server sets its length."""
    body = {"StartTime": loaded.from_s, "EndTime": loaded.to_s}
    answers = ask(server, "/TraceSummaries", [body] * SUMMARY_REQUESTS, "summaries", tell)
    for answer in answers:
        check_newest(answer, loaded.traces)
    tell("summaries_page", len(answers[0]["TraceSummaries"]), "traces")


def restart(server: Server, traces: dict[str, list[str]], tell: Tell, name: str = "restart") -> None:
    """Clean stops and starts, to the first right answer; then the memory of doing nothing."""
    times_ms = []
    for trace_id, segment_ids in load.sample(traces, RESTARTS).items():
        server.stop()
        began_s = time.monotonic()
        server.start()
        answer = server.post("/Traces", {"TraceIds": [trace_id]})
        times_ms.append((time.monotonic() - began_s) * 1e3)
        check_trace(answer, trace_id, segment_ids)
    time.sleep(IDLE_S)
    tell(f"{name}_first_answer", sorted(times_ms)[len(times_ms) // 2], "ms")
    tell(f"{name}_idle_rss", server.memory_mb("VmRSS"), "MB")


# --- growth


def growth(server: Server, count: int, spans: int, tell: Tell) -> None:
    """Chunk after chunk of new traces: what a span costs and how long a trace takes as the store grows.
    The first chunk is settled and read by itself, the others follow each other at full speed. A chunk
    is charged with all that the server does since the one before, the last with settling, too."""
    traces: dict[str, list[str]] = {}
    total_spans, spent_s = 0, []
    marked_s = server.cpu_s()

    def measure(label: str) -> None:
        tell(f"growth_disk_{label}", server.disk_bytes() / total_spans, "B/span")
        tell(f"growth_peak_rss_{label}", server.memory_mb("VmHWM"), "MB")
        by_id(server, traces, tell, f"growth_by_id_{label}")

    with tempfile.TemporaryDirectory(prefix="fluoro-bench-") as folder:
        for i, chunk in enumerate(load.chunks(Path(folder), count, spans)):
            traces |= load.sample(chunk.traces, BY_ID_REQUESTS)
            send_http(server, chunk)
            if i in (0, count - 1):
                server.wait_until_settled()
            before_s, marked_s = marked_s, server.cpu_s()
            spent_s.append((marked_s - before_s) * MILLION / chunk.spans)
            total_spans += chunk.spans
            tell(f"growth_cpu_{i + 1:02}", spent_s[-1], "s/Mspan")
            if i == 0:
                measure("first")
                marked_s = server.cpu_s()
    measure("last")
    later_s = spent_s[1:] or spent_s
    tell("growth_cpu_later", sum(later_s) / len(later_s), "s/Mspan")
    tell("growth_cpu_ratio", sum(later_s) / len(later_s) / spent_s[0], "later/first")
    restart(server, traces, tell, "growth_restart")
