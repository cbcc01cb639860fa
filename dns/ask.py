"""Caddy's question before it obtains a certificate: is this name served here?"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dns.models import CustomDomain


@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """200 for a name whose owner has proven it and that is served; 404 for every other.

    Asked by Caddy from inside. What came through the edge carries X-Forwarded-Host and gets 404,
    should a proxy in front ever let it pass.
    """
    hostname = request.GET.get("domain", "").lower()
    is_outside = "X-Forwarded-Host" in request.headers
    served = CustomDomain.objects.filter(hostname=hostname, state__in=CustomDomain.SERVED)
    known = not is_outside and served.exists()
    return HttpResponse(status=200 if known else 404)
