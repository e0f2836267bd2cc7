"""What was acknowledged is kept: SIGKILL at random moments, damaged log files.

FLUORO_KILL_POINTS   how many times the server is killed (script/killtest: 1,000)
FLUORO_KILL_SEED     repeats the moments of a run that failed
"""

import os
import random
import shutil
import threading
import time

import pytest

from documents import new_trace_id, segment, text
from fluoro import Server, wait_until

POINTS = int(os.environ.get("FLUORO_KILL_POINTS", "50"))
SEED = int(os.environ.get("FLUORO_KILL_SEED", random.randrange(2**32)))
LONGEST_LIFE_S = 0.1
LONG_LIVES_S, LONG_LIFE_EVERY = 1.5, 20  # now and then, so long that parts are merged
WRITERS = 3
# So little that live traces settle every few lives, and their parts are merged.
SMALL_MEMORY = ("--memory", "16M")
PADDING_BYTES = 2000


class Ledger:
    """What was sent and what of it was acknowledged: {trace id: {segment id: number}}."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0
        self.sent = {}
        self.acknowledged = {}
        self.touched = set()  # traces of the server's present life
        self.growing = [new_trace_id() for _ in range(20)]  # these grow over several lives

    def make_put(self):
        """A few segments of a new trace and one of a trace that may be there already."""
        new_trace = new_trace_id()
        with self.lock:
            if random.random() < 0.1:
                self.growing[random.randrange(20)] = new_trace_id()
            trace_ids = [new_trace] * random.randint(1, 4) + [random.choice(self.growing)]
            self.touched |= set(trace_ids)
            documents = []
            for trace_id in trace_ids:
                self.number += 1
                padding = random.randbytes(random.randrange(PADDING_BYTES)).hex()
                documents.append(
                    segment(
                        trace_id, annotations={"number": self.number}, metadata={"default": {"x": padding}}
                    )
                )
            self._note(self.sent, documents)
        return documents

    def acknowledge(self, documents):
        with self.lock:
            self._note(self.acknowledged, documents)

    def some_acknowledged(self):
        """A few traces of this life and what was acknowledged of them by now."""
        with self.lock:
            known = [trace_id for trace_id in self.touched if trace_id in self.acknowledged]
            chosen = random.sample(known, min(5, len(known)))
            return {trace_id: dict(self.acknowledged[trace_id]) for trace_id in chosen}

    @staticmethod
    def _note(book, documents):
        for document in documents:
            book.setdefault(document["trace_id"], {})[document["id"]] = document["annotations"]["number"]


def write_until_the_end(server, ledger):
    """Puts one after another until the server is gone."""
    try:
        with server.connect() as wire:
            while True:
                documents = ledger.make_put()
                body = {"TraceSegmentDocuments": [text(document) for document in documents]}
                answer = wire.post("/TraceSegments", body)
                if answer.status == 429:  # over the memory: nothing of it is promised
                    time.sleep(0.005)
                    continue
                assert answer.status == 200 and answer.json()["UnprocessedTraceSegments"] == []
                ledger.acknowledge(documents)
    except (EOFError, OSError):
        pass


def read_until_the_end(server, ledger, reads):
    """What was acknowledged is there at once, and stays, whatever settles meanwhile."""
    try:
        while True:
            expected = ledger.some_acknowledged()
            found = read_back(server, expected)
            for trace_id, segments in expected.items():
                missing = segments.items() - found.get(trace_id, {}).items()
                reads.append(f"not there: {missing} of {trace_id}" if missing else None)
            time.sleep(0.001)
    except (EOFError, OSError):
        pass


def read_back(server, trace_ids):
    """{trace id: {segment id: number}} of what the server has; one entry a segment."""
    found = {}
    trace_ids = list(trace_ids)
    with server.connect() as wire:
        for start in range(0, len(trace_ids), 100):
            request = {"TraceIds": trace_ids[start : start + 100]}
            while request:
                answer = wire.post("/Traces", request)
                assert answer.status == 200, answer.body
                answer = answer.json()
                for trace in answer["Traces"]:
                    note_trace(found.setdefault(trace["Id"], {}), trace)
                token = answer.get("NextToken")
                request = {**request, "NextToken": token} if token else None
    return found


def note_trace(own, trace):
    for entry in trace["Segments"]:
        assert entry["Id"] not in own, "a segment is there twice"
        own[entry["Id"]] = number_of(entry["Document"])


def number_of(document):
    """The annotation of a compiled document, without reading all of it as JSON: there are many."""
    return int(document.split('"number":', 1)[1].split("}", 1)[0])


def assert_kept(found, ledger, trace_ids):
    """All that was acknowledged is there, nothing is there that was never sent."""
    for trace_id in trace_ids:
        there = found.get(trace_id, {})
        missing = ledger.acknowledged.get(trace_id, {}).items() - there.items()
        assert not missing, f"lost of {trace_id}: {missing}"
        assert there.items() <= ledger.sent[trace_id].items()


def note_parts(server, parts):
    """Adds the names of parts that are there: partition, first and last number, level."""
    parts |= {tuple(path.stem.split("-")) for path in (server.data / "parts").glob("*.part")}


def count(book):
    return sum(len(segments) for segments in book.values())


@pytest.mark.timeout(60 + POINTS * 3)
@pytest.mark.parametrize("durability, points", [("commit", POINTS), ("relaxed", max(1, POINTS // 5))])
def test_kill_while_segments_are_acknowledged(new_server, durability, points):
    """Relaxed durability promises the same for a kill; only power loss may take its last second."""
    print(f"{durability}: {points} kills, FLUORO_KILL_SEED={SEED}")
    random.seed(SEED)
    ledger = Ledger()
    server = new_server("--durability", durability, *SMALL_MEMORY)
    held = {}  # of the traces of earlier lives
    reads = []  # None, or what was missing
    parts = set()
    for point in range(points):
        ledger.touched.clear()
        threads = [
            threading.Thread(target=write_until_the_end, args=(server, ledger)) for _ in range(WRITERS)
        ]
        threads.append(threading.Thread(target=read_until_the_end, args=(server, ledger, reads)))
        for thread in threads:
            thread.start()
        is_long = point % LONG_LIFE_EVERY == LONG_LIFE_EVERY - 1
        time.sleep(random.uniform(0, LONG_LIVES_S if is_long else LONGEST_LIFE_S))
        server.kill()
        for thread in threads:
            thread.join()
        assert not any(reads), [read for read in reads if read]
        note_parts(server, parts)
        server.start()
        found = read_back(server, ledger.touched)
        assert_kept(found, ledger, ledger.touched)
        held |= found
        # The gauge counts documents stored: with one stored twice it would be the larger number. While
        # some settle they count in both places for a moment.
        wait_until(lambda: server.metric("fluoro_store_segments") == count(held), f"count after kill {point}")
    found = read_back(server, ledger.sent)
    assert_kept(found, ledger, ledger.sent)
    assert found == held
    merged = {part for part in parts if part[3] != "0"}
    print(
        f"{count(ledger.acknowledged)} segments acknowledged, {count(found)} found, {count(ledger.sent)} sent; "
        f"{len(parts) - len(merged)} parts settled, {len(merged)} merged, {len(reads)} traces read meanwhile"
    )
    assert points < 50 or parts, "nothing settled between the kills"
    assert count(ledger.acknowledged) > points


@pytest.fixture
def killed(new_server):
    """A server that was killed after some puts, and its ledger; the log is as the kill left it."""
    ledger = Ledger()
    server = new_server()
    with server.connect() as wire:
        for _ in range(30):
            documents = ledger.make_put()
            answer = wire.post(
                "/TraceSegments", {"TraceSegmentDocuments": [text(document) for document in documents]}
            )
            assert answer.status == 200
            ledger.acknowledge(documents)
    server.kill()
    return server, ledger


def log_files(data):
    """The files of the log, the one that was written last first."""
    files = [path for path in (data / "log").rglob("*") if path.is_file() and path.stat().st_size > 0]
    assert files
    return sorted(files, key=lambda path: path.stat().st_mtime_ns, reverse=True)


@pytest.fixture
def damaged_copy(tmp_path_factory):
    """damaged_copy(server, damage): a server on a copy of the data after damage(copied folder)."""
    folders = []

    def make(server, damage):
        folder = tmp_path_factory.mktemp("damaged")
        folders.append(folder)
        copy = Server(folder)
        shutil.copytree(server.data, copy.data)
        damage(copy.data)
        return copy

    yield make
    for folder in folders:
        shutil.rmtree(folder)


def assert_all_kept_and_said(server, ledger, words):
    """The damaged store opens, has all that was acknowledged, and says what it found."""
    server.start()
    try:
        assert_kept(read_back(server, ledger.sent), ledger, ledger.sent)
        put = ledger.make_put()
        assert (
            server.post("/TraceSegments", {"TraceSegmentDocuments": [text(one) for one in put]}).status == 200
        )
        metrics = server.metrics()
        said = server.stderr()
        server.stop()
    finally:
        server.kill()
    assert any(word in said for word in words), said
    return metrics


@pytest.mark.parametrize("place", [0.0, 0.02, 0.1, 0.35, 0.6, 0.8, 0.97])
def test_flipped_byte_in_the_log_is_mended_and_said(killed, damaged_copy, place):
    server, ledger = killed

    def flip(data):
        newest = log_files(data)[0]
        content = bytearray(newest.read_bytes())
        start = int(len(content.rstrip(b"\0")) * place)
        at = next(i for i in range(start, len(content)) if content[i])  # no padding: that carries nothing
        content[at] ^= random.randint(1, 255)
        newest.write_bytes(content)

    metrics = assert_all_kept_and_said(damaged_copy(server, flip), ledger, ["mended", "repaired"])
    assert metrics[("fluoro_store_repaired_frames_total",)] >= 1
    assert metrics[("fluoro_store_damaged_frames_total",)] == 0


@pytest.mark.parametrize(
    "tail",
    [b"\0", b"FL", os.urandom(7), os.urandom(100), os.urandom(5000)],
    ids=["zero", "magic", "7", "100", "5000"],
)
def test_torn_tail_of_the_log_is_dropped_and_said(killed, damaged_copy, tail):
    server, ledger = killed

    def append(data):
        with open(log_files(data)[0], "ab") as log:
            log.write(tail)

    metrics = assert_all_kept_and_said(
        damaged_copy(server, append), ledger, ["torn", "dropped", "unfinished"]
    )
    assert metrics[("fluoro_store_torn_bytes_total",)] > 0


def written_between(old, new):
    """Where the bytes of a file changed: first and last offset."""
    old = old.ljust(len(new), b"\0")
    first = next(i for i in range(len(new)) if new[i] != old[i])
    return first, len(new.rstrip(b"\0"))


@pytest.mark.parametrize("part", [0.05, 0.5, 0.95])
def test_commit_that_power_loss_cut_is_dropped_and_said(killed, damaged_copy, part):
    server, ledger = killed
    server.start()
    before = {path: path.read_bytes() for path in log_files(server.data)}
    cut_off = segment(annotations={"number": 0}, metadata={"default": {"x": os.urandom(1000).hex()}})
    assert server.post("/TraceSegments", {"TraceSegmentDocuments": [text(cut_off)]}).status == 200
    server.kill()
    (grown,) = [path for path in log_files(server.data) if path.read_bytes() != before.get(path, b"")]
    first, last = written_between(before.get(grown, b""), grown.read_bytes())

    def cut(data):
        os.truncate(data / grown.relative_to(server.data), first + int((last - first) * part))

    copy = damaged_copy(server, cut)
    metrics = assert_all_kept_and_said(copy, ledger, ["torn", "dropped", "unfinished"])
    assert metrics[("fluoro_store_torn_bytes_total",)] > 0
