"""A server's status goes only the ways that there are, and each leaves its trace."""

from collections.abc import Callable

import pytest

from fleet.models import Server
from fleet.server_moves import server_move
from tests.providers.vendors import Vendor
from wopr.common.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)
Status = Server.Status


@pytest.fixture
def server(hetzner: Vendor, order: Callable[[Vendor], Server]) -> Server:
    return order(hetzner)


def test_a_move_says_when_who_and_why(server: Server) -> None:
    server_move(server.pk, Status.FAILED, cause="staff: 7", reason="nobody wants it")
    [move] = server.moves.all()
    assert (move.before, move.after) == ("requested", "failed")
    assert (move.cause, move.reason) == ("staff: 7", "nobody wants it")
    server.refresh_from_db()
    assert (server.status, server.reason) == ("failed", "nobody wants it")
    assert server.status_since == server.updated_at


@pytest.mark.parametrize("before", Status.values)
@pytest.mark.parametrize("after", Status.values)
def test_no_other_way_is_gone(server: Server, before: str, after: str) -> None:
    Server.objects.filter(pk=server.pk).update(status=before)
    if after == before or after in Server.WAYS[before]:
        server_move(server.pk, after, cause="test")
    else:
        with pytest.raises(Refused, match=f"cannot become {after}"):
            server_move(server.pk, after, cause="test")
    server.refresh_from_db()
    moved = after in Server.WAYS[before]
    assert server.status == (after if moved else before)
    assert server.moves.count() == int(moved)


def test_where_there_may_be_a_machine_it_is_counted_as_paid() -> None:
    unpaid = set(Status.values) - set(Server.PAID)
    assert unpaid == {"requested", "gone", "failed"}
