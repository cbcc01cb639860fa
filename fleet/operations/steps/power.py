"""Steps that reboot and resize a machine: actions of the provider, followed to their end."""

from fleet.models import CatalogueOffer, Node, Server
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.steps.servers import machine_of, of
from fleet.providers.base import Action, Progress, State
from fleet.server_moves import server_book
from wopr.common.errors import ProviderError

# Stands for an action of a provider who gives it no id.
NAMELESS = "accepted"


def begin(server: Server, action: Action) -> None:
    """Committed at once: another worker follows the same action instead of beginning one more."""
    server.action_id = action.id or NAMELESS
    Server.objects.filter(pk=server.pk).update(action_id=server.action_id)


def forget(server: Server) -> None:
    Server.objects.filter(pk=server.pk).update(action_id="")
    server.action_id = ""


def is_over(server: Server) -> bool:
    """Whether what was begun has ended well. One that failed is forgotten, and begun anew."""
    if server.action_id == NAMELESS:
        return True
    action = of(server).action(server.action_id)
    if action.progress == Progress.FAILED:
        forget(server)
        raise ProviderError(f"{server.provider} failed: {action.message or 'no reason given'}")
    return action.progress == Progress.DONE


class _Powered(Step[Server]):
    """Brings the machine to a state, and sees it there."""

    wanted: State

    def observe(self, server: Server) -> Facts | None:
        if server.action_id and not is_over(server):
            raise NotYet("the provider is at it", retry_in=3)
        machine = machine_of(server)
        return {"state": machine.state} if machine.state == self.wanted else None

    def record(self, server: Server, facts: Facts) -> None:
        forget(server)


class PowerOff(_Powered):
    name = "power_off"
    title = "Switch it off"
    wanted = State.OFF

    def act(self, server: Server) -> None:
        if not server.action_id:
            begin(server, of(server).power_off(server.provider_id))

    def undo(self, server: Server) -> None:
        if machine_of(server).state == State.OFF:
            of(server).power_on(server.provider_id)
        if machine_of(server).state != State.RUNNING:
            raise NotYet(f"{server} is not running again yet")
        forget(server)

    def resource(self, server: Server) -> str:
        return f"server {server.name} at {server.provider}, switched off"


class PowerOn(_Powered):
    name = "power_on"
    title = "Switch it on"
    wanted = State.RUNNING

    def act(self, server: Server) -> None:
        if not server.action_id:
            begin(server, of(server).power_on(server.provider_id))


class Reboot(Step[Server]):
    """Whether it was rebooted cannot be seen afterwards: the accepted action stands for it."""

    name = "reboot"
    title = "Reboot it"

    def observe(self, server: Server) -> Facts | None:
        if not server.action_id:
            return None
        if not is_over(server) or machine_of(server).state != State.RUNNING:
            raise NotYet("it is not up again yet", retry_in=3)
        return {"action": server.action_id}

    def act(self, server: Server) -> None:
        if not server.action_id:
            begin(server, of(server).reboot(server.provider_id))

    def record(self, server: Server, facts: Facts) -> None:
        forget(server)


class ChangeSize(Step[Server]):
    """The books follow what is seen: size, room and price of the new offer."""

    name = "change_size"
    title = "Change its size"

    def observe(self, server: Server) -> Facts | None:
        if server.action_id and not is_over(server):
            raise NotYet("the provider is at it", retry_in=3)
        machine = machine_of(server)
        return {"size": machine.size} if machine.size == server.wanted_size else None

    def act(self, server: Server) -> None:
        if not server.action_id:
            begin(server, of(server).resize(server.provider_id, server.wanted_size))

    def record(self, server: Server, facts: Facts) -> None:
        forget(server)
        offer = CatalogueOffer.objects.get(
            provider=server.provider, region=server.region, size=facts["size"]
        )
        disk_gb = server.disk_gb  # stays as large as it is
        server_book(server, offer)
        Server.objects.filter(pk=server.pk).update(wanted_size="", disk_gb=disk_gb)
        Node.objects.filter(server=server).update(memory_mb=offer.memory_mb)
