"""Where Stripe delivers: store, check the signature, answer. Nothing here calls Stripe."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from djstripe.models import WebhookEndpoint

from billing import services


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """The fixed path; the secret is STRIPE_WEBHOOK_SECRET."""
    return _accept(request, settings.STRIPE_WEBHOOK_SECRET)


@csrf_exempt
@require_POST
def stripe_endpoint_webhook(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """dj-stripe's path for an endpoint that it created; the secret is that endpoint's."""
    endpoint = get_object_or_404(WebhookEndpoint, djstripe_uuid=uuid)
    return _accept(request, endpoint.secret or settings.STRIPE_WEBHOOK_SECRET)


def _accept(request: HttpRequest, secret: str) -> HttpResponse:
    accepted = services.webhook_store(
        body=request.body.decode("utf-8", errors="replace"),
        headers=dict(request.headers),
        address=request.META.get("REMOTE_ADDR") or "0.0.0.0",  # noqa: S104 (an unknown address)  # nosec B104
        secret=secret,
    )
    if accepted:
        return JsonResponse({"received": True})
    message = "The Stripe-Signature header is missing, wrong or too old."
    return JsonResponse({"code": "bad_signature", "message": message}, status=400)
