"""Start, refusal to start, and the end of a server."""

import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from documents import assert_same_meaning, segment, text
from fluoro import BINARY, Server, address_of, request_bytes, wait_until


def serve(tmp_path, *flags, data=None):
    """A server that must refuse to start: (exit code, what it says)."""
    command = [
        BINARY, "serve", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data", data or tmp_path / "data", *flags
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert "Sanitizer" not in done.stderr
    return done.returncode, done.stderr


def test_ready_file_has_the_addresses_that_answer(new_server):
    server = new_server()
    assert server.ready["pid"] == server.process.pid
    assert set(server.ready) >= {
        "pid",
        "listen",
        "udp",
        "otlp_http",
        "otlp_grpc",
        "segments_tcp",
        "segments_socket",
    }
    for name in ("listen", "udp", "segments_tcp"):
        host, port = address_of(server.ready[name])
        assert host == "127.0.0.1" and port > 0
    assert server.post("/TraceSegments", {"TraceSegmentDocuments": []}).status == 200


def test_data_folder_is_private(new_server):
    server = new_server()
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_second_server_on_the_same_data_is_refused(new_server, tmp_path):
    server = new_server()
    code, said = serve(tmp_path, data=server.data)
    assert code not in (0, 1) and code < 128
    assert str(server.data) in said
    assert server.post("/TraceSegments", {"TraceSegmentDocuments": []}).status == 200


def test_address_in_use_is_refused(new_server, tmp_path):
    server = new_server()
    code, said = serve(tmp_path, "--listen", server.ready["listen"])
    assert code == 2
    assert server.ready["listen"] in said


@pytest.mark.parametrize("flag", ["--listen", "--udp", "--segments-tcp"])
def test_address_beyond_loopback_is_refused(tmp_path, flag):
    code, said = serve(tmp_path, flag, "0.0.0.0:0")
    assert code == 2
    assert "0.0.0.0" in said and "loopback" in said


@pytest.mark.parametrize(
    "flags",
    [
        ["--no-such-flag"],
        ["--listen"],
        ["--listen", "nonsense"],
        ["--listen", "127.0.0.1:99999"],
        ["--retention", "soon"],
        ["--memory", "-1"],
        ["--durability", "never"],
        ["--limits", "closed"],
        ["--store", "clickhouse://host"],
        ["--config", "/no/such/file.ini"],
        ["operand"],
    ],
)
def test_bad_flag_is_refused_with_exit_code_2(tmp_path, flags):
    code, said = serve(tmp_path, *flags)
    assert code == 2
    assert said.strip() != ""
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "0.0.0.0:2000"])
def test_check_config_finds_a_bad_address(address):
    command = [BINARY, "serve", "--check-config", "--listen", address]
    assert subprocess.run(command, timeout=20, check=False, capture_output=True).returncode == 2


def test_config_file_and_environment_have_the_names_of_the_flags(tmp_path):
    config = tmp_path / "fluoro.ini"
    config.write_text("limits = aws\nretention = 1d\n")
    environment = {**os.environ, "FLUORO_CONFIG": str(config), "FLUORO_DURABILITY": "relaxed"}
    command = [BINARY, "serve", "--check-config", "--data", tmp_path / "data"]
    assert subprocess.run(command, env=environment, timeout=20).returncode == 0
    config.write_text("limit = aws\n")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "limit" in done.stderr


def test_documents_are_there_after_a_restart(new_server):
    server = new_server()
    documents = [segment() for _ in range(100)]
    assert (
        server.post(
            "/TraceSegments", {"TraceSegmentDocuments": [text(document) for document in documents]}
        ).status
        == 200
    )
    server.stop()
    server.start()
    assert_same_meaning(server.boto3(), documents)


def test_documents_without_an_answer_are_there_after_a_stop(new_server):
    server = new_server()
    datagram, streamed = segment(), segment()
    header = b'{"format":"json","version":1}\n'
    server.send_datagram(header + text(datagram).encode())
    with server.connect_segments("unix") as stream:
        stream.sendall(header + text(streamed).encode())
        stream.shutdown(socket.SHUT_WR)
        stream.recv(1)
    server.stop()
    server.start()
    assert_same_meaning(server.boto3(), [datagram, streamed])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_put_in_flight_is_answered_before_the_end(new_server, how):
    server = new_server()
    document = segment()
    request = request_bytes("/TraceSegments", {"TraceSegmentDocuments": [text(document)]})
    with server.connect() as wire, server.connect() as idle:
        assert idle.post("/TraceSegments", {"TraceSegmentDocuments": []}).status == 200
        wire.send(request[:-10])
        wait_until(lambda: server.metric("fluoro_http_connections_open") >= 3, "both connections")
        server.process.send_signal(how)
        assert idle.is_closed_by_server()
        wire.send(request[-10:])
        answer = wire.read_answer()
        assert answer.status == 200
        assert answer.headers["connection"].lower() == "close"
        assert wire.is_closed_by_server()
    assert server.process.wait(20) == 0
    server.process = None
    server.start()
    assert_same_meaning(server.boto3(), [document])


def test_puts_around_the_end_are_answered_or_not_taken(new_server):
    """Under load: each put that was answered before the server went is there afterwards."""
    server = new_server()
    acknowledged = []

    def write():
        try:
            with server.connect() as wire:
                while True:
                    document = segment()
                    if wire.post("/TraceSegments", {"TraceSegmentDocuments": [text(document)]}).status == 200:
                        acknowledged.append(document)
        except (EOFError, OSError):
            pass

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    time.sleep(0.1)
    server.stop()
    for writer in writers:
        writer.join()
    server.start()
    assert acknowledged
    xray = server.boto3()
    for start in range(0, len(acknowledged), 100):
        part = acknowledged[start : start + 100]
        traces = xray.batch_get_traces(TraceIds=[document["trace_id"] for document in part])["Traces"]
        assert [json.loads(trace["Segments"][0]["Document"])["id"] for trace in traces] == [
            one["id"] for one in part
        ]


def test_store_of_a_newer_version_is_left_alone(new_server, tmp_path):
    server = new_server()
    assert server.post("/TraceSegments", {"TraceSegmentDocuments": [text(segment())]}).status == 200
    server.kill()  # a stop would settle all of the log
    log, *_ = [
        path for path in (server.data / "log").rglob("*") if path.is_file() and path.stat().st_size > 0
    ]
    content = log.read_bytes()
    log.write_bytes(b"NOTFLUOR" + content[8:])
    code, said = serve(tmp_path, data=server.data)
    assert code != 0 and log.name in said
    assert log.read_bytes() == b"NOTFLUOR" + content[8:]
    log.write_bytes(content)
    server.start()


def test_unix_socket_of_a_killed_server_is_replaced(new_server):
    server = new_server()
    server.kill()
    assert (server.folder / "segments.sock").exists()
    server.start()
    server.connect_segments("unix").close()
    server.stop()
    assert not (server.folder / "segments.sock").exists()


def test_harness_sees_a_server_that_cannot_start(tmp_path):
    with pytest.raises(AssertionError, match="ended with 2"):
        Server(tmp_path, "--limits", "closed").start()
