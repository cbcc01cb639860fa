"""Errors by blame: the caller's fault (Refused), an outside system's (ProviderError)."""


class WoprError(Exception):
    """Base of every error that WOPR raises on purpose."""


class Refused(WoprError):
    """What was asked for cannot be done; nothing was changed.

    `code` is stable and for programs, `message` is for the person who asked, `field` names the
    input to mend, `status` is the HTTP status of the answer.
    """

    def __init__(self, code: str, message: str, *, field: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.status = code, message, field, status


class ProviderError(WoprError):
    """An outside system failed or refused.

    `permanent` means that the same call will not succeed later without somebody changing
    something; everything else is worth trying again. `retry_after` is the wait, in seconds, that
    the provider asked for. `answered` means that this error was its answer, which a provider with
    idempotency keys gives again to the same key; after silence the work may have been done.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        answered: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent, self.retry_after, self.answered = permanent, retry_after, answered
