"""An engine on another machine is asked with certificates, and only the right ones."""

import tempfile
from pathlib import Path

import docker
import pytest

from fleet.engines.registry import engine
from fleet.models import Node
from sandbox.stack.engines import OtherMachine
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db


def test_a_node_is_reached_with_its_certificates(far: Node, there: docker.APIClient) -> None:
    there.create_volume("made-over-there")

    assert [volume.name for volume in engine(far).list_volumes()] == ["made-over-there"]


def test_an_engine_that_another_authority_vouches_for_is_not_believed(
    far: Node, machine: OtherMachine
) -> None:
    far.tls_ca = type(machine.authority).made().certificate

    with pytest.raises(ProviderError, match="certificate verify failed"):
        engine(far).list_containers()


def test_an_engine_at_another_address_than_its_certificate_says_is_not_believed(
    far: Node, machine: OtherMachine
) -> None:
    far.engine_url = far.engine_url.replace(machine.address, f"[::ffff:{machine.address}]")

    with pytest.raises(ProviderError, match=r"certificate is not valid|verify failed"):
        engine(far).list_containers()


def test_the_engine_turns_away_who_shows_a_certificate_of_somebody_else(
    far: Node, machine: OtherMachine
) -> None:
    stranger = type(machine.authority).made().pair("stranger", "client")
    far.tls_certificate, far.tls_key = stranger.certificate, stranger.key

    with pytest.raises(ProviderError, match="cannot be reached"):
        engine(far).list_containers()


def test_new_certificates_of_a_node_are_used_at_once(far: Node, machine: OtherMachine) -> None:
    engine(far).list_containers()
    far.tls_ca = "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----"

    with pytest.raises(ProviderError, match=r"certificates .* cannot be used") as refusal:
        engine(far).list_containers()

    assert refusal.value.permanent
    assert far.tls_key not in str(refusal.value)


def test_a_port_without_certificates_is_not_even_tried(far: Node) -> None:
    far.tls_key = ""

    with pytest.raises(ProviderError, match="not asked without certificates") as refusal:
        engine(far).list_containers()

    assert refusal.value.permanent


def test_no_key_stays_on_this_machine(far: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    made = tempfile.TemporaryDirectory

    class Watched(made):  # type: ignore[type-arg,valid-type,misc]
        def cleanup(self) -> None:
            [pair] = Path(self.name).iterdir()
            modes.extend((Path(self.name).stat().st_mode & 0o777, pair.stat().st_mode & 0o777))
            super().cleanup()

        def __exit__(self, *_: object) -> None:
            self.cleanup()

    monkeypatch.setattr(tempfile, "TemporaryDirectory", Watched)
    far.tls_ca += "\n"  # another access than any that is connected already

    engine(far).list_containers()

    assert modes
    assert set(modes) == {0o700, 0o600}
    assert not list(Path(tempfile.gettempdir()).glob("wopr-tls-*"))
    assert far.tls_key not in repr(engine(far).__dict__)
