"""A real Prometheus on a free loopback port, and a server in its place that writes down what it is asked."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import httpx

START_TIMEOUT_S = 30.0


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def backfill(openmetrics: str, folder: Path) -> Path:
    """Write OpenMetrics text with timestamps as blocks of a database below `folder`; returns the database."""
    promtool = shutil.which("promtool")
    assert promtool is not None, "mark the test with needs('prometheus')"
    source, database = folder / "samples.om", folder / "data"
    source.write_text(openmetrics, encoding="utf-8")
    arguments = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(source), str(database)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    return database


@asynccontextmanager
async def running_prometheus(
    folder: Path,
    *,
    targets: Sequence[str] = (),
    database: Path | None = None,
    rules: str = "",
    alertmanagers: Sequence[str] = (),
    scrape_interval: str = "1s",
    external: str = "",
) -> AsyncIterator[str]:
    """Start Prometheus in `folder` and yield its address once it is ready; it is stopped at the end.

    `targets` and `alertmanagers` are host:port; `rules` the text of a rule file; `external` text added to the
    configuration's top level.
    """
    program = shutil.which("prometheus")
    assert program is not None, "mark the test with needs('prometheus')"
    port = free_port()
    config = _config(
        folder, targets=targets, rules=rules, alertmanagers=alertmanagers, interval=scrape_interval, external=external
    )
    arguments = [
        f"--config.file={config}",
        f"--storage.tsdb.path={database or folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _ready(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _config(
    folder: Path, *, targets: Sequence[str], rules: str, alertmanagers: Sequence[str], interval: str, external: str
) -> Path:
    lines = ["global:", f"  scrape_interval: {interval}", f"  evaluation_interval: {interval}", external]
    if rules:
        (folder / "rules.yml").write_text(rules, encoding="utf-8")
        lines += ["rule_files:", f"  - {folder / 'rules.yml'}"]
    if alertmanagers:
        lines += ["alerting:", "  alertmanagers:", f"    - static_configs: [{{targets: {list(alertmanagers)}}}]"]
    if targets:
        lines += ["scrape_configs:", "  - job_name: qnet", f"    static_configs: [{{targets: {list(targets)}}}]"]
    config = folder / "prometheus.yml"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


async def _ready(process: asyncio.subprocess.Process, address: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(START_TIMEOUT_S):
        while process.returncode is None:
            try:
                if (await client.get(f"{address}/-/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"Prometheus ended with {process.returncode} before it was ready")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FarSide:
    """The server's address, what it was asked so far, and the latch that holds back `silence`."""

    address: str = ""
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def queries(self) -> list[str]:
        """The PromQL texts, in order of arrival."""
        return [each.form["query"] for each in self.asked]


Answering = Callable[[Asked], Reply]


@contextmanager
def far_side(
    answering: Answering,
    *,
    silent: bool = False,
    dripping: bool = False,
    certificate: tuple[str, str] | None = None,
) -> Iterator[FarSide]:
    """Serve until the block ends; `certificate` (PEM file and key) makes it TLS.

    `silent` never answers, `dripping` sends one byte each 50 ms.
    """
    side = FarSide()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(side, answering, silent=silent, dripping=dripping))
    server.daemon_threads = True
    server.block_on_close = False
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    side.address = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield side
    finally:
        side.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(side: FarSide, answering: Answering, *, silent: bool, dripping: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
            pass

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers, dict(parse_qsl(body or self.path.partition("?")[2])))
            side.asked.append(asked)
            if silent:
                side.over.wait(timeout=60)
                self.close_connection = True
                return
            reply = answering(asked)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if not dripping:
                self.wfile.write(reply.body)
                return
            with suppress(OSError):
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    if side.over.wait(timeout=0.05):
                        break
            self.close_connection = True

    return Handler


def matrix(series: Sequence[tuple[Mapping[str, str], Sequence[tuple[float, str]]]], **more: object) -> bytes:
    """The body of a range query's answer; `more` goes into the envelope."""
    result = [{"metric": dict(metric), "values": [list(pair) for pair in values]} for metric, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}, **more}).encode()


def constant(value: str, labels: Mapping[str, str]) -> Answering:
    """Answers every range query with one series that has `value` at each instant asked for."""

    def answering(asked: Asked) -> Reply:
        start, end, step = (float(asked.form[name]) for name in ("start", "end", "step"))
        count = int((end - start) / step + 1e-6) + 1
        return Reply(matrix([(labels, [(start + index * step, value) for index in range(count)])]))

    return answering


def passing_on(address: str) -> Answering:
    """Answers with what the server at `address` says."""

    def answering(asked: Asked) -> Reply:
        answer = httpx.post(f"{address}{asked.path}", data=dict(asked.form), timeout=30.0, trust_env=False)
        return Reply(answer.content, answer.status_code)

    return answering
