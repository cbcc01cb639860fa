"""Staff look at letters and documents before a customer gets them."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from tenants.models import Document, Message, User
from tests.admin.conftest import Business
from tests.admin.pages import change_page, text_of
from tests.conftest import let_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def seller(settings: Any) -> None:
    settings.WOPR_SELLER_NAME = "Bots & Sons"


def words_of(pdf: bytes) -> str:
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_every_kind_has_a_sample_and_real_ones_are_linked(
    staff_client: Client, business: Business
) -> None:
    page = text_of(staff_client, reverse("admin-samples"))
    for kind in Message.Kind:
        assert f'href="{reverse("admin-sample-letter", args=[kind])}"' in page
    for kind in Document.Kind:
        assert f'href="{reverse("admin-sample-document", args=[kind])}"' in page
    for real in (business.message, business.document):
        assert change_page(real) in page


@pytest.mark.parametrize("kind", Message.Kind)
def test_a_letter_shows_its_subject_its_page_and_its_text(kind: str, staff_client: Client) -> None:
    page = text_of(staff_client, reverse("admin-sample-letter", args=[kind]))
    assert "<iframe" in page
    assert "srcdoc=" in page
    assert "Bots &amp; Sons" in page, "the seller of the settings writes it"
    assert "None" not in page.partition('<pre class="wopr-block"')[2].partition("</pre>")[0]


@pytest.mark.parametrize("kind", Document.Kind)
def test_a_document_opens_in_the_browser(kind: str, staff_client: Client) -> None:
    answer = staff_client.get(reverse("admin-sample-document", args=[kind]), secure=True)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("inline")
    words = words_of(answer.content)
    assert "(sample)" in words
    assert "Bots & Sons" in words


def test_looking_stores_nothing(staff_client: Client) -> None:
    staff_client.get(reverse("admin-sample-letter", args=["welcome"]), secure=True)
    staff_client.get(reverse("admin-sample-document", args=["invoice"]), secure=True)
    assert not Message.objects.exists()
    assert not Document.objects.exists()


@pytest.mark.parametrize("name", ["admin-sample-letter", "admin-sample-document"])
def test_there_is_no_sample_of_what_is_not_a_kind(name: str, staff_client: Client) -> None:
    assert staff_client.get(reverse(name, args=["_sheet"]), secure=True).status_code == 404


def test_staff_who_may_not_see_letters_see_no_samples_of_them(db: None) -> None:
    clerk = User.objects.create_user("clerk@example.com", is_staff=True)
    client = Client()
    let_in(client, clerk)
    address = reverse("admin-sample-letter", args=["welcome"])
    assert client.get(address, secure=True).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_message"))
    assert client.get(address, secure=True).status_code == 200


def test_customers_are_sent_away(client: Client, alice: User) -> None:
    let_in(client, alice)
    assert client.get(reverse("admin-samples"), secure=True).status_code == 302
