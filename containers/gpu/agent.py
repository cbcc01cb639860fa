#!/usr/bin/env python3
"""Makes one of this node's services anew, when the proxy passes the platform's request on.

Only the proxy reaches the socket, after it has asked for the node's token; it holds no socket of
the container engine's, and all that can be asked for is the name of a service.
"""

import http.server
import os
import socketserver
import subprocess
import sys

SERVICES = ("llama", "chatterbox", "whisper", "qwen")
SOCKET = os.environ.get("WOPR_AGENT_SOCKET", "/run/wopr/agent.sock")
COMPOSE = ("docker", "compose", "--file", "/opt/wopr/docker-compose.gpu.yml")
under_way: dict[str, subprocess.Popen[bytes]] = {}


class Desk(http.server.BaseHTTPRequestHandler):
    """POST /restart/SERVICE: 202 at once; asked again meanwhile, it is still the same restart."""

    def do_POST(self) -> None:
        service = self.path.removeprefix("/restart/")
        known = service in SERVICES
        if known and (service not in under_way or under_way[service].poll() is not None):
            anew = ("up", "--detach", "--force-recreate", "--no-deps", service)
            under_way[service] = subprocess.Popen([*COMPOSE, *anew])  # noqa: S603  (its words are constants)
        self.send_response(202 if known else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Without the address, which a socket in the file system has none of."""
        sys.stderr.write(f"{format % args}\n")


if __name__ == "__main__":
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    with socketserver.UnixStreamServer(SOCKET, Desk) as server:
        server.serve_forever()
