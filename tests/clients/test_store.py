"""`fluoro store inspect | verify | dump` beside a server and after it, `fluoro pin`, retention and pins."""

import json
import os
import subprocess

import pytest

from documents import embedded, get_documents, new_trace_id, put, segment, subsegment
from fluoro import BINARY, HEADER, wait_until


def run(*arguments, env=None):
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def store(command, server, *arguments):
    return run("store", command, "--data", server.data, *arguments)


def inspect(server, *arguments):
    done = store("inspect", server, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def dump(server, *arguments):
    """The dumped lines; none is an exit code of 1."""
    done = store("dump", server, *arguments)
    assert done.returncode == (0 if done.stdout else 1), done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def pin(server, *arguments, command="pin"):
    return run(command, "--server", server.url, *arguments)


def traffic(traces=30):
    """Documents of some traces, as they were sent: a root, a subsegment of its own, an embedded one."""
    sent = []
    for i in range(traces):
        root = segment(annotations={"order": i, "tenant": f"t{i % 3}"}, http={"response": {"status": 200}})
        child = subsegment(root, metadata={"default": {"rows": [i, None, "ä\u0001"]}})
        inner = embedded(root["start_time"], 0.01)
        sent += [{**root, "subsegments": [inner]}, child]
    return sent


def normal(document):
    return json.loads(json.dumps(document), parse_float=lambda text: round(float(text), 6))


def by_id(documents):
    return {document["id"]: normal(document) for document in documents}


@pytest.fixture
def filled(new_server):
    """A server and what it was sent."""
    server = new_server()
    sent = traffic()
    put(server.boto3(), *sent)
    return server, sent


def test_a_dump_beside_the_server_and_after_it_is_what_was_sent(filled):
    server, sent = filled
    beside = dump(server)
    assert by_id(map(json.loads, beside)) == by_id(sent)
    server.stop()
    assert sorted(dump(server)) == sorted(beside)


def test_a_dump_comes_newest_first_and_can_be_chosen_from(new_server):
    server = new_server()
    now = int(segment()["start_time"])
    ids = [new_trace_id(now - 60 * i) for i in range(5)]
    put(server.boto3(), *(segment(trace_id, now - 60 * i) for i, trace_id in enumerate(ids)))

    def traces(*arguments):
        return [json.loads(line)["trace_id"] for line in dump(server, *arguments)]

    for _ in range(2):  # live, then settled
        assert traces() == ids
        assert traces("--limit", 2) == ids[:2]
        assert traces("--since", now - 60, "--until", now) == ids[1:2]
        assert traces("--trace", ids[3], "--trace", ids[0].replace("-", "")[1:]) == [ids[3], ids[0]]
        assert traces("--trace", new_trace_id()) == []
        server.stop()
    done = store("dump", server, "--trace", "x")
    assert done.returncode == 2 and "`x` is no trace id" in done.stderr


@pytest.mark.parametrize("way", ["boto3", "stream"])
def test_a_dump_can_be_fed_back(filled, new_server, way):
    server, sent = filled
    lines = dump(server)
    other = new_server()
    if way == "boto3":
        put(other.boto3(), *lines)
    else:
        with other.connect_segments("tcp") as stream:
            stream.sendall("\n".join([HEADER, *lines, ""]).encode())
        wait_until(
            lambda: other.metric("fluoro_segments_stored_total", source="stream") == len(lines), "stored"
        )
    for trace_id in {document["trace_id"] for document in sent}:
        assert get_documents(other.boto3(), trace_id) == get_documents(server.boto3(), trace_id)


def test_inspect_tells_what_waits_and_what_is_settled(filled):
    server, sent = filled
    found = inspect(server)
    assert found["Traces"] == 30 and found["Segments"] == len(sent)
    assert found["WaitingSegments"] + sum(part["Segments"] for part in found["Parts"]) == len(sent)
    server.stop()
    found = inspect(server, "--columns")
    assert found["WaitingSegments"] == 0 and found["Segments"] == len(sent)
    assert sum(part["Segments"] for part in found["Parts"]) == len(sent)
    assert sum(part["Spans"] for part in found["Parts"]) == 3 * 30
    paths = {column["Path"]: column["Values"] for column in found["Columns"]}
    assert paths["annotations.tenant"] == 30 and paths["http.response.status"] == 30
    for part in found["Parts"]:
        assert part["FileBytes"] == (server.data / "parts" / part["File"]).stat().st_size
        assert inspect(server, part["Part"]) == inspect(server, part["File"])
        shown = store("inspect", server, part["Part"], "--width", 80)
        assert shown.returncode == 0 and "annotations.tenant" in shown.stdout
    assert store("inspect", server).stdout.startswith(f"{server.data}\n30 traces, 60 segments\n")
    assert store("inspect", server, "20000101-1-1-0").returncode == 3


def test_the_tools_change_nothing_and_take_no_lock(filled):
    server, _ = filled
    server.stop()

    def state():
        return {path: path.stat().st_mtime_ns for path in server.data.rglob("*") if path.is_file()}

    before = state()
    for command in ("inspect", "verify", "dump"):
        assert store(command, server).returncode == 0
        assert state() == before
    server.start()
    for command in ("inspect", "verify", "dump"):
        assert store(command, server).returncode == 0


def test_verify_finds_a_flipped_byte_in_every_part_of_a_file(filled):
    server, _ = filled
    server.stop()
    done = store("verify", server)
    assert done.returncode == 0 and done.stdout.endswith(": all sound\n"), done.stdout
    part = next((server.data / "parts").iterdir())
    content = part.read_bytes()
    for at in range(0, len(content), len(content) // 20):
        part.write_bytes(content[:at] + bytes([content[at] ^ 0x41]) + content[at + 1 :])
        done = store("verify", server)
        assert done.returncode == 1, f"byte {at} of {len(content)}"
        assert f"parts/{part.name}: " in done.stdout
        assert "; restore the file from a copy, or move it away" in done.stdout
        found = json.loads(store("verify", server, "--json").stdout)
        assert not found["Sound"] and found["Problems"][0]["File"] == f"parts/{part.name}"
    part.write_bytes(content)
    assert store("verify", server).returncode == 0


def test_verify_tells_mended_from_lost_in_the_log(new_server):
    server = new_server()
    for _ in range(10):  # what follows a damage tells it from an unfinished commit
        put(server.boto3(), *traffic(3))
    server.kill()
    log = max((server.data / "log").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(log.read_bytes())
    content[100] ^= 0x10
    log.write_bytes(content)
    done = store("verify", server)
    assert done.returncode == 1
    assert "log/" in done.stdout and "a server that starts here mends it" in done.stdout
    content[110] ^= 0x10
    log.write_bytes(content)
    done = store("verify", server)
    assert done.returncode == 1
    assert "offset 32: " in done.stdout and "beyond repair" in done.stdout


def test_a_dump_of_damaged_parts_leaves_out_and_tells_but_is_never_wrong(filled):
    server, sent = filled
    server.stop()
    for log in (server.data / "log").iterdir():
        log.unlink()  # all of it is settled
    whole = by_id(sent)
    part = next((server.data / "parts").iterdir())
    content = part.read_bytes()
    left_out = 0
    for at in range(5, len(content), len(content) // 80):
        part.write_bytes(content[:at] + bytes([content[at] ^ 0x41]) + content[at + 1 :])
        done = store("dump", server)
        lines = done.stdout.splitlines()
        for line in lines:
            document = normal(json.loads(line))
            assert whole[document["id"]] == document
        assert len(lines) == len(sent) or done.stderr, f"byte {at}: nothing told of what is missing"
        left_out += done.returncode == 5 and "left out: " in done.stderr
    assert left_out > 0


@pytest.mark.parametrize("command", ["inspect", "verify", "dump"])
def test_the_directory_is_that_of_serve(filled, tmp_path, command):
    server, _ = filled
    assert run("store", command, env={"FLUORO_DATA": str(server.data)}).returncode == 0
    done = run("store", command, "--data", tmp_path)
    assert done.returncode == 3 and "name the one of `fluoro serve` with --data" in done.stderr


def test_traces_are_pinned_listed_and_let_go(new_server):
    server = new_server()
    document = segment()
    put(server.boto3(), document)
    trace_id, coming = document["trace_id"], new_trace_id()
    done = pin(server, "--list")
    assert (done.returncode, done.stdout) == (1, "") and "no trace is pinned" in done.stderr
    assert pin(server, "latest", coming.replace("-", "")[1:].upper()).stdout == "Pinned 2 traces.\n"
    assert pin(server, trace_id[:20]).stdout == "Pinned 0 traces; 1 was pinned before.\n"
    assert pin(server, "--list").stdout.split() == sorted([trace_id, coming])
    assert json.loads(pin(server, "--list", "--json").stdout) == {"TraceIds": sorted([trace_id, coming])}
    assert inspect(server)["Pins"] == sorted([trace_id, coming])
    server.stop()
    server.start()
    done = pin(server, coming, new_trace_id(), command="unpin")
    assert done.stdout == "Let go of 1 trace; 1 was not pinned.\n"
    assert pin(server, "--list").stdout.split() == [trace_id]


def test_many_ids_go_in_several_calls(new_server):
    server = new_server()
    ids = sorted(new_trace_id() for _ in range(2500))
    assert pin(server, *ids).stdout == "Pinned 2,500 traces.\n"
    assert pin(server, "--list").stdout.split() == ids
    assert pin(server, *ids, command="unpin").stdout == "Let go of 2,500 traces.\n"


def test_wrong_pins_are_explained(server):
    done = pin(server, "xyz")
    assert done.returncode == 2 and "`xyz` is no trace id; give one like" in done.stderr
    done = pin(server)
    assert done.returncode == 2 and "needs ids, or --list" in done.stderr
    done = pin(server, "--list", new_trace_id())
    assert done.returncode == 2 and "--list goes without ids" in done.stderr
    done = run("pin", "--server", "http://127.0.0.1:1", new_trace_id())
    assert done.returncode == 4 and "no fluoro server answers" in done.stderr


def test_retention_spares_what_is_pinned(new_server):
    server = new_server("--retention", "2s")
    kept, gone = segment(), segment()
    assert pin(server, kept["trace_id"]).returncode == 0
    put(server.boto3(), kept, gone)
    wait_until(lambda: not get_documents(server.boto3(), gone["trace_id"]), "the other one is gone", 30)
    assert get_documents(server.boto3(), kept["trace_id"])
    server.stop()
    server.start()
    assert get_documents(server.boto3(), kept["trace_id"])
    assert kept["trace_id"] in [json.loads(line)["trace_id"] for line in dump(server)]
