"""The server under test as a process: started, watched and ended by its pid."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from lib.load import Failure

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
SETTLE_TIMEOUT_S = 900

# All zero: every trace is in a part, and no merge is due. Versions without parts do not have them.
UNSETTLED = ["fluoro_store_live_segments", "fluoro_store_settling", "fluoro_store_merging"]

POLL_S = 0.5
CALM_POLLS = 4  # in a row, before a state counts as lasting
CALM_CPU_S = 0.003  # that polls and timers cost at most between two of them


class Server:
    """`fluoro serve` over one data folder; may be stopped and started again. Ends with its block."""

    def __init__(self, binary: Path, folder: Path):
        self.binary, self.data = binary, folder / "data"
        self.ready_file, self.log_file = folder / "ready.json", folder / "server.log"
        self.process: subprocess.Popen | None = None
        self.port = self.udp_port = 0

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def start(self) -> None:
        """Returns as soon as the server says that it answers."""
        self.ready_file.unlink(missing_ok=True)
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data", self.data,
                 "--ready-file", self.ready_file, "--log-level", "warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not (ready := self._read_ready()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{self.binary} does not start:\n{self.log()}")
            time.sleep(0.0002)
        self.port, self.udp_port = (int(ready[name].rsplit(":", 1)[1]) for name in ("listen", "udp"))

    def _read_ready(self) -> dict | None:
        try:
            return json.loads(self.ready_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def stop(self) -> None:
        """As an operator would."""
        self.process.terminate()
        try:
            status = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"does not stop within {STOP_TIMEOUT_S} s:\n{self.log()}") from None
        self.process = None
        if status != 0:
            raise Failure(f"stopped with status {status}:\n{self.log()}")

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")[-2000:]

    def cpu_s(self) -> float:
        """CPU time of the process from its start, in nanosecond steps: clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def memory_mb(self, row: str) -> float:
        """VmRSS or VmHWM of /proc/PID/status."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{row}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024

    def disk_bytes(self) -> int:
        """Of all files in the data folder, by their length."""
        return sum(
            os.stat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(self.data) for name in names
        )

    def metrics(self) -> dict[str, float]:
        """By name with labels, as in the text."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        rows = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def post(self, path: str, body: dict) -> dict:
        """One request on a connection of its own, with little else of a client's cost."""
        text = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(head.encode() + text)
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        head, _, text = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise Failure(f"{path}: {head[:100]!r}")
        return json.loads(text)

    # --- waiting

    def wait_until_quiet(self, source: str) -> None:
        """Until nothing that was sent is still on its way into the store."""
        name, stored = f'fluoro_segments_stored_total{{source="{source}"}}', None

        def is_calm() -> bool:
            nonlocal stored
            before, stored = stored, self.metrics().get(name)
            return stored == before

        self._wait_until(is_calm, "still storing")

    def wait_until_settled(self) -> None:
        """Until every trace is in a part and no merge is due; without such metrics, until idle."""
        if self.metrics().keys() >= set(UNSETTLED):
            self._wait_until(lambda: not any(map(self.metrics().get, UNSETTLED)), "still settling or merging")
            return
        cpu_s = 0.0

        def is_calm() -> bool:
            nonlocal cpu_s
            before, cpu_s = cpu_s, self.cpu_s()
            return cpu_s - before < CALM_CPU_S

        self._wait_until(is_calm, "never idle")

    def _wait_until(self, is_calm: Callable[[], bool], otherwise: str) -> None:
        deadline, calm = time.monotonic() + SETTLE_TIMEOUT_S, 0
        while (calm := calm + 1 if is_calm() else 0) < CALM_POLLS:
            if self.process.poll() is not None:
                raise Failure(f"the server has ended:\n{self.log()}")
            if time.monotonic() > deadline:
                raise Failure(f"{otherwise} after {SETTLE_TIMEOUT_S} s")
            time.sleep(POLL_S)
