"""An HTTP client that reaches *.localhost names on loopback, as browsers do.

Only the connection goes to 127.0.0.1: the Host header, SNI and the check of the certificate
against the local authority stay those of the name.
"""

import ssl

import httpx


class Loopback(httpx.HTTPTransport):
    """A transport that resolves every name below .localhost itself."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to loopback under its own name."""
        name = request.url.host
        if not name.endswith(".localhost"):
            return super().handle_request(request)
        here = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": name},
        )
        return super().handle_request(here)


def front_door(authority: str) -> httpx.Client:
    """Return a client that trusts the stack's own certificate authority."""
    context = ssl.create_default_context(cafile=authority)
    return httpx.Client(transport=Loopback(verify=context), timeout=30)
