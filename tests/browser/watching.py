"""What a browser complains about while a test looks at pages."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

# Chromium writes each refused request to the console as an error. A refusal is often what a test
# is about, and pages answer it in their own words; a page that is broken says so otherwise.
REFUSED = "Failed to load resource: the server responded with a status of 4"
LOST = "Failed to load resource: net::"
# Chromium drops what is in flight whenever a container's interface comes or goes on this machine.
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"


class Watch:
    """Collects thrown errors, policy violations and console errors of one browser window."""

    def __init__(self, window: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.lost_parts: list[str] = []
        self._window = window
        window.on("console", self._console)
        window.on("weberror", self._thrown)
        window.on("requestfailed", self._lost)

    def _console(self, message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        is_excused = message.text.startswith((REFUSED, LOST)) and "/static/" not in address
        is_excused |= NETWORK_CHANGED in message.text
        if message.type == "error" and not is_excused:
            self.complaints.append(f"{message.text} ({address})")

    def _lost(self, request: Request) -> None:
        if "/static/" in request.url and request.failure == NETWORK_CHANGED:
            self.lost_parts.append(request.url)

    def _thrown(self, error: WebError) -> None:
        self.complaints.append(f"thrown: {error.error}")
