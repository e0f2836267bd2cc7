"""The daemon's port: datagrams, and segment streams for what is larger than one."""

import json
import random
import socket
import threading

import pytest

from documents import answered, assert_same_meaning, get_trace, new_trace_id, segment, subsegment, text
from fluoro import HEADER, MIB, wait_until

STREAMS = ["tcp", "unix"]


def datagram(document, header=HEADER):
    body = document if isinstance(document, bytes) else text(document).encode()
    return header.encode() + b"\n" + body


def wait_for(xray, *documents):
    """Waits until all documents are there, then compares them."""
    for trace_id in {document["trace_id"] for document in documents}:
        wait_until(lambda trace_id=trace_id: get_trace(xray, trace_id), f"trace {trace_id}")
    assert_same_meaning(xray, documents)


class Losses:
    """Counters of a server before and after."""

    def __init__(self, server):
        self.server = server
        self.before = server.metrics()

    def moved(self):
        """{label: how far} of every reason that moved."""
        names = ("fluoro_documents_dropped_total", "fluoro_documents_rejected_total")
        after = self.server.metrics()
        return {
            dict(key[1:])["reason"]: after[key] - self.before.get(key, 0)
            for key in after
            if key[0] in names and after[key] != self.before.get(key, 0)
        }

    def wait_for(self, **expected):
        wait_until(lambda: self.moved() == expected, f"{expected}, but {self.moved()}")


# ---- UDP


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        '{"format": "json", "version": 1}',
        '{"version":1,"format":"JSON"}',
        ' {"format":"Json","version":1,"more":[]} ',
        HEADER + "\r",
    ],
)
def test_datagram_with_a_good_header(server, xray, header):
    document = segment()
    server.send_datagram(datagram(document, header))
    wait_for(xray, document)


def test_document_of_a_datagram_may_hold_line_feeds(server, xray):
    document = segment()
    server.send_datagram(datagram(json.dumps(document, indent=2).encode() + b"\n\n"))
    wait_for(xray, document)


BAD_DATAGRAMS = [
    (b"", "no_header"),
    (b"\n", "no_header"),
    (b"no line feed", "no_header"),
    (HEADER.encode(), "no_header"),
    (b"\n" + text(segment()).encode(), "no_header"),
    (text(segment()).encode() + b"\n", "bad_header"),
    (datagram(segment(), "format=json"), "bad_header"),
    (datagram(segment(), "[]"), "bad_header"),
    (datagram(segment(), "{}"), "bad_header"),
    (datagram(segment(), '{"format":"json"}'), "bad_header"),
    (datagram(segment(), '{"format":"protobuf","version":1}'), "bad_header"),
    (datagram(segment(), '{"format":"json","version":2}'), "bad_header"),
    (datagram(segment(), '{"format":"json","version":"one"}'), "bad_header"),
    (HEADER.encode() + b"\n", "no_body"),
    (HEADER.encode() + b"\n \r\n", "no_body"),
    (datagram(b"no json"), "ParseError"),
    (datagram(b"\xff\xfe\x00"), "ParseError"),
    (datagram(b"{}"), "MissingId"),
    (datagram(segment(name="")), "InvalidName"),
]


@pytest.mark.parametrize(
    "payload, reason", BAD_DATAGRAMS, ids=[f"{i}-{row[1]}" for i, row in enumerate(BAD_DATAGRAMS)]
)
def test_bad_datagram_is_counted_and_harms_no_other(server, xray, payload, reason):
    losses = Losses(server)
    document = segment()
    server.send_datagram(payload)
    server.send_datagram(datagram(document))
    wait_for(xray, document)
    losses.wait_for(**{reason: 1})


def test_name_that_was_cut_inside_a_character_is_mended(server, xray):
    before = server.metric("fluoro_document_texts_repaired_total")
    document = segment(name="caf@")
    server.send_datagram(datagram(text(document).encode().replace(b"@", b"\xc3")))
    wait_until(lambda: get_trace(xray, document["trace_id"]), "the mended document")
    assert answered(xray, document["trace_id"])[document["id"]]["name"] == "caf\N{REPLACEMENT CHARACTER}"
    assert server.metric("fluoro_document_texts_repaired_total") == before + 1


@pytest.mark.parametrize("size", [60_000, 65_507])
def test_datagram_as_large_as_udp_takes(server, xray, size):
    document = segment(metadata={"default": {"x": ""}})
    document["metadata"]["default"]["x"] = "x" * (size - len(datagram(document)))
    payload = datagram(document)
    assert len(payload) == size
    server.send_datagram(payload)
    wait_for(xray, document)


def test_bursts_of_datagrams_arrive_once(server, xray):
    """As many at once as the smallest receive buffer of a kernel holds."""
    trace_ids = [new_trace_id() for _ in range(10)]
    documents = [segment(trace_ids[i % 10]) for i in range(1000)]
    stored = server.metric("fluoro_segments_stored_total", source="udp")
    losses = Losses(server)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for end in range(100, 1001, 100):
            for document in documents[end - 100 : end]:
                sender.sendto(datagram(document), server.udp)
            wait_until(
                lambda end=end: server.metric("fluoro_segments_stored_total", source="udp") == stored + end,
                f"{end} segments",
            )
    assert_same_meaning(xray, documents)
    assert losses.moved() == {}


