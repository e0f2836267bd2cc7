"""A shop that takes one order: an ordinary program under the AWS X-Ray SDK, with nothing of fluoro in it.

AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000 python order_app.py
"""

import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from aws_xray_sdk.core import patch, xray_recorder
from aws_xray_sdk.core.models.trace_header import TraceHeader

patch(("sqlite3", "requests"))
xray_recorder.configure(sampling=False)  # every order, not one a second


class Inventory(BaseHTTPRequestHandler):
    """The service that the shop asks; it goes on with the caller's trace."""

    def do_GET(self):
        caller = TraceHeader.from_header_str(self.headers["X-Amzn-Trace-Id"])
        segment = xray_recorder.begin_segment("inventory-service", caller.root, caller.parent)
        segment.put_http_meta("status", 200)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"in_stock": true}')
        xray_recorder.end_segment()

    def log_message(self, *_):
        pass


@xray_recorder.capture("validate_inventory")
def validate_inventory(url, item):
    return requests.get(f"{url}/stock/{item}", timeout=5).json()["in_stock"]


@xray_recorder.capture("process_order")
def process_order(url, order_id, item):
    xray_recorder.current_subsegment().put_annotation("order_id", order_id)
    xray_recorder.current_subsegment().put_metadata("item", {"sku": item, "quantity": 2})
    in_stock = validate_inventory(url, item)
    orders = sqlite3.connect(":memory:")
    orders.execute("CREATE TABLE orders (id TEXT, item TEXT)")
    orders.execute("INSERT INTO orders VALUES (?, ?)", (order_id, item))
    return in_stock


if __name__ == "__main__":
    service = ThreadingHTTPServer(("localhost", 0), Inventory)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    with xray_recorder.in_segment("order-service") as segment:
        segment.put_annotation("customer_tier", "enterprise")
        process_order(f"http://localhost:{service.server_port}", "order-12345", "fountain-pen")
        print(f"sent trace {segment.trace_id}")
