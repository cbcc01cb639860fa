"""What tests of the fleet share."""

from collections.abc import Iterator

import pytest

from tenants.models import Tenant
from tests.fleet.toys import Toy, toy_kind


@pytest.fixture
def toy(tenant: Tenant) -> Iterator[Toy]:
    with toy_kind(tenant) as toy:
        yield toy
