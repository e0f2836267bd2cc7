"""The load: bench/load's programs, what they make and what a right server answers to it."""

from __future__ import annotations

import contextlib
import json
import mmap
import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "bench" / "load"
TOOLS = ROOT / "build" / "load"

SEED = 42
WINDOW_S = 1800  # of a load's times; it ends a minute before now
DAY_S = 86400

# What each program is made of; any header is a reason to make it anew.
PROGRAMS = {"xgen": ["xgen.c"], "replay": ["replay.c", "client.c"], "ask": ["ask.c", "client.c"]}

# The head of a document inside a PutTraceSegments body, where its quotes are escaped.
DOCUMENT_HEAD = re.compile(
    rb'\{\\"trace_id\\":\\"(1-[0-9a-f]{8}-[0-9a-f]{24})\\",\\"name\\":\\"[^"]*\\",\\"id\\":\\"([0-9a-f]{16})\\"'
)


class Failure(Exception):
    """A benchmark that cannot go on, or a wrong answer: its figures would mean nothing."""


def program(name: str) -> Path:
    """A program of bench/load, compiled if it is older than its sources."""
    binary, sources = TOOLS / name, [SOURCES / source for source in PROGRAMS[name]]
    newest = max(path.stat().st_mtime for path in [*sources, *SOURCES.glob("*.h")])
    if not binary.exists() or binary.stat().st_mtime < newest:
        TOOLS.mkdir(parents=True, exist_ok=True)
        fresh = binary.with_suffix(".new")
        subprocess.run(["cc", "-std=gnu11", "-O2", "-o", fresh, *sources, "-lm", "-lpthread"], check=True)
        fresh.rename(binary)
    return binary


def run_json(arguments: list) -> dict:
    """Runs a program of bench/load; the JSON line that it prints."""
    words = [str(argument) for argument in arguments]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(words)}: exit {done.returncode}, {done.stdout.strip() or 'no answer'}")
    return json.loads(done.stdout)


class Load:
    """Record files in a folder, and which segments of which traces are in them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.put_file = folder / "xray-put.rec"
        self.udp_file = folder / "xray-udp.rec"
        truth = json.loads((folder / "truth.json").read_text())
        self.spans, self.segments = truth["spans"], truth["segments"]
        self.from_s = truth["start_us"] // 1_000_000
        self.to_s = truth["end_us"] // 1_000_000 + 1
        self._traces: dict[str, list[str]] = {}

    @property
    def traces(self) -> dict[str, list[str]]:
        """Segment ids by trace id, as sent."""
        if not self._traces:
            with open(self.put_file, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
                for found in DOCUMENT_HEAD.finditer(body):
                    self._traces.setdefault(found[1].decode(), []).append(found[2].decode())
            read = sum(map(len, self._traces.values()))
            if read != self.segments:
                raise Failure(f"{self.put_file}: {read} documents found, {self.segments} are told")
        return self._traces


def sample(traces: dict[str, list[str]], count: int) -> dict[str, list[str]]:
    """Some of the traces, in an order that is random and always the same."""
    ids = random.Random(SEED).sample(sorted(traces), min(count, len(traces)))
    return {trace_id: traces[trace_id] for trace_id in ids}


def standard(spans: int) -> Load:
    """The load of all figures but growth; kept in build/load for a day, for its times are of today."""
    folder = TOOLS / f"{spans}"
    truth = folder / "truth.json"  # is written last
    if not truth.exists() or truth.stat().st_mtime < time.time() - DAY_S:
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        subprocess.run([program("xgen"), "--spans", str(spans), "--seed", str(SEED), "--out", fresh,
                        "--no-otlp", "--no-zipkin"], check=True)  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    return Load(folder)


class _Generation:
    """xgen at work on one chunk, at low priority: it may run beside the server."""

    def __init__(self, folder: Path, spans: int, seed: int, base_s: int):
        self.folder = folder
        self.process = subprocess.Popen(
            ["nice", "-n", "19", program("xgen"), "--spans", str(spans), "--seed", str(seed), "--out", folder,
             "--base", str(base_s), "--window", str(WINDOW_S), "--no-otlp", "--no-zipkin", "--no-udp"]
        )  # fmt: skip

    def finish(self) -> Load:
        if self.process.wait() != 0:
            raise Failure(f"xgen: exit {self.process.returncode}")
        return Load(self.folder)

    def cancel(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def chunks(folder: Path, count: int, spans: int) -> Iterator[Load]:
    """Loads one after the other, each with traces and a window of its own, up to now. While one is in
    use the next is made; each is deleted when the next is asked for."""
    first_s = int(time.time()) - 60 - count * WINDOW_S
    with contextlib.ExitStack() as cleanup:

        def begin(i: int) -> _Generation:
            made = _Generation(folder / f"chunk-{i}", spans, SEED + i, first_s + i * WINDOW_S)
            cleanup.callback(made.cancel)
            return made

        following = begin(0)
        for i in range(count):
            current = following.finish()
            if i + 1 < count:
                following = begin(i + 1)
            yield current
            shutil.rmtree(current.folder)
