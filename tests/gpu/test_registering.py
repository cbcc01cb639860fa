"""POST /internal/gpu/register, as a booting machine calls it, and as others try to."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import connections
from django.test import Client
from django.utils import timezone

from gpu import boot_tokens, booting
from gpu.booting import REPORTS, Event, Stage
from gpu.models import GpuNode

URL = "/internal/gpu/register"
HOME = "203.0.113.7"


@pytest.fixture(autouse=True)
def secret(settings: Any) -> None:
    settings.GPU_NODE_SECRET = "a secret of the tests"


@pytest.fixture
def node(db: None) -> GpuNode:
    return GpuNode.objects.create(name="gpu-1", address=HOME)


def certificate() -> str:
    key, now = ec.generate_private_key(ec.SECP256R1()), timezone.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gpu-1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    made = builder.sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def tell(node: GpuNode, stage: str, event: str = "begin", **options: Any) -> Any:
    token = options.pop("token", None) or boot_tokens.issue(node.pk)
    address = options.pop("address", HOME)
    body = options.pop("body", None)
    said = {"node": node.name, "event": event, **options}
    return Client().post(
        f"{URL}?stage={stage}",
        body if body is not None else json.dumps(said),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
        REMOTE_ADDR=address,
    )


def boots_until(node: GpuNode, count: int) -> None:
    for stage, event in REPORTS[:count]:
        is_last = (stage, event) == (Stage.REGISTERING, Event.END)
        extra = {"certificate": certificate()} if is_last else {}
        answer = tell(node, stage, event, **extra)
        assert answer.status_code == 200, answer.json()


def test_a_boot_goes_through_its_stages_and_ends_with_a_node_that_is_known(node: GpuNode) -> None:
    boots_until(node, len(REPORTS))
    node.refresh_from_db()
    assert node.stage == Stage.DONE
    assert node.scheme == "https"
    assert node.services.count() == 4
    assert list(node.reports.values_list("stage", "event")) == list(REPORTS)


def test_the_token_of_the_services_comes_when_they_are_to_start_and_at_no_other_time(
    node: GpuNode,
) -> None:
    for stage, event in REPORTS[:8]:
        said = tell(node, stage, event).json()
        is_due = (stage, event) == (Stage.STARTING_SERVICES, Event.BEGIN)
        assert ("inference_token" in said) == is_due


@pytest.mark.parametrize("position", range(len(REPORTS)))
def test_what_was_said_once_is_not_taken_again(node: GpuNode, position: int) -> None:
    boots_until(node, position + 1)
    stage, event = REPORTS[position]
    answer = tell(node, stage, event, certificate=certificate())
    assert answer.status_code == 409
    assert answer.json()["code"] == "already_reported"


@pytest.mark.parametrize("taken", [7, 8])
def test_a_node_that_lost_the_answer_or_rebooted_hears_the_token_again(
    node: GpuNode, taken: int
) -> None:
    boots_until(node, taken)
    again = tell(node, Stage.STARTING_SERVICES)
    assert again.status_code == 409
    assert again.json()["inference_token"] == node.inference_token
    assert again.json()["address"] == HOME
    elsewhere = tell(node, Stage.STARTING_SERVICES, address="198.51.100.9")
    assert elsewhere.json() == {
        "code": "wrong_address",
        "message": "This is not the address that the provider gave the node.",
        "field": "",
    }


def test_a_stage_cannot_be_left_out(node: GpuNode) -> None:
    assert tell(node, Stage.INSTALLING_DOCKER).json()["code"] == "wrong_order"
    assert tell(node, Stage.DONE, "end").json()["code"] == "wrong_order"
    node.refresh_from_db()
    assert node.stage == Stage.WAITING


def test_another_address_is_refused(node: GpuNode) -> None:
    answer = tell(node, Stage.INSTALLING_DRIVERS, address="198.51.100.9")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_address")


def test_a_node_whose_address_is_not_known_yet_tries_again_later(node: GpuNode) -> None:
    GpuNode.objects.update(address="")
    answer = tell(node, Stage.INSTALLING_DRIVERS)
    assert (answer.status_code, answer.json()["code"]) == (503, "too_early")
    GpuNode.objects.update(address=HOME)
    assert tell(node, Stage.INSTALLING_DRIVERS).status_code == 200


def test_a_node_that_was_given_back_is_told_that_its_boot_is_over(node: GpuNode) -> None:
    GpuNode.objects.update(address="", stage=Stage.GONE)
    assert tell(node, Stage.INSTALLING_DRIVERS).json()["code"] == "boot_over"


def test_the_token_of_one_node_does_not_speak_for_another(node: GpuNode) -> None:
    other = GpuNode.objects.create(name="gpu-2", address=HOME)
    answer = tell(node, Stage.INSTALLING_DRIVERS, token=boot_tokens.issue(other.pk))
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_node")


def test_a_token_ends(node: GpuNode) -> None:
    token = boot_tokens.issue(node.pk)
    with time_machine.travel(timezone.now() + boot_tokens.LIFE + timedelta(seconds=1)):
        answer = tell(node, Stage.INSTALLING_DRIVERS, token=token)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


def test_a_token_made_with_another_secret_opens_nothing(node: GpuNode, settings: Any) -> None:
    token = boot_tokens.issue(node.pk)
    settings.GPU_NODE_SECRET = "another one"
    assert tell(node, Stage.INSTALLING_DRIVERS, token=token).status_code == 401


def test_a_token_whose_end_was_put_off_opens_nothing(node: GpuNode) -> None:
    name, until, mac = boot_tokens.issue(node.pk).split(".")
    forged = f"{name}.{int(until) + 3600}.{mac}"
    assert tell(node, Stage.INSTALLING_DRIVERS, token=forged).status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("not json", 400, "malformed"),
        ("[]", 400, "malformed"),
        ('{"node": "gpu-1", "log": "a\\u0000b"}', 400, "malformed"),
        ('{"node": "gpu-1", "event": "explode"}', 400, "unknown_event"),
        ('{"node": "gpu-9"}', 403, "unknown_node"),
        (json.dumps({"node": "gpu-1", "log": "x" * 70_000}), 413, "too_large"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_by_name(
    node: GpuNode, body: str, status: int, code: str
) -> None:
    answer = tell(node, Stage.INSTALLING_DRIVERS, body=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_stage_that_does_not_exist_is_refused(node: GpuNode) -> None:
    assert tell(node, "mining_bitcoin").json()["code"] == "unknown_stage"


def test_a_certificate_that_is_none_is_refused(node: GpuNode) -> None:
    boots_until(node, 9)
    answer = tell(node, Stage.REGISTERING, "end", certificate="hello")
    assert answer.json() == {
        "code": "invalid_certificate",
        "message": "This is no certificate in PEM form.",
        "field": "certificate",
    }


def test_a_failed_stage_ends_the_boot_with_the_end_of_its_log(node: GpuNode) -> None:
    boots_until(node, 5)
    tell(node, Stage.DOWNLOADING_MODELS, "fail", log="curl: (28) timed out")
    node.refresh_from_db()
    assert node.stage == Stage.FAILED
    assert node.failure == "downloading_models: curl: (28) timed out"
    assert tell(node, Stage.DOWNLOADING_MODELS, "end").json()["code"] == "boot_over"


@pytest.mark.django_db(transaction=True)
def test_a_hundred_parallel_uses_of_one_token_make_one_success(node: GpuNode) -> None:
    token = boot_tokens.issue(node.pk)

    def use(_: int) -> int:
        try:
            return tell(node, Stage.INSTALLING_DRIVERS, token=token).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as machines:
        statuses = list(machines.map(use, range(100)))
    assert sorted(statuses) == [200] + [409] * 99


def test_get_is_not_for_this_address(client: Client) -> None:
    assert client.get(URL).status_code == 405


def test_a_stage_that_outlasts_its_deadline_is_found(node: GpuNode) -> None:
    assert booting.stalled() == []
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        assert booting.stalled() == []  # made by hand: nobody pays for it by the hour
