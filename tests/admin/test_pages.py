"""Every page of the admin opens, leads to the next one, and shows no secret."""

import re

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse
from djstripe.models import APIKey, WebhookEndpoint

from tests.admin.conftest import EVENT, Business
from tests.admin.pages import change_page, list_page, registered, text_of


def test_every_list_opens(staff_client: Client, business: Business) -> None:
    for model in registered():
        text_of(staff_client, list_page(model))


def test_every_list_can_be_searched(staff_client: Client, business: Business) -> None:
    for model in registered():
        if site._registry[model].search_fields:
            text_of(staff_client, f"{list_page(model)}?q=alice")


def test_every_row_has_a_page_that_opens(staff_client: Client, business: Business) -> None:
    for row in business.rows():
        text_of(staff_client, change_page(row))


def test_a_tenants_page_leads_to_everything_that_is_the_tenants(
    staff_client: Client, business: Business
) -> None:
    page = text_of(staff_client, change_page(business.tenant))
    for row in (
        business.entitlement,
        business.checkout,
        business.instance,
        business.operation,
        business.document,
        business.message,
        business.customer,
        business.subscription,
    ):
        assert f'href="{change_page(row)}"' in page, f"no link to {row!r}"


def test_a_bots_page_leads_to_its_operations_records_routes_and_letters(
    staff_client: Client, business: Business
) -> None:
    page = text_of(staff_client, change_page(business.instance))
    for row in (
        business.tenant,
        business.operation,
        business.route,
        business.record,
        business.document,
        business.message,
        business.entitlement,
        business.instance.node,
        business.instance.release,
    ):
        assert f'href="{change_page(row)}"' in page, f"no link to {row!r}"


@pytest.mark.parametrize("name", ["record", "document", "message", "route", "operation"])
def test_what_is_about_a_bot_leads_back_to_it(
    staff_client: Client, business: Business, name: str
) -> None:
    page = text_of(staff_client, change_page(getattr(business, name)))
    assert f'href="{change_page(business.instance)}"' in page


def test_the_trail_of_an_id_goes_from_the_stripe_event_to_the_letter(
    staff_client: Client, business: Business
) -> None:
    trail = reverse("admin-trail", args=[EVENT])
    for row in (business.operation, business.entitlement, business.message, business.event):
        assert f'href="{trail}"' in text_of(staff_client, change_page(row))
    page = text_of(staff_client, trail)
    for row in (business.event, business.entitlement, business.operation, business.message):
        assert f'href="{change_page(row)}"' in page


def test_an_operation_shows_its_steps_with_state_reason_and_facts(
    staff_client: Client, business: Business
) -> None:
    page = text_of(staff_client, change_page(business.operation))
    steps = re.findall(r'data-step="(\w+)" data-state="(\w+)"', page)
    assert [name for name, _ in steps] == [s.name for s in business.operation.steps.all()]
    assert [state for _, state in steps][:4] == ["done", "done", "failed", "pending"]
    assert "the engine is full" in page
    assert ">seen<" in page
    assert EVENT in page


def test_only_a_live_operation_is_fetched_again(staff_client: Client, business: Business) -> None:
    path = reverse("admin:fleet_operation_progress", args=[business.operation.pk])
    assert path not in text_of(staff_client, change_page(business.operation))
    business.operation.state, business.operation.finished_at = "running", None
    business.operation.save()
    assert f'hx-get="{path}"' in text_of(staff_client, change_page(business.operation))
    assert f'hx-get="{path}"' in text_of(staff_client, path)


def test_a_document_is_a_download_and_not_a_field(staff_client: Client, business: Business) -> None:
    path = reverse("admin:tenants_document_file", args=[business.document.pk])
    page = text_of(staff_client, change_page(business.document))
    assert f'href="{path}"' in page
    assert "as it was made" not in page
    answer = staff_client.get(path, secure=True)
    assert answer.content == bytes(business.document.content)
    assert "attachment" in answer["Content-Disposition"]


def test_a_messages_html_is_shown_in_a_frame_that_runs_nothing(
    staff_client: Client, business: Business
) -> None:
    page = text_of(staff_client, change_page(business.message))
    frame = re.search(r"<iframe[^>]*>", page)
    assert frame is not None
    assert re.search(r"\ssandbox\s", frame[0])
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in frame[0]


def test_a_failed_webhook_shows_its_error_and_traceback(
    staff_client: Client, business: Business
) -> None:
    page = text_of(staff_client, change_page(business.trigger))
    assert "Stripe did not answer" in page
    assert "Traceback: line 1" in page


def test_a_strangers_webhook_cannot_break_the_inbox(
    staff_client: Client, business: Business
) -> None:
    for body in ('{"id": "../../x y", "type": ["<b>"]}', "[1]", "null", "<script>x</script>"):
        business.trigger.pk = None
        business.trigger.body, business.trigger.valid = body, False
        business.trigger.save(force_insert=True)
        assert "<script>x" not in text_of(staff_client, change_page(business.trigger))
    assert "refused" in text_of(staff_client, list_page(type(business.trigger)))


def test_no_page_of_a_bot_shows_its_secrets(staff_client: Client, business: Business) -> None:
    bot = business.instance
    pages = [change_page(row) for row in (bot, business.tenant, business.operation)]
    for path in [*pages, list_page(type(bot))]:
        page = text_of(staff_client, path)
        for secret in (bot.platform_token, bot.credential_key, bot.daemon_token):
            assert secret not in page


def test_stripes_keys_and_webhook_secrets_have_no_page(db: None) -> None:
    assert not site.is_registered(APIKey)
    assert not site.is_registered(WebhookEndpoint)
