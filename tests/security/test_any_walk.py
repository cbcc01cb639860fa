"""Walks through the API: each request is made of what the answers before it gave.

schemathesis works the links out by itself: what an answer names (a tenant, a bot, a key) goes into
the paths and bodies of later requests. `make security` walks much farther than a run of the suite.
"""

import os
from itertools import count
from typing import Any, ClassVar

import pytest
import schemathesis
from django.core.cache import cache
from hypothesis import HealthCheck, Phase, settings
from requests import Request
from rest_framework.test import APIClient
from schemathesis import Case, Response
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput, normalize_name

from billing.models import Plan
from fleet.models import Instance, Node
from tenants import services as tenant_services
from tenants.models import User
from tests.architecture.source import ROOT
from tests.conftest import let_in

WALKS = max(4, int(os.environ.get("EXAMPLES", "0")) // 4)
STEPS = 15
HOST = "https://testserver"
schema = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.yaml")
Machine: Any = schema.as_state_machine()
NAMED = [each.ok().label for each in schema.get_all_operations() if "{" in each.ok().path]
# No walk begins at a name that somebody made up: it would lead nowhere.
for start in {normalize_name(f"RANDOM -> {label}") for label in NAMED} & Machine.root_rules:
    delattr(Machine, start)
Machine._root_labels -= set(NAMED)
numbers = count(1)


class Walk(Machine):  # type: ignore[misc]
    """One person's way: somebody of the staff, who owns a bot as well, goes wherever links lead."""

    # Requests made of what an answer had given that were taken, and all at which the server failed.
    used: ClassVar[set[str]] = set()
    failed: ClassVar[list[str]] = []

    def setup(self) -> None:
        number = next(numbers)
        user = User.objects.create_superuser(f"walker-{number}@example.com")
        self.client = APIClient(raise_request_exception=False)
        let_in(self.client, user)
        slug = f"walker-{number}"
        tenant = tenant_services.tenant_create(owner=user, slug=slug, name="Walker")
        Instance.objects.create(
            tenant=tenant, slug=slug, node=Node.objects.get(), image="x", host_port=30000 + number,
            memory_mb=256, cpu_millis=500, pids=128, disk_gb=1, status=Instance.Status.RUNNING,
        )  # fmt: skip

    def step(self, input: StepInput) -> StepOutput:
        output: StepOutput = super().step(input)
        if input.applied_parameters and output.response.status_code < 300:
            self.used.add(input.case.operation.label)
        return output

    def call(self, case: Case, **_: Any) -> Response:
        cache.clear()  # nor do throttles answer for what they protect
        given = case.as_transport_kwargs(base_url=HOST)
        body = {name: given[name] for name in ("json", "data") if name in given}
        request = Request(given["method"], given["url"], params=given["params"], **body).prepare()
        sent = request.body or b""
        answer: Any = self.client.generic(
            case.method,
            request.path_url,
            sent.encode() if isinstance(sent, str) else sent,
            content_type="application/json",
            secure=True,
        )
        content = b"" if answer.streaming else answer.content
        answer.close()
        headers = {name: [value] for name, value in answer.headers.items()}
        return Response(answer.status_code, headers, content, request, 0, True)

    def validate_response(self, response: Response, case: Case, **_: Any) -> None:
        # 503 is how a part that is away is told of.
        if response.status_code >= 500 and response.status_code != 503:
            self.failed.append(f"{response.status_code}: {case.as_curl_command()}")


@pytest.mark.django_db(transaction=True)
def test_no_walk_makes_the_server_fail(node: Node, plan: Plan) -> None:
    Walk.run(
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )
    assert Walk.failed == []
    assert Walk.used, "no request was made of what an answer had given"


def test_whatever_has_a_name_in_its_path_is_reached_by_an_answer_that_gave_it() -> None:
    ways = Machine._transitions.operations
    assert len(NAMED) > 50
    assert [label for label in NAMED if label not in ways or not ways[label].incoming] == []
