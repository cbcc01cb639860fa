"""A document as an answer, made anew by django-weasyprint and stored nowhere.

A module of its own, imported when it is needed: WeasyPrint costs seconds.
"""

from typing import Any

from django_weasyprint.views import WeasyTemplateResponse

from tenants.correspondence import closed_fetcher


class SamplePaper(WeasyTemplateResponse):  # type: ignore[misc]
    """Fetches as little as the documents of customers do: nothing."""

    def get_url_fetcher(self, *_: Any, **__: Any) -> Any:
        return closed_fetcher()
