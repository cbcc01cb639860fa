"""Where a mail provider reports what became of letters."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tenants import correspondence
from tenants.gateways import mail


@csrf_exempt
@require_http_methods(["POST", "HEAD"])
def mail_webhook(request: HttpRequest) -> HttpResponse:
    """Django answers 400 to a wrong secret or signature. Without a provider there is no address.

    Some providers ask by HEAD whether somebody is here.
    """
    if not mail.hears_reports():
        raise Http404
    if request.method == "POST":
        correspondence.reports_store(mail.reports_of(request))
    return JsonResponse({"received": True})
