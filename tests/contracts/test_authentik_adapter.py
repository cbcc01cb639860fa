"""Our Authentik adapter against the API: what it finds, makes and removes, and how it blames."""

from typing import Any
from uuid import uuid4

import pytest

from tenants.gateways import authentik
from tenants.gateways.authentik import Authentik
from tests.fleet.world import World
from wopr.common.errors import ProviderError

BOT = "https://ada.bots.localhost/"


@pytest.fixture
def adapter(world: World) -> Authentik:
    return authentik.account()


def test_a_person_is_found_by_name_and_by_address_until_deleted(adapter: Authentik) -> None:
    made = adapter.person_create(username="ada", email="ada@example.com", name="Ada", path="x")

    assert adapter.person("ada") == made
    assert adapter.people_at("ada@example.com") == [made]
    assert adapter.person("bob") is None

    adapter.person_delete(made.pk)
    adapter.person_delete(made.pk)
    assert adapter.person("ada") is None


def test_people_come_into_a_group_and_out_of_it(adapter: Authentik) -> None:
    group = adapter.group_create("readers")
    ada = adapter.person_create(username="ada", email="ada@example.com", name="Ada", path="x")

    adapter.group_add(group.pk, ada.pk)
    adapter.group_add(group.pk, ada.pk)

    assert [person.username for person in adapter.people_in("readers")] == ["ada"]
    found = adapter.group("readers")
    assert found
    assert [person.email for person in found.members] == ["ada@example.com"]

    adapter.group_remove(group.pk, ada.pk)
    assert adapter.people_in("readers") == []
    adapter.group_delete(group.pk)
    assert adapter.group("readers") is None


def test_an_application_is_made_bound_and_removed(adapter: Authentik) -> None:
    group = adapter.group_create("readers")
    provider = adapter.provider_create(name="bot-1", redirect=f"{BOT}oauth2/callback")
    application = adapter.application_create(slug="bot-1", name="Ada", url=BOT)
    adapter.bind(application=application.pk, group=group.pk)
    adapter.application_update("bot-1", name="Ada", provider=provider.pk, url=BOT)

    found = adapter.application("bot-1")
    assert found
    assert (found.launch_url, found.provider) == (BOT, provider.pk)
    assert adapter.bound_groups(application.pk) == [group.pk]
    assert adapter.provider("bot-1") == provider

    adapter.application_delete("bot-1")
    adapter.provider_delete(provider.pk)
    adapter.application_delete("bot-1")
    assert adapter.application("bot-1") is None
    assert adapter.provider("bot-1") is None


def test_all_pages_are_read(adapter: Authentik) -> None:
    for number in range(105):
        adapter.group_create(f"many-{number}")

    assert len(adapter.groups_beginning("many-")) == 105


def test_what_exists_already_is_worth_another_look(adapter: Authentik) -> None:
    adapter.group_create("readers")

    with pytest.raises(ProviderError, match="already exists") as caught:
        adapter.group_create("readers")
    assert not caught.value.permanent


def test_a_wrong_token_is_for_good_and_says_what_to_check(world: World) -> None:
    stranger = Authentik(url=f"{world.authentik.base_url}", token="another")

    with pytest.raises(ProviderError, match="AUTHENTIK_API_TOKEN") as caught:
        stranger.group("readers")
    assert caught.value.permanent


def test_an_authentik_that_fails_is_asked_again(adapter: Authentik, world: World) -> None:
    world.vendors.add_fault("authentik", "status", status=503, path="/api/v3/core/groups/")

    with pytest.raises(ProviderError, match="503") as caught:
        adapter.group("readers")
    assert not caught.value.permanent


def test_a_flow_that_is_not_there_is_named(adapter: Authentik, settings: Any) -> None:
    settings.AUTHENTIK_AUTHORIZATION_FLOW = "nowhere"

    with pytest.raises(ProviderError, match="no flow nowhere") as caught:
        adapter.provider_create(name=f"bot-{uuid4()}", redirect=BOT)
    assert caught.value.permanent
