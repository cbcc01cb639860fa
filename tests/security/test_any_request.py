"""Whatever is sent to the API, it answers: every operation of the OpenAPI document, with anything.

`make security` sends far more than a run of the suite does.
"""

import os
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from hypothesis import HealthCheck, settings
from requests import Request
from rest_framework.test import APIClient

from fleet.models import Instance
from tests.architecture.source import ROOT

EXAMPLES = int(os.environ.get("EXAMPLES", "2"))
schema = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.yaml")
# Every boundary of every field: thousands of requests.
schema.config.phases.coverage.enabled = EXAMPLES > 2
pytestmark = pytest.mark.django_db(transaction=True)
HOST = "https://testserver"


def sent(client: APIClient, case: Any, known: dict[str, str]) -> Any:
    """The answer to a generated request; names of what exists take the place of invented ones."""
    case.path_parameters = {**(case.path_parameters or {})}
    case.path_parameters.update({k: v for k, v in known.items() if k in case.path_parameters})
    given = case.as_transport_kwargs(base_url=HOST)
    body = {name: given[name] for name in ("json", "data") if name in given}
    prepared = Request(given["method"], given["url"], params=given["params"], **body).prepare()
    data = prepared.body or b""
    return client.generic(
        case.method,
        prepared.path_url,
        data.encode() if isinstance(data, str) else data,
        content_type="application/json",
        secure=True,
    )


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_request_makes_the_server_fail(case: Any, api: APIClient, instance: Instance) -> None:
    known = {"tenant_id": str(instance.tenant_id), "instance_id": str(instance.pk)}
    for client in (api, APIClient()):
        for names in ({}, known):
            cache.clear()  # nor do throttles answer for what they protect
            answer = sent(client, case, names)
            # 503 is how a part that is away is told of.
            assert answer.status_code < 500 or answer.status_code == 503, case.as_curl_command()
            if answer.status_code >= 400:
                assert answer.json()["code"], answer.content
