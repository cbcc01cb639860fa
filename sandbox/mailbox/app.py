"""The mailbox's pages and its JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from sandbox.controls import control_routes
from sandbox.faults import Fault, FaultBook
from sandbox.gate import Gate
from sandbox.mailbox.world import Mail, Mailbox
from sandbox.templating import page
from sandbox.types import Json

# A mail is foreign content: no scripts, nothing loaded from anywhere, and it stays in its frame.
MAIL_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"


def described(mail: Mail, request: Request) -> Json:
    """Return a mail as JSON."""
    return {
        "id": mail.id,
        "message_id": mail.message_id,
        "from": mail.sender,
        "to": mail.recipients,
        "subject": str(mail.message.get("Subject", "")),
        "received_at": mail.received_at,
        "deliveries": mail.deliveries,
        "headers": [[name, str(value)] for name, value in mail.message.items()],
        "text": mail.body("plain"),
        "html": mail.body("html"),
        "attachments": [
            {
                "filename": attachment.name,
                "content_type": attachment.content_type,
                "size": len(attachment.content),
                "sha256": attachment.sha256,
                "url": f"{request.base_url}messages/{mail.id}/attachments/{attachment.number}",
            }
            for attachment in mail.attachments
        ],
    }


class MailboxPages:
    """Everything that a browser or a test asks the mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    def routes(self) -> list[Route]:
        """Return all pages and JSON paths."""
        return [
            Route("/", self.index),
            Route("/mail/{id}", self.show),
            Route("/messages", self.listed, methods=["GET"]),
            Route("/messages", self.cleared, methods=["DELETE"]),
            Route("/messages/{id}", self.one),
            Route("/messages/{id}/html", self.html),
            Route("/messages/{id}/raw", self.raw),
            Route("/messages/{id}/attachments/{number:int}", self.attachment),
        ]

    def _mail(self, request: Request) -> Mail | None:
        return self.mailbox.mails.get(request.path_params["id"])

    async def index(self, request: Request) -> Response:
        """List the mails, newest first."""
        mails = [described(mail, request) for mail in reversed(self.mailbox.mails.values())]
        return page("mailbox/index.html", mails=mails)

    async def show(self, request: Request) -> Response:
        """Show one mail."""
        mail = self._mail(request)
        if mail is None:
            return _unknown_page()
        return page("mailbox/mail.html", mail=described(mail, request))

    async def listed(self, request: Request) -> Response:
        """Return the mails as JSON, by recipient (`to`) and a part of the subject."""
        query = request.query_params
        found = self.mailbox.found(query.get("to"), query.get("subject"))
        return JSONResponse({"messages": [described(mail, request) for mail in found]})

    async def cleared(self, _: Request) -> Response:
        """Throw all mails away."""
        self.mailbox.clear()
        return JSONResponse({"messages": []})

    async def one(self, request: Request) -> Response:
        """Return one mail as JSON."""
        mail = self._mail(request)
        return _unknown() if mail is None else JSONResponse(described(mail, request))

    async def html(self, request: Request) -> Response:
        """Return the HTML body for the frame on the page."""
        mail = self._mail(request)
        body = mail.body("html") if mail else None
        if body is None:
            return _unknown()
        return HTMLResponse(body, headers={"Content-Security-Policy": MAIL_POLICY})

    async def raw(self, request: Request) -> Response:
        """Return the mail as it came."""
        mail = self._mail(request)
        return _unknown() if mail is None else PlainTextResponse(mail.raw.encode("latin-1"))

    async def attachment(self, request: Request) -> Response:
        """Return an attached file for download."""
        mail, number = self._mail(request), request.path_params["number"]
        if mail is None or number >= len(mail.attachments):
            return _unknown()
        found = mail.attachments[number]
        disposition = f"attachment; filename*=UTF-8''{quote(found.name)}"
        headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
        return Response(found.content, media_type=found.content_type, headers=headers)


def _unknown() -> Response:
    return JSONResponse({"error": "not found"}, status_code=404)


def _unknown_page() -> Response:
    text = "There is no such mail here."
    return page(
        "message.html", 404, heading="Not found", text=text, link="/", link_text="All mails"
    )


def mailbox_app(mailbox: Mailbox, book: FaultBook, after_change: Callable[[], None]) -> ASGIApp:
    """Return the application; its faults and request log are those of the SMTP server."""
    routes: list[Any] = [*control_routes(mailbox, book), *MailboxPages(mailbox).routes()]
    # Pages of the mailbox stand for no vendor: they neither fail on demand nor fill the log.
    return Gate(
        Starlette(routes=routes),
        book=FaultBook(),
        fault_response=_no_faults,
        after_change=after_change,
    )


def _no_faults(_: Scope, fault: Fault) -> Response:
    return PlainTextResponse("fault on demand", status_code=fault.status)
