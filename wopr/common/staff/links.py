"""How the admin's pages lead to one another, across apps that must not import one another.

An app says under which word its rows are referred to (`refers`), and what of its own belongs to
rows of apps below it (`belongs_to`). The pages below then show it without knowing whose it is.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import site
from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from wopr.common.staff.looks import EMPTY, mono

SHOWN = 8
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{1,255}\Z")
Finder = Callable[[Any], Any]
_referred: dict[str, type[Model]] = {}
_names: dict[type[Model], Callable[[Any], str]] = {}
_everywhere: list[tuple[str, str, Finder]] = []
_belonging: dict[type[Model], list[tuple[str, str, Finder]]] = defaultdict(list)


def refers(kind: str, model: type[Model]) -> None:
    """From now on the text `<kind>:<id>` names a row of that model."""
    _referred[kind] = model


def named(model: type[Model], name: Callable[[Any], str]) -> None:
    """How a row of the model is called where it is linked to, instead of by its `str`."""
    _names[model] = name


def belongs_to(model: type[Model], title: str, *, more: str = "") -> Callable[[Finder], Finder]:
    """Registers what is shown on the model's pages under that title.

    `more` is the query of the changelist that shows all of it, with `{pk}` in it.
    """

    def register(find: Finder) -> Finder:
        _belonging[model].append((title, more, find))
        return find

    return register


def belongs_to_all(title: str, *, more: str) -> Callable[[Finder], Finder]:
    """The same for the rows of all models; what finds None is not shown."""

    def register(find: Finder) -> Finder:
        _everywhere.append((title, more, find))
        return find

    return register


def change_url(model: type[Model], pk: Any) -> str:
    """The address of the row's page; empty when staff have no page for it."""
    if not site.is_registered(model):
        return ""
    return reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[quote(pk)]
    )


def list_url(model: type[Model], query: str = "") -> str:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{query}" if query else url


def anchor(url: str, text: Any) -> SafeString:
    return format_html('<a class="wopr-link" href="{}">{}</a>', url, text)


def link(row: Model | None, text: Any = "") -> SafeString | str:
    """The row, as a link to its page."""
    if row is None:
        return EMPTY
    url = change_url(type(row), row.pk)
    return anchor(url, text or row) if url else str(text or row)


def subject_link(kind: str, pk: Any, text: Any = "") -> SafeString | str:
    """What `<kind>:<pk>` names, as a link. Looks nothing up, so that lists stay cheap."""
    model = _referred.get(kind)
    shown = text or f"{kind} {str(pk)[:8]}"
    return anchor(change_url(model, pk), shown) if model else f"{kind}:{pk}"


def reference_link(reference: str, text: Any = "") -> SafeString | str:
    """A reference such as instance:<id>, as a link to what it names."""
    kind, _, pk = reference.partition(":")
    return subject_link(kind, pk, text) if pk else reference


def correlation_link(correlation_id: str) -> SafeString | str:
    """The id as a link to everything that was done under it."""
    if not _WELL_FORMED.match(correlation_id):  # a stranger's webhook may claim any id
        return mono(correlation_id)
    return anchor(reverse("admin-trail", args=[correlation_id]), mono(correlation_id))


@dataclass(frozen=True)
class Entry:
    text: str
    url: str
    state: str
    at_work: bool


@dataclass(frozen=True)
class Group:
    """Rows of one kind that belong to the row that is looked at."""

    title: str
    entries: list[Entry]
    more: str


def linked_groups(row: Model) -> list[Group]:
    """Everything that apps above have registered as belonging to the row."""
    return [
        _group(title, found, more.format(pk=row.pk, label=row._meta.label))
        for title, more, find in [*_belonging[type(row)], *_everywhere]
        if (found := find(row)) is not None
    ]


def _group(title: str, found: "QuerySet[Any]", more: str) -> Group:
    rows = list(found[: SHOWN + 1])
    url = list_url(found.model, more) if more and len(rows) > SHOWN else ""
    return Group(title, entries_of(rows[:SHOWN]), url)


def entries_of(rows: Iterable[Any]) -> list[Entry]:
    return [
        Entry(
            text=_names.get(type(row), str)(row),
            url=change_url(type(row), row.pk),
            state=_state_of(row),
            at_work=hasattr(row, "lease_until"),
        )
        for row in rows
    ]


def _state_of(row: Any) -> str:
    """Under whichever name the row has it; an outcome says more than a state."""
    found = (getattr(row, name, "") for name in ("outcome", "state", "status"))
    return next((str(value) for value in found if isinstance(value, str) and value), "")
