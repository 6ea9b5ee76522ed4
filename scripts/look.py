"""Look at a built site: links and anchors, and every page in headless Chromium.

``python scripts/look.py build/site [--no-browser] [--screenshots FOLDER]``. Ends with 1 where a
link leads nowhere, the console tells an error, a page is wider than its window, or the search finds
nothing.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import functools
import html.parser
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTHS = (1280, 400)
SHOTS = {
    "landing": "index.html",
    "gallery": "gallery/optimization/plot_minimal_surface.html",
    "api": "api/index.html",
}
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOUND = "document.querySelectorAll('#search-results li, ul.search li').length"


class Page(html.parser.HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Keep targets and names."""
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.targets.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def html_of(site: Path) -> list[Path]:
    """Pages of the site; templates of the theme and downloads are none."""
    return [p for p in sorted(site.rglob("*.html")) if p.relative_to(site).as_posix()[0] != "_"]


def broken_links(site: Path) -> Iterator[str]:
    """Links of all pages to files or anchors of the site that are not there."""
    pages = {path: Page(path.read_text()) for path in html_of(site)}
    for path, page in pages.items():
        for target in page.targets:
            parts = urllib.parse.urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (
                (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            )
            known = pages[file].anchors if file in pages else {parts.fragment}
            if not file.exists() or urllib.parse.unquote(parts.fragment) not in known:
                yield f"{path.relative_to(site)}: {target}"


class Browser:
    """One tab of headless Chromium, by its devtools protocol."""

    def __init__(self, profile: str) -> None:
        import websocket  # noqa: PLC0415 - not needed where only links are checked

        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--disable-dev-shm-usage", "--remote-debugging-port=0"]
        command += ["--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
        port = self._port(Path(profile, "DevToolsActivePort"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tab = next(t for t in json.load(answer) if t["type"] == "page")
        self.socket = websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=60)
        self.sent = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _port(self, file: Path) -> str:
        for _ in range(300):
            if file.exists() and (text := file.read_text()):
                return text.split()[0]
            time.sleep(0.1)
        raise TimeoutError("Chromium did not start within 30 s")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events that come before it are kept."""
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.sent:
                return dict(message.get("result", message))
            self.events.append(message)

    def open(self, address: str) -> None:
        """Load a page and wait until it is there."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def value(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        return self.call("Runtime.evaluate", expression=expression)["result"].get("value")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window another size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def errors(self) -> Iterator[str]:
        """Errors of the console since the page was opened."""
        for event in self.events:
            method, told = event["method"], event.get("params", {})
            if method == "Runtime.exceptionThrown":
                yield str(told["exceptionDetails"].get("text"))
            elif method == "Runtime.consoleAPICalled" and told["type"] == "error":
                yield str([a.get("value") for a in told["args"]])
            elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
                yield f"{told['entry']['text']} {told['entry'].get('url', '')}"

    def shot(self, file: Path) -> None:
        """Keep a picture of what the window shows."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=30)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve without a line for each request."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve the site at an address: its search loads files that a browser refuses from a disk."""
    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium with a profile of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        tab = Browser(profile)
        try:
            yield tab
        finally:
            tab.close()


def faults_of_pages(tab: Browser, home: str, names: list[str]) -> Iterator[str]:
    """Open each page at each width."""
    for name in names:
        tab.resize(WIDTHS[0])
        tab.open(f"{home}/{name}")
        for width in WIDTHS:
            tab.resize(width)
            if (over := tab.value(TOO_WIDE)) > 0:
                yield f"{name}: {over} px too wide at {width} px"
        yield from (f"{name}: {error}" for error in tab.errors())


def found(tab: Browser, home: str, word: str) -> int:
    """How many results the search shows, within ten seconds."""
    tab.open(f"{home}/search.html?q={word}")
    for _ in range(100):
        if n := int(tab.value(FOUND) or 0):
            return n
        time.sleep(0.1)
    return 0


def in_browser(site: Path, shots: Path | None) -> Iterator[str]:
    """All that is seen in the browser only."""
    names = [path.relative_to(site).as_posix() for path in html_of(site)]
    with served(site) as home, browser() as tab:
        yield from faults_of_pages(tab, home, names)
        results = found(tab, home, "hessian")
        if shots:
            shots.mkdir(parents=True, exist_ok=True)
        print(f"{len(names)} pages opened at {WIDTHS} px; search for hessian: {results} results")
        if not results:
            yield "search.html: nothing found for hessian"
        for name, page in SHOTS.items() if shots else {}.items():
            tab.resize(1280, 1000)
            tab.open(f"{home}/{page}")
            tab.shot(shots / f"{name}.png")


def main() -> int:
    """Look, and print what is wrong."""
    parser = argparse.ArgumentParser(description="Look at a built site.")
    parser.add_argument("site", type=Path)
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--screenshots", type=Path)
    given = parser.parse_args()
    site = given.site.resolve()
    faults = list(broken_links(site))
    if not given.no_browser:
        faults += in_browser(site, given.screenshots)
    print("\n".join(faults) or "every link leads somewhere")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
