"""Staff's buttons: each calls one service, and says what came of it."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from fleet.models import Operation
from tests.admin.conftest import Business
from tests.admin.pages import press
from wopr.common.models import Breaker


def test_a_failed_bot_is_set_up_again(staff_client: Client, business: Business) -> None:
    business.instance.status = "failed"
    business.instance.save()
    page = press(staff_client, business.instance, "set_up_again").content.decode()
    newest = Operation.objects.order_by("-created_at").first()
    assert newest is not None
    assert newest.pk != business.operation.pk
    assert newest.cause.startswith("staff: ")
    assert "is being set up again" in page


def test_a_bot_that_did_not_fail_is_left_alone_and_the_page_says_so(
    staff_client: Client, business: Business
) -> None:
    page = press(staff_client, business.instance, "set_up_again").content.decode()
    assert Operation.objects.count() == 1
    assert "only a failed bot is set up again" in page


def test_an_operation_that_waits_is_due_at_once(staff_client: Client, business: Business) -> None:
    operation = business.operation
    operation.state, operation.finished_at = "running", None
    operation.next_attempt_at = timezone.now() + timedelta(hours=1)
    operation.save()
    press(staff_client, operation, "run_now")
    assert operation.pk in Operation.objects.due().values_list("pk", flat=True)


def test_an_operation_that_ended_is_not_run(staff_client: Client, business: Business) -> None:
    page = press(staff_client, business.operation, "run_now").content.decode()
    assert "The operation has ended" in page
    business.operation.refresh_from_db()
    assert business.operation.state == "failed"


def test_a_leak_that_was_seen_gone_stays_on_the_books(
    staff_client: Client, business: Business
) -> None:
    page = press(staff_client, business.leak, "seen_gone").content.decode()
    business.leak.refresh_from_db()
    first = business.leak.resolved_at
    assert first is not None
    assert "is off the books" in page
    assert "was closed before" in press(staff_client, business.leak, "seen_gone").content.decode()
    business.leak.refresh_from_db()
    assert business.leak.resolved_at == first


def test_a_message_is_sent_again(staff_client: Client, business: Business) -> None:
    message = business.message
    message.state, message.sent_at = "sent", timezone.now()
    message.save()
    press(staff_client, message, "send_again")
    message.refresh_from_db()
    assert (message.state, message.sent_at) == ("queued", None)
    assert message.next_attempt_at <= timezone.now()


def test_a_message_that_is_being_sent_is_not_disturbed(
    staff_client: Client, business: Business
) -> None:
    business.message.state = "sending"
    business.message.save()
    page = press(staff_client, business.message, "send_again").content.decode()
    assert "is being sent at this moment" in page
    business.message.refresh_from_db()
    assert business.message.state == "sending"


def test_a_webhook_is_put_back_into_the_inbox(staff_client: Client, business: Business) -> None:
    business.trigger.processed = True
    business.trigger.save()
    press(staff_client, business.trigger, "process_again")
    business.trigger.refresh_from_db()
    assert not business.trigger.processed


def test_a_webhook_that_is_not_stripes_is_never_processed(
    staff_client: Client, business: Business
) -> None:
    business.trigger.valid, business.trigger.processed = False, True
    business.trigger.save()
    page = press(staff_client, business.trigger, "process_again").content.decode()
    assert "it is not from Stripe" in page
    business.trigger.refresh_from_db()
    assert business.trigger.processed


def test_htmx_is_told_where_to_go(staff_client: Client, business: Business) -> None:
    answer = staff_client.post(
        f"/admin/fleet/leak/{business.leak.pk}/seen_gone/",
        {"_form_submitted": "on"},
        headers={"HX-Request": "true"},
        secure=True,
    )
    assert answer["HX-Redirect"] == f"/admin/fleet/leak/{business.leak.pk}/change/"


def test_an_action_that_was_stopped_goes_on_once_a_person_approves(staff_client: Client) -> None:
    stopped = Breaker.objects.create(
        action="suspend_unpaid: all", tripped_at=timezone.now(), message="90 of 100 tenants"
    )
    page = press(staff_client, stopped, "approve").content.decode()
    stopped.refresh_from_db()
    assert "may go on for an hour" in page
    assert stopped.approved_by == "staff@example.com"
    assert stopped.approved_until is not None
    assert timezone.now() < stopped.approved_until <= timezone.now() + timedelta(hours=1)
