"""Names of tenants: each that is accepted is a DNS label, and each is had once."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from tenants.models import Tenant, User
from tenants.names import MAX_LENGTH, MIN_LENGTH, RESERVED, validate_slug
from tests.conftest import signed_in

# RFC 1123, in lower case: what a resolver, a certificate and a browser all take.
DNS_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
NEAR_NAMES = st.one_of(
    st.text(alphabet="abyz019--AZ_. \n\0é", max_size=MAX_LENGTH + 2),
    st.from_regex(r"[a-z][a-z0-9-]{0,45}", fullmatch=True),
    st.text(max_size=80),
)


def accepted(slug: str) -> bool:
    try:
        validate_slug(slug)
    except ValidationError:
        return False
    return True


@given(NEAR_NAMES)
@example("abc\n")
@example("xn--abc")
@example("a" * (MAX_LENGTH + 1))
def test_whatever_is_accepted_is_a_dns_label_and_nobody_elses(slug: str) -> None:
    if accepted(slug):
        assert DNS_LABEL.match(slug)
        assert MIN_LENGTH <= len(slug) <= MAX_LENGTH
        assert "--" not in slug, "two hyphens would allow punycode"
        assert slug not in RESERVED


@pytest.mark.django_db
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(NEAR_NAMES.filter(accepted))
def test_whatever_is_accepted_satisfies_the_database(slug: str) -> None:
    with transaction.atomic():
        Tenant.objects.create(slug=slug, name=slug)
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["", "A", "-abc", "abc-", "a_b", "a.b", "1abc", "abc\n", "ä"])
def test_the_database_refuses_what_is_no_label_whoever_writes_it(slug: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Tenant.objects.create(slug=slug, name="past the service")


@pytest.mark.django_db
class TestNamingByTheApi:
    @pytest.mark.parametrize("slug", sorted(RESERVED))
    def test_reserved_names_are_refused(self, slug: str, api: APIClient) -> None:
        checked = api.get("/api/v1/tenants/name-check", {"slug": slug}).json()
        malformed = len(slug) < MIN_LENGTH
        expected = "slug_malformed" if malformed else "slug_reserved"
        assert (checked["available"], checked["code"]) == (False, expected)

    @pytest.mark.parametrize(
        "slug", ["ab", "a" * 41, "1abc", "ab-", "a--b", "a b", "a.b", "ümlaut"]
    )
    def test_malformed_names_are_refused_with_what_to_change(
        self, slug: str, api: APIClient
    ) -> None:
        answer = api.post("/api/v1/tenants", {"slug": slug})
        assert answer.status_code == 400
        assert answer.json()["code"] == "slug_malformed"
        assert answer.json()["fields"]["slug"] == [answer.json()["message"]]
        assert not Tenant.objects.exists()

    def test_a_missing_name_is_refused(self, api: APIClient) -> None:
        for body in ({}, {"slug": ""}, {"slug": "   "}, {"slug": None}):
            answer = api.post("/api/v1/tenants", body)
            assert answer.status_code == 400
            assert answer.json()["fields"].keys() == {"slug"}

    def test_no_name_at_all_is_not_available(self, api: APIClient) -> None:
        for query in ({}, {"slug": ""}, {"slug": "  "}):
            checked = api.get("/api/v1/tenants/name-check", query).json()
            assert (checked["available"], checked["code"]) == (False, "slug_malformed")

    def test_a_taken_name_is_refused_in_any_case(self, tenant: Tenant, api: APIClient) -> None:
        for slug in (tenant.slug, tenant.slug.upper(), f" {tenant.slug.title()} "):
            checked = api.get("/api/v1/tenants/name-check", {"slug": slug}).json()
            assert (checked["available"], checked["code"]) == (False, "slug_taken")
            answer = api.post("/api/v1/tenants", {"slug": slug})
            assert (answer.status_code, answer.json()["code"]) == (400, "slug_taken")
        assert Tenant.objects.count() == 1

    def test_a_free_name_is_available_and_then_had(self, alice: User, api: APIClient) -> None:
        checked = api.get("/api/v1/tenants/name-check", {"slug": "Fresh-1"}).json()
        assert checked == {"slug": "fresh-1", "available": True, "code": None, "message": ""}
        made = api.post("/api/v1/tenants", {"slug": "Fresh-1", "name": "  Fresh  "})
        assert made.status_code == 201
        assert (made.json()["slug"], made.json()["name"]) == ("fresh-1", "Fresh")
        assert made.json()["role"] == "owner"
        assert Tenant.objects.get().owner.user == alice

    def test_checking_makes_nothing(self, api: APIClient) -> None:
        api.get("/api/v1/tenants/name-check", {"slug": "only-looking"})
        assert not Tenant.objects.exists()

    def test_only_the_fields_of_a_customer_can_be_written(self, api: APIClient) -> None:
        wanted = "00000000-0000-4000-8000-000000000000"
        body = {"slug": "fresh", "id": wanted, "role": "admin", "members": [1]}
        made = api.post("/api/v1/tenants", body).json()
        assert made["id"] != wanted
        assert made["role"] == "owner"


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_want_a_name_at_once_one_gets_it() -> None:
    people = [User.objects.create_user(f"{n}@example.com") for n in range(20)]

    def want(user: User) -> tuple[int, str]:
        try:
            answer = signed_in(user).post("/api/v1/tenants", {"slug": "wanted"})
            return answer.status_code, answer.json().get("code", "")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as crowd:
        outcomes = sorted(crowd.map(want, people))
    assert outcomes == [(201, "")] + [(400, "slug_taken")] * 19
    assert Tenant.objects.count() == 1
    assert Tenant.objects.get().memberships.count() == 1
