"""The door for new machines: each is let in once, from its own address, and nobody else ever."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography import x509
from django.db import connection
from django.utils import timezone

from fleet.models import Authority, Node, Server
from tests.providers.booting import Machine
from tests.providers.life import Life

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_machine_is_let_in_once(machine: Machine) -> None:
    given = machine.enrol()
    assert given.status_code == 200
    assert machine.enrol().status_code == 403
    assert Node.objects.count() == 1


def test_its_certificate_says_what_the_provider_says(machine: Machine, life: Life) -> None:
    given = machine.enrol().json()
    certificate = x509.load_pem_x509_certificate(given["certificate"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert machine.address in addresses
    assert names.get_values_for_type(x509.DNSName) == [life.server.name]
    authority = x509.load_pem_x509_certificate(given["ca"].encode())
    certificate.verify_directly_issued_by(authority)
    assert "PRIVATE KEY" not in str(given)


def test_the_authoritys_key_is_not_in_the_database_in_clear(machine: Machine) -> None:
    machine.enrol()
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM fleet_authority UNION ALL SELECT tls_key FROM fleet_node")
        kept = [row[0] for row in cursor.fetchall()]
    assert len(kept) == 2
    assert all(text and "PRIVATE KEY" not in text for text in kept)
    assert "PRIVATE KEY" in Authority.objects.get().key


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "127.1.2.3"},
        {"token": "nonsense"},
        {"token": "00000000000000000000000000000000.x"},
    ],
    ids=str,
)
def test_whoever_is_not_it_is_refused_and_told_nothing(
    machine: Machine, wrong: dict[str, str]
) -> None:
    answer = machine.enrol(**wrong)
    assert (answer.status_code, answer.json()["code"]) == (403, "enrolment_refused")
    assert answer.json()["message"] == "This machine is not let in."
    assert machine.enrol().status_code == 200, "the real one still gets in"


def test_a_tampered_token_is_refused(machine: Machine) -> None:
    token = machine.told["token"]
    assert machine.enrol(token=token[:-1] + ("A" if token[-1] != "A" else "B")).status_code == 403


def test_the_token_of_another_server_is_refused(machine: Machine, life: Life) -> None:
    other = Server.objects.get(pk=life.server.pk)
    other.pk = None
    other.provider_id = "another"
    other.address = "127.1.2.3"
    other.save()
    secret = machine.told["token"].partition(".")[2]
    assert machine.enrol(token=f"{other.pk.hex}.{secret}").status_code == 403


def test_a_late_token_is_refused(machine: Machine, settings: Any) -> None:
    late = timezone.now() + timedelta(minutes=settings.WOPR_ENROLMENT_MINUTES + 1)
    with time_machine.travel(late):
        assert machine.enrol().status_code == 403


def test_what_is_no_request_for_a_certificate_uses_up_nothing(machine: Machine) -> None:
    answer = machine.enrol(csr="-----BEGIN NOTHING-----")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert machine.enrol().status_code == 200


def test_of_a_hundred_at_once_one_is_let_in(machine: Machine) -> None:
    def enrol(_: int) -> int:
        try:
            return int(machine.enrol().status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(enrol, range(100)))
    assert codes.count(200) == 1
    assert set(codes) == {200, 403}
    assert Node.objects.count() == 1


def test_before_the_address_is_known_it_is_told_to_come_again(machine: Machine, life: Life) -> None:
    Server.objects.filter(pk=life.server.pk).update(address="", private_address="")
    assert machine.enrol().status_code == 425
