"""What every client test needs: the server as a process, raw HTTP, a UDP relay, metrics.

The binary is FLUORO_BINARY, else build/release/fluoro. Every port is 0 and every folder temporary.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import boto3
import botocore
from botocore.config import Config
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("FLUORO_BINARY", ROOT / "build/release/fluoro"))
HEADER = '{"format":"json","version":1}'
MIB = 1024 * 1024
SO_RCVBUFFORCE = 33  # Linux; the socket module has no name for it

_SANITIZER = re.compile(r"Sanitizer|runtime error:|^\S+ error |\"level\":\"error\"|ERROR", re.MULTILINE)


def wait_until(probe, what, seconds=10.0):
    """The first true answer of probe; fails with `what` after some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def address_of(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Server:
    """One `fluoro serve` on a folder that outlives it: start, stop or kill, start again."""

    def __init__(self, folder, *flags):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.flags = flags
        self.process = None
        self.starts = 0

    def command(self, ready_file):
        return [
            BINARY, "serve",
            "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0",
            "--segments-tcp", "127.0.0.1:0", "--segments-socket", self.folder / "segments.sock",
            "--data", self.data, "--ready-file", ready_file, *self.flags,
        ]  # fmt: skip

    def start(self):
        self.starts += 1
        self.stderr_file = self.folder / f"stderr-{self.starts}.log"
        ready_file = self.folder / "ready.json"
        ready_file.unlink(missing_ok=True)
        with open(self.stderr_file, "wb") as stderr:
            self.process = subprocess.Popen(
                self.command(ready_file), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr
            )
        deadline = time.monotonic() + 20
        while not (ready := self._read_ready(ready_file)):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stderr()}"
            assert time.monotonic() < deadline, f"not ready: {self.stderr()}"
            time.sleep(0.002)
        self.ready = ready
        self.http = address_of(ready["listen"])
        self.udp = address_of(ready["udp"])
        return self

    @staticmethod
    def _read_ready(path):
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(path.read_text())
        return None

    def stderr(self):
        return self.stderr_file.read_text(errors="replace")

    def stop(self):
        """SIGTERM: must end with 0 and without a word of an error."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end 20 s after SIGTERM: {self.stderr()}") from None
        self.process = None
        assert code == 0, f"exit code {code}: {self.stderr()}"
        assert not _SANITIZER.search(self.stderr()), self.stderr()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def url(self):
        return f"http://{self.ready['listen']}"

    @property
    def daemon_address(self):
        """For AWS_XRAY_DAEMON_ADDRESS."""
        return f"tcp:{self.ready['listen']} udp:{self.ready['udp']}"

    def boto3(self, signed=True):
        config = Config(
            retries={"total_max_attempts": 1},
            signature_version=None if signed else botocore.UNSIGNED,
            connect_timeout=5,
            read_timeout=20,
        )
        return boto3.client(
            "xray", endpoint_url=self.url, region_name="eu-west-1", config=config,
            aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret",
        )  # fmt: skip

    def connect(self):
        return Wire(self.http)

    def post(self, path, body, headers=()):
        """One POST on a connection of its own; body is bytes, or what becomes JSON."""
        with self.connect() as wire:
            return wire.post(path, body, headers)

    def metrics(self):
        """{(name, (label, value), …): number} of /metrics."""
        with self.connect() as wire:
            wire.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = wire.read_answer()
        assert answer.status == 200
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.body.decode())
            for sample in family.samples
        }

    def metric(self, name, **labels):
        """Sum of a metric's samples that carry these labels."""
        return sum(
            number
            for key, number in self.metrics().items()
            if key[0] == name and set(labels.items()) <= set(key[1:])
        )

    def send_datagram(self, payload):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(payload, self.udp)

    def connect_segments(self, kind):
        """A connection to a segment stream, `tcp` or `unix`."""
        if kind == "tcp":
            return socket.create_connection(address_of(self.ready["segments_tcp"]), timeout=10)
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(10)
        stream.connect(self.ready["segments_socket"])
        return stream


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # names in lower case
        self.body = body

    def json(self):
        return json.loads(self.body)


class Wire:
    """A raw HTTP/1.1 connection: sends any bytes, reads answers one by one."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def post(self, path, body, headers=()):
        self.send(request_bytes(path, body, headers))
        return self.read_answer()

    def _more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise EOFError(self.unread)
        self.unread += piece

    def read_answer(self):
        """The next answer; EOFError if the server closes before it is whole."""
        while b"\r\n\r\n" not in self.unread:
            self._more()
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        status = int(status_line.split()[1])
        if status == 100:
            return Answer(status, headers, b"")
        length = int(headers.get("content-length", 0))
        while len(self.unread) < length:
            self._more()
        body, self.unread = self.unread[:length], self.unread[length:]
        return Answer(status, headers, body)

    def is_closed_by_server(self):
        """Waits until the server closes; bytes that still come are an error."""
        try:
            return self.socket.recv(1) == b"" and not self.unread
        except ConnectionResetError:
            return True


def request_bytes(path, body, headers=(), method="POST"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class UdpRelay:
    """Stands between an SDK and the server: keeps each datagram and passes it on."""

    def __init__(self, server):
        self.server = server
        self.datagrams = []

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with contextlib.suppress(PermissionError):  # a small buffer does unless the machine is busy
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 * MIB)
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        host, port = self.socket.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", (host, port))
        self.thread.join()
        self.socket.close()

    def _run(self):
        while datagram := self.socket.recv(65536):
            self.datagrams.append(datagram)
            self.socket.sendto(datagram, self.server.udp)

    @property
    def daemon_address(self):
        """For AWS_XRAY_DAEMON_ADDRESS: UDP through this relay, TCP straight to the server."""
        host, port = self.socket.getsockname()
        return f"tcp:{self.server.ready['listen']} udp:{host}:{port}"

    def documents(self):
        """The texts of all segment documents so far."""
        return [datagram.split(b"\n", 1)[1].decode() for datagram in list(self.datagrams)]
