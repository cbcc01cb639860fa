"""Documents are for the members of their tenant, as PDF downloads."""

import hashlib

import pytest
from rest_framework.test import APIClient

from tenants.models import Document, Membership, Tenant, User
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
CONTENT = b"%PDF-1.7 of Alice"


@pytest.fixture
def document(tenant: Tenant) -> Document:
    return Document.objects.create(
        tenant=tenant,
        kind="welcome",
        cause="instance:1",
        title="Welcome",
        filename="welcome.pdf",
        content=CONTENT,
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


def test_members_download_the_document_as_it_is_stored(
    document: Document, alice: User, bob: User
) -> None:
    for member in (alice, bob):
        answer = signed_in(member).get(f"/api/v1/documents/{document.pk}/content")
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == 'attachment; filename="welcome.pdf"'


def test_the_list_tells_what_there_is_and_where(
    document: Document, tenant: Tenant, api: APIClient
) -> None:
    [listed] = api.get(f"/api/v1/tenants/{tenant.pk}/documents").json()
    assert (listed["title"], listed["size"]) == ("Welcome", len(CONTENT))
    assert listed["sha256"] == document.sha256
    assert api.get(listed["url"]).content == CONTENT


@pytest.mark.parametrize("kind", ["invoice", "receipt", "credit_note"])
def test_what_is_about_money_is_for_those_who_may_pay(
    document: Document, tenant: Tenant, alice: User, bob: User, kind: str
) -> None:
    Document.objects.update(kind=kind)
    path = f"/api/v1/documents/{document.pk}/content"
    assert signed_in(alice).get(path).status_code == 200
    assert signed_in(bob).get(path).status_code == 404
    assert signed_in(bob).get(f"/api/v1/tenants/{tenant.pk}/documents").json() == []
    Membership.objects.filter(user=bob).update(role=Membership.Role.BILLING)
    assert signed_in(bob).get(path).status_code == 200


def test_strangers_find_nothing(document: Document, charlie: User) -> None:
    stranger = signed_in(charlie)
    for path in (f"documents/{document.pk}/content", f"tenants/{document.tenant_id}/documents"):
        answer = stranger.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_visitors_are_told_to_sign_in(document: Document) -> None:
    answer = APIClient().get(f"/api/v1/documents/{document.pk}/content")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
