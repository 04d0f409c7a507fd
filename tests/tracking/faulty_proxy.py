"""An HTTP proxy in front of a server, through which a test lets requests pass, or does not."""

import http.client
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

Mode = Literal["open", "error", "hang", "swallow", "slow"]


class FaultyProxy:
    """Listens on `port` and speaks to the server at `behind`.

    `mode` says what becomes of a request: it passes; is answered 500; is never answered; passes, but its answer is
    lost; or passes after a second. `shut` refuses connections until `reopen`.
    """

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self.mode: Mode = "open"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._server: ThreadingHTTPServer | None = None
        self._over = threading.Event()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reopen(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def shut(self) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.reopen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.shut()

    def hang(self) -> None:
        """Until the mode changes, or the test is over."""
        while self.mode == "hang" and not self._over.wait(0.05):
            pass


def _handler(gate: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            mode = gate.mode
            if mode == "hang":
                gate.hang()
                self.close_connection = True
                return
            if mode == "error":
                self._answer(500, {}, b"out of order")
                return
            if mode == "slow":
                time.sleep(1)
            server = http.client.HTTPConnection("127.0.0.1", gate.behind, timeout=30)
            headers = dict(self.headers) | {"Host": f"127.0.0.1:{gate.behind}", "Connection": "close"}
            server.request(self.command, self.path, body, headers)
            answer = server.getresponse()
            content = answer.read()
            server.close()
            if mode == "swallow":
                self._answer(500, {}, b"the answer is lost")
            else:
                self._answer(answer.status, {"Content-Type": answer.headers["Content-Type"]}, content)

        def _answer(self, status: int, headers: dict[str, Any], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    return Handler
