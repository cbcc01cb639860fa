"""The welcome letter and document: what they say, how they are made, that they come once."""

import html
from io import BytesIO

import pytest
from pypdf import PdfReader
from weasyprint.urls import FatalURLFetchingError

from billing.models import Entitlement, Plan
from fleet.models import Instance
from tenants import correspondence
from tenants.models import Document, Message

DASHBOARD = "https://wopr.example/tenants/1"


@pytest.fixture(autouse=True)
def seller(settings) -> None:  # type: ignore[no-untyped-def]
    settings.WOPR_SELLER_NAME = "Bots & Sons"
    settings.WOPR_SELLER_ADDRESS = "12 Example Street"
    settings.WOPR_SELLER_EMAIL = "help@seller.example"


def document_for(instance: Instance, kind: str = "welcome") -> Document:
    return correspondence.document_render(
        tenant=instance.tenant,
        kind=kind,
        cause=instance.reference,
        title=f"Welcome to WOPR, {instance.tenant.name}",
        filename="welcome.pdf",
        context={"instance": instance, "tenant": instance.tenant, "dashboard_url": DASHBOARD},
    )


def letter_for(instance: Instance) -> Message:
    return correspondence.message_queue(
        tenant=instance.tenant,
        kind="welcome",
        cause=instance.reference,
        context={"instance": instance, "dashboard_url": DASHBOARD},
        attachments=[document_for(instance)],
    )


def pdf_of(document: Document) -> PdfReader:
    return PdfReader(BytesIO(bytes(document.content)))


def text_of(pdf: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def fonts_of(pdf: PdfReader) -> list[object]:
    return [
        descendant.get_object()["/FontDescriptor"]
        for page in pdf.pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
        for descendant in font.get_object()["/DescendantFonts"]
    ]


def test_the_document_names_the_bot_its_limits_and_the_seller(instance: Instance) -> None:
    text = text_of(pdf_of(document_for(instance)))
    for part in (
        "Welcome to WOPR, Alice & Co",
        instance.url,
        "256 MB of memory",
        "0.5 CPU",
        "inference provider",
        "/data",
        "Bots & Sons",
        "12 Example Street",
        "help@seller.example",
        "Page 1 of 1",
    ):
        assert part in text, f"{part!r} is missing"


def test_the_document_says_what_the_plan_costs(instance: Instance, plan: Plan) -> None:
    paid = {"amount": 900, "currency": "eur", "interval": "month"}
    Entitlement.objects.create(tenant=instance.tenant, plan=plan, status="active", bots=1, **paid)
    assert "€9 a month" in text_of(pdf_of(document_for(instance)))


def test_the_address_in_the_document_can_be_clicked(instance: Instance) -> None:
    pdf = pdf_of(document_for(instance))
    links = [
        annotation.get_object()["/A"]["/URI"]
        for page in pdf.pages
        for annotation in page.get("/Annots", [])
    ]
    assert instance.url in links
    assert DASHBOARD in links


def test_the_document_is_tagged_has_a_language_and_embeds_its_fonts(instance: Instance) -> None:
    pdf = pdf_of(document_for(instance))
    catalogue = pdf.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]  # type: ignore[index]
    assert catalogue["/Lang"] == "en"  # type: ignore[index]
    fonts = fonts_of(pdf)
    assert fonts
    assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)  # type: ignore[operator]


def test_nothing_of_the_document_is_cut_off_on_letter_paper(instance: Instance) -> None:
    """A4 printed on Letter loses 9 mm above and below."""
    lost = 9 / 25.4 * 72
    page = pdf_of(document_for(instance)).pages[0]
    heights: list[float] = []

    def measure(text: str, cm: list[float], tm: list[float], *_: object) -> None:
        if text.strip():
            heights.append(tm[4] * cm[1] + tm[5] * cm[3] + cm[5])

    page.extract_text(visitor_text=measure)
    assert float(page.mediabox.height) == pytest.approx(297 / 25.4 * 72, abs=1)
    assert min(heights) > lost
    assert max(heights) < float(page.mediabox.height) - lost


def test_the_letter_says_the_same_as_text_and_as_html(instance: Instance) -> None:
    letter = letter_for(instance)
    assert letter.subject == "Your bot alice-co is running"
    assert letter.recipient == "alice@example.com"
    for part in ("Alice & Co", instance.url, DASHBOARD, "help@seller.example", "Bots & Sons"):
        assert part in letter.text
        assert part in html.unescape(letter.html)


def test_a_name_that_is_markup_stays_text(instance: Instance) -> None:
    instance.tenant.name = "<img src=//evil.example/x> & 'Co'"
    instance.tenant.save()
    letter = letter_for(instance)
    assert "<img" not in letter.html
    assert "<img src=//evil.example/x> & 'Co' now owns" in letter.text
    assert "<img src=//evil.example/x>" in text_of(pdf_of(document_for(instance)))


def test_the_letter_loads_nothing_and_has_one_button(instance: Instance) -> None:
    letter = letter_for(instance)
    assert "<img" not in letter.html
    assert "url(" not in letter.html
    assert "<script" not in letter.html
    assert letter.html.count('class="button"') == 1


def test_the_same_cause_makes_one_document_and_one_letter(instance: Instance) -> None:
    first, second = letter_for(instance), letter_for(instance)
    assert first.pk == second.pk
    assert Document.objects.count() == 1
    assert list(first.attachments.all()) == [document_for(instance)]


@pytest.mark.parametrize("address", ["file:///etc/hostname", "http://169.254.169.254/", "ftp://x/"])
def test_a_document_can_fetch_nothing(address: str) -> None:
    with pytest.raises((FatalURLFetchingError, ValueError)):
        correspondence.closed_fetcher().fetch(address)
