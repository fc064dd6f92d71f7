"""A server on this machine that answers for a vendor, and fails as vendors do when it is told to."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MINUTE, HOUR, DAY = 60, 3600, 86_400
NOW = int(datetime(2024, 3, 8, 15, 30, 20, tzinfo=UTC).timestamp())  # a Friday; New York trades since an hour
HTML = "<!DOCTYPE html><html><body>Will be right back...</body></html>"


@dataclass
class Clock:
    """A clock that stands still; sleeping moves it on and is written down."""

    seconds: float = NOW
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@dataclass
class Fault:
    """What is answered instead of bars."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # the connection ends before the body does
    hang: float = 0.0  # seconds before an answer


@dataclass
class Answer:
    body: object
    status: int = 200


class Vendor:
    """The server: answers are made by ``routes`` (path to function of the query), faults come first, in order."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[dict[str, str]], object]] = {}
        self.faults: list[Fault | None] = []
        self.fault_on = ""  # only requests whose path holds this take a fault
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.released = threading.Event()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vendor.answer(self)

            def do_POST(self) -> None:
                vendor.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        route = next((route for route in self.routes if parts.path.startswith(route)), None)
        if route is None:
            self.send(handler, 404, HTML, {})
            return
        self.asked.append((parts.path, query))
        fault = self.faults.pop(0) if self.faults and self.fault_on in parts.path else None
        if fault is not None:
            if fault.hang:
                self.released.wait(fault.hang)
            self.send(handler, fault.status, fault.body, fault.headers, cut=fault.cut)
            return
        found = self.routes[route]({**query, "path": parts.path})
        answer = found if isinstance(found, Answer) else Answer(found)
        self.send(handler, answer.status, json.dumps(answer.body), {"Content-Type": "application/json"})

    def send(self, handler, status: int, body: str, headers: dict[str, str], *, cut: bool = False) -> None:
        content = body.encode()
        try:
            handler.send_response(status)
            for name, value in {"Content-Type": "text/html", **headers}.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content) + (1000 if cut else 0)))
            handler.end_headers()
            handler.wfile.write(content)
        except OSError:
            pass  # the client has gone
        if cut:
            handler.close_connection = True

    def pages(self, word: str) -> list[dict[str, str]]:
        """Return the queries of the requests whose path holds a word."""
        return [query for path, query in self.asked if word in path]