# ---- Segment streams


def send_stream(server, kind, payload, cuts=()):
    """Sends in pieces cut at these places, then ends the stream."""
    with server.connect_segments(kind) as stream:
        for start, end in zip((0, *cuts), (*cuts, len(payload))):
            stream.sendall(payload[start:end])
        stream.shutdown(socket.SHUT_WR)
        assert stream.recv(1) == b""  # the server took all and closed


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("between", [b"", b"\n", b" \r\n\t "])
def test_documents_one_behind_the_other(server, xray, kind, between):
    losses = Losses(server)
    root = segment()
    documents = [
        root,
        *(subsegment(root, i / 1000) for i in range(40)),
        segment(),
        segment(name='quote " and } in a name'),
    ]
    payload = (
        HEADER.encode() + b"\n" + between.join(text(document).encode() for document in documents) + between
    )
    send_stream(server, kind, payload)
    wait_for(xray, *documents)
    assert losses.moved() == {}


@pytest.mark.parametrize("kind", STREAMS)
def test_stream_may_be_split_anywhere(server, xray, kind):
    documents = [segment(metadata={"default": {"x": 'é😀\\" {}[]' * 5}}) for _ in range(5)]
    payload = (
        HEADER.encode()
        + b"\n"
        + b"".join(json.dumps(document, ensure_ascii=False).encode() for document in documents)
    )
    send_stream(server, kind, payload, range(1, len(payload)))
    wait_for(xray, *documents)
    chance = random.Random(1)
    for _ in range(20):
        document = segment()
        payload = datagram(document)
        send_stream(server, kind, payload, sorted(chance.sample(range(1, len(payload)), 4)))
        wait_for(xray, document)


@pytest.mark.parametrize("kind", STREAMS)
def test_document_beyond_a_datagram(server, xray, kind):
    documents = [segment(metadata={"default": {"x": "x" * size}}) for size in (500_000, MIB - 1000, 10)]
    send_stream(server, kind, datagram(b"".join(text(document).encode() for document in documents)))
    wait_for(xray, *documents)


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("size", [MIB, 5 * MIB])
def test_document_over_the_limit_is_counted_and_the_next_ones_come(server, xray, kind, size):
    losses = Losses(server)
    before, large, behind = segment(), segment(metadata={"default": {"x": "}{" * (size // 2)}}), segment()
    send_stream(
        server, kind, datagram(b"".join(text(document).encode() for document in (before, large, behind)))
    )
    wait_for(xray, before, behind)
    assert get_trace(xray, large["trace_id"]) is None
    losses.wait_for(too_large=1)


@pytest.mark.parametrize("kind", STREAMS)
def test_garbage_between_documents_is_counted_and_nothing_else_is_lost(server, xray, kind):
    losses = Losses(server)
    documents = [segment() for _ in range(4)]
    pieces = [text(document).encode() for document in documents]
    payload = pieces[0] + b"}],:@#" + pieces[1] + b'{"a":}' + pieces[2] + b"[]" + pieces[3]
    send_stream(server, kind, datagram(payload))
    wait_for(xray, *documents)
    losses.wait_for(garbage=1, ParseError=1, MissingId=1)


def test_stream_that_ends_inside_a_document_is_counted(server, xray):
    losses = Losses(server)
    document = segment()
    send_stream(server, "tcp", datagram(document) + text(segment()).encode()[:-5])
    wait_for(xray, document)
    losses.wait_for(cut=1)


@pytest.mark.parametrize(
    "payload, reason",
    [
        (b"GET / HTTP/1.1\r\n\r\n", "bad_header"),
        (b"{}\n{}", "bad_header"),
        (b"x" * 5000, "no_header"),
        (b"{", "no_header"),
    ],
)
def test_stream_with_a_bad_header_is_closed(server, payload, reason):
    losses = Losses(server)
    with server.connect_segments("tcp") as stream:
        stream.sendall(payload)
        stream.shutdown(socket.SHUT_WR)
        try:
            assert stream.recv(1) == b""
        except ConnectionResetError:
            pass  # closed with bytes unread
    losses.wait_for(**{reason: 1})


def test_document_is_there_while_the_stream_stays_open(server, xray):
    document = segment()
    with server.connect_segments("unix") as stream:
        stream.sendall(datagram(document))
        wait_for(xray, document)


def test_streams_at_once_lose_nothing(server, xray):
    losses = Losses(server)
    stored = server.metric("fluoro_segments_stored_total", source="stream")
    traces = [new_trace_id() for _ in range(8)]
    sent = {trace_id: [segment(trace_id) for _ in range(500)] for trace_id in traces}

    def send(kind, documents):
        send_stream(server, kind, datagram("\n".join(map(text, documents)).encode()))

    threads = [
        threading.Thread(target=send, args=(STREAMS[i % 2], sent[trace_id]))
        for i, trace_id in enumerate(traces)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(
        lambda: server.metric("fluoro_segments_stored_total", source="stream") == stored + 4000,
        "4000 segments",
    )
    for documents in sent.values():
        assert_same_meaning(xray, documents)
    assert losses.moved() == {}
