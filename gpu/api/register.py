"""Where a GPU node reports its boot: POST /internal/gpu/register?stage=…

Not part of the customers' API: the edge lets only this path in, and the caller is a machine.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from gpu import booting
from gpu.booting import AlreadyReported, Event, Report, Stage
from gpu.models import GpuNode
from wopr.common.answers import object_of
from wopr.common.errors import Refused

LARGEST_BODY = 64 * 1024


@csrf_exempt
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """Answers 200 with what the node needs for the stage that begins, or an error with its code."""
    try:
        report = _report(request)
        node = booting.report_take(
            token=_token(request), address=request.META["REMOTE_ADDR"], report=report
        )
    except AlreadyReported as refused:
        return JsonResponse(_error(refused) | _needed(refused.node, report), status=refused.status)
    except Refused as refused:
        return JsonResponse(_error(refused), status=refused.status)
    return JsonResponse({"node": node.name, "stage": node.stage} | _needed(node, report))


def _needed(node: GpuNode, report: Report) -> dict[str, str]:
    """What the stage that begins needs. A node that asks again had lost the answer, or rebooted."""
    if (report.stage, report.event) != (Stage.STARTING_SERVICES, Event.BEGIN):
        return {}
    # Its certificate is made for the address under which we reach it.
    return {"inference_token": node.inference_token, "address": node.address}


def _error(refused: Refused) -> dict[str, str]:
    return {"code": refused.code, "message": refused.message, "field": refused.field}


def _token(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused("invalid_token", "A bearer token is needed.", status=401)
    return token.strip()


def _report(request: HttpRequest) -> Report:
    if int(request.headers.get("Content-Length") or 0) > LARGEST_BODY:
        raise Refused("too_large", f"The body has more than {LARGEST_BODY} bytes.", status=413)
    said = _json(request.body)
    stage = request.GET.get("stage") or str(said.get("stage", ""))
    if stage not in Stage.values:
        raise Refused("unknown_stage", "stage must be one of a boot's stages.", field="stage")
    event = str(said.get("event", Event.BEGIN))
    if stage == Stage.DONE:
        event = Event.END
    if event not in Event.values:
        raise Refused("unknown_event", "event must be begin, end or fail.", field="event")
    return Report(
        node=str(said.get("node", "")),
        stage=stage,
        event=event,
        log=str(said.get("log", "")),
        certificate=str(said.get("certificate", "")),
    )


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = object_of(body)
    except ValueError as error:
        raise Refused("malformed", f"The body must be a JSON object: {error}") from error
    if any("\0" in str(value) for value in said.values()):
        raise Refused("malformed", "The body must be of plain text.")
    return said
