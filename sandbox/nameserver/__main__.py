"""`python -m sandbox.nameserver`: the server as a process, steered by JSON over HTTP.

`GET /` lists everything; `PUT /NAME/TYPE` with a JSON list of contents writes, `DELETE /NAME` and
`DELETE /NAME/TYPE` remove.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.nameserver.server import Zones, serving


class Control(BaseHTTPRequestHandler):
    """Reads and writes the table."""

    zones: Zones

    def do_GET(self) -> None:
        """Answer with the whole table."""
        self._answer(200, self.zones.records)

    def do_PUT(self) -> None:
        """Write the records of one name and type."""
        name, _, kind = self.path.strip("/").partition("/")
        contents = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.zones.put(name, kind, *contents)
        except ValueError as error:
            self._answer(400, {"error": str(error)})
            return
        self._answer(200, self.zones.records)

    def do_DELETE(self) -> None:
        """Remove records."""
        name, _, kind = self.path.strip("/").partition("/")
        self.zones.drop(name, kind or None)
        self._answer(200, self.zones.records)

    def _answer(self, status: int, body: object) -> None:
        raw = json.dumps(body, indent=2).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.nameserver", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="for DNS, by UDP and TCP")
    parser.add_argument("--control-port", type=int, required=True, help="for HTTP")
    parser.add_argument("--edge", action="append", default=[], help="NAME=ADDRESS; may be repeated")
    options = parser.parse_args()
    zones = Control.zones = Zones()
    for pair in options.edge:
        name, _, address = pair.partition("=")
        zones.put(name, "A", address)
    with serving(zones, options.port):
        ThreadingHTTPServer(("127.0.0.1", options.control_port), Control).serve_forever()


if __name__ == "__main__":
    main()
