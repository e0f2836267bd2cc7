"""Ordinary programs that use the X-Ray SDK for Python; the daemon's address comes from the environment.

program.py SCENARIO [ARGUMENT]
"""

import asyncio
import http.client
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests
from aws_xray_sdk.core import patch, xray_recorder
from aws_xray_sdk.core.async_context import AsyncContext
from aws_xray_sdk.core.models.trace_header import TraceHeader
from aws_xray_sdk.ext.flask.middleware import XRayMiddleware
from flask import Flask


class Inventory(BaseHTTPRequestHandler):
    """A service that goes on with the caller's trace."""

    def do_GET(self):
        header = TraceHeader.from_header_str(self.headers.get("X-Amzn-Trace-Id"))
        segment = xray_recorder.begin_segment("inventory", traceid=header.root, parent_id=header.parent)
        status = 404 if self.path == "/missing" else 200
        segment.put_http_meta("status", status)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")
        xray_recorder.end_segment()

    def log_message(self, *_):
        pass


def inventory():
    server = HTTPServer(("127.0.0.1", 0), Inventory)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table orders (id integer, item text)")
    connection.execute("insert into orders values (?, ?)", (1, "pen"))
    return connection


def patched_libraries():
    """sqlite3, requests and http.client, all traced; the service called is traced too."""
    server = inventory()
    patch(("sqlite3", "requests", "httplib"))
    host, port = server.server_address
    with xray_recorder.in_segment("order-service") as segment:
        segment.set_user("alice")
        segment.put_annotation("order_id", 1234)
        with xray_recorder.in_subsegment("process_order") as step:
            step.put_annotation("express", True)
            step.put_metadata("cart", {"items": [{"sku": "pen", "price": 1.25}], "note": None}, "shop")
            database().execute("select * from orders")
            assert requests.get(f"http://{host}:{port}/stock?item=pen", timeout=5).status_code == 200
            with xray_recorder.in_subsegment("validate_inventory"):
                connection = http.client.HTTPConnection(host, port)
                connection.request("GET", "/missing")
                assert connection.getresponse().read() == b"[]"
    server.shutdown()


def exceptions():
    """An exception that passes two subsegments and the segment."""
    try:
        with xray_recorder.in_segment("failing"):
            with xray_recorder.in_subsegment("outer"):
                with xray_recorder.in_subsegment("inner") as inner:
                    inner.apply_status_code(429)
                    raise ValueError('no "stock" left: \N{SNOWMAN}\n')
    except ValueError:
        pass


def streaming(count):
    """More subsegments than the SDK keeps: finished ones go ahead of the segment."""
    with xray_recorder.in_segment("streaming"):
        for i in range(int(count)):
            with xray_recorder.in_subsegment(f"batch {i}") as batch:
                batch.put_annotation("number", i)
                with xray_recorder.in_subsegment("item"):
                    pass


def large(size):
    """One segment that just fits a datagram."""
    with xray_recorder.in_segment("large") as segment:
        segment.put_metadata("text", "x" * int(size))


def one_trace(count):
    """Several segments of one trace, as a program with several parts sends them."""
    root = xray_recorder.begin_segment("part 0")
    xray_recorder.end_segment()
    for i in range(1, int(count)):
        xray_recorder.begin_segment(f"part {i}", traceid=root.trace_id, parent_id=root.id)
        xray_recorder.put_annotation("part", i)
        xray_recorder.end_segment()


async def fetch(i):
    async with xray_recorder.in_subsegment_async("fetch") as step:
        step.put_annotation("worker", i)
        await asyncio.sleep(0.001 * (5 - i))
        async with xray_recorder.in_subsegment_async("parse"):
            await asyncio.sleep(0)


async def fetch_all():
    xray_recorder.configure(context=AsyncContext())
    async with xray_recorder.in_segment_async("async"):
        await asyncio.gather(*(fetch(i) for i in range(5)))


def asynchronous():
    """Coroutines side by side, each with its own subsegments."""
    asyncio.run(fetch_all())


def flask_service():
    """A Flask service under the SDK's middleware, called with a trace header."""
    app = Flask("shop")
    XRayMiddleware(app, xray_recorder)
    app.add_url_rule("/orders", view_func=lambda: ("too many", 429))
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    assert app.test_client().get("/orders", headers={"X-Amzn-Trace-Id": header}).status_code == 429


def defaults():
    """Nothing configured: the SDK asks the server for sampling rules while it works."""
    with xray_recorder.in_segment("defaults"):
        time.sleep(0.2)


if __name__ == "__main__":
    if sys.argv[1] != "defaults":
        xray_recorder.configure(sampling=False, service="program")
    globals()[sys.argv[1]](*sys.argv[2:])
