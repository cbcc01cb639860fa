"""The SMTP side of the mailbox, with its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import parseaddr

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.faults import Fault, FaultBook
from sandbox.mailbox.world import Mailbox

FOREVER = 3600.0
SIZE_LIMIT = 25 * 1024 * 1024


class MailHandler:
    """Accepts every mail, unless a fault says otherwise."""

    def __init__(self, mailbox: Mailbox, book: FaultBook, after_change: Callable[[], None]) -> None:
        self.mailbox = mailbox
        self.book = book
        self.after_change = after_change

    async def handle_MAIL(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL FROM."""
        refused = await self._strike(server, "MAIL", address)
        if refused:
            return refused
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT TO."""
        refused = await self._strike(server, "RCPT", address)
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, _: Session, envelope: Envelope
    ) -> str:
        """Keep the mail; a fault may strike before or after that."""
        fault = self.fault("DATA", envelope.rcpt_tos[0])
        if fault and fault.kind != "timeout_after" and fault.when == "before":
            refused = await self._apply(server, fault)
            if refused:
                return refused
        content = envelope.original_content or b""
        self.mailbox.receive(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        self.after_change()
        if fault and (fault.kind == "timeout_after" or fault.when == "after"):
            return await self._apply(server, fault) or "250 OK"
        return "250 Message accepted for delivery"

    def fault(self, command: str, address: str) -> Fault | None:
        """Log a command and return the fault that strikes it."""
        entry = self.book.log(command, parseaddr(address)[1] or address)
        fault = self.book.strike(command, entry.path)
        entry.fault = fault.kind if fault else None
        return fault

    async def _strike(self, server: SMTP, command: str, address: str) -> str | None:
        fault = self.fault(command, address)
        return await self._apply(server, fault) if fault else None

    async def _apply(self, server: SMTP, fault: Fault) -> str | None:
        if fault.kind == "status":
            kind = "Temporary" if fault.status < 500 else "Permanent"
            return f"{fault.status} {kind} failure on demand"
        if fault.kind in ("latency", "timeout_after"):
            await asyncio.sleep(fault.seconds or FOREVER)
        if fault.kind == "latency":
            return None
        await cut(server)
        return None


async def cut(server: SMTP) -> None:
    """Break the connection; aiosmtpd cancels this task once it notices."""
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()
    await asyncio.Event().wait()


class FaultySMTP(SMTP):
    """An SMTP server that may refuse the connection itself."""

    def __init__(self, handler: MailHandler) -> None:
        super().__init__(
            handler, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, hostname="mailbox.localhost"
        )
        self._mail_handler = handler

    async def _handle_client(self) -> None:
        # aiosmtpd offers no hook for a new connection; this is where it greets.
        fault = self._mail_handler.fault("CONNECT", "connection")
        if fault and fault.kind == "status":
            await self.push(f"{fault.status} Service not available")
            await cut(self)
        if fault and fault.kind == "drop":
            await cut(self)
        if fault:
            await asyncio.sleep(fault.seconds or FOREVER)
        await super()._handle_client()
