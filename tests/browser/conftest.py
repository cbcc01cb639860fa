"""A running stack, a browser, and customers who use it as people do."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.customer import Customer
from tests.browser.owners import known, office, owner, regular
from tests.browser.watching import Watch

__all__ = ["known", "office", "owner", "regular"]

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # All that HTTP/2 has under way ends whenever a container on this machine starts or ends.
    "--disable-http2",
)
STACK_DEADLINE = 540  # seconds; the first start of a folder runs every migration
WIDE = {"width": 1280, "height": 800}
expect.set_options(timeout=15_000)

Visit = Callable[..., Customer]


@pytest.fixture(scope="session")
def live_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `make run` starts, on free ports; or the one whose ready file WOPR_LIVE_STACK names."""
    if running := os.environ.get("WOPR_LIVE_STACK"):
        yield json.loads(Path(running).read_text())
        return
    folder = tmp_path_factory.mktemp("stack")
    ready, log = folder / "ready.json", folder / "stack.log"
    command = [sys.executable, "-m", "sandbox.stack", "run", "--folder", str(folder / "run")]
    with log.open("w") as output:
        stack = subprocess.Popen(
            [*command, "--free-ports", "--ready-file", str(ready)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _read_when_ready(ready, stack, log)
    finally:
        stack.terminate()
        stack.wait(timeout=60)


def _read_when_ready(ready: Path, stack: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + STACK_DEADLINE
    while not ready.exists():
        assert stack.poll() is None, f"the stack ended early:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"the stack is not ready:\n{log.read_text()}"
        time.sleep(0.2)
    found: dict[str, Any] = json.loads(ready.read_text())
    return found


# Playwright keeps an event loop running in this thread, and Django refuses its database there: the
# loop ends with the module, so that it never meets a test of another folder.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("WOPR_CHROMIUM", "/usr/bin/chromium"),
            args=list(CHROMIUM_FLAGS),
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(live_stack: dict[str, Any], chromium: Browser) -> Iterator[Visit]:
    """Opens a browser window of its own for a new customer; options are those of a window.

    Whatever a test is about, it fails if a page it saw broke the content security policy, threw,
    or wrote an error to the console.
    """
    opened: list[tuple[BrowserContext, Watch]] = []

    def new_customer(**options: Any) -> Customer:
        window = chromium.new_context(
            ignore_https_errors=True, locale="en-GB", **({"viewport": WIDE} | options)
        )
        window.set_default_timeout(20_000)
        watch = Watch(window)
        opened.append((window, watch))
        return Customer(window.new_page(), live_stack, watch)

    yield new_customer
    for window, _ in opened:
        window.close()
    assert [line for _, watch in opened for line in watch.complaints] == []


@pytest.fixture
def customer(visit: Visit) -> Customer:
    """One customer at a wide screen, not signed up yet."""
    return visit()
