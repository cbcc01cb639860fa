"""Steps that order a machine, see it boot and enrol, and see it gone."""

from django.conf import settings
from django.db import transaction
from django.db.models.deletion import ProtectedError
from django.utils import timezone

from fleet import cloud_init, declared, enrolment, offers
from fleet.engines.registry import engine
from fleet.models import Leak, Node, Operation, Server
from fleet.models import Step as Row
from fleet.operations.base import Facts, NotYet, Price, Step
from fleet.operations.ledger import live_operation
from fleet.providers.base import LET_GO, Machine, Order, ServerProvider, SoldOut, State
from fleet.providers.registry import provider
from fleet.server_moves import moved_by, server_book
from wopr.common.errors import ProviderError

SHORTEST, LONGEST, ENOUGH_BOOTS = 300.0, 1800.0, 5
MOST_OFFERS = 6  # that one order is tried with


def of(server: Server) -> ServerProvider:
    return provider(server.provider)


def machines_of(server: Server) -> list[Machine]:
    """Every machine that was made for this server, the known one first."""
    found = of(server).find(server.name, settings.WOPR_DEPLOYMENT)
    if server.provider_id and all(machine.id != server.provider_id for machine in found):
        known = of(server).get(server.provider_id)
        found = [known, *found] if known else found
    return sorted(found, key=lambda machine: machine.id != server.provider_id)


def machine_of(server: Server) -> Machine:
    """Fails for good when the machine has vanished."""
    machine = of(server).get(server.provider_id) if server.provider_id else None
    if machine is None:
        raise ProviderError(f"{server.provider} has no machine {server.name}.", permanent=True)
    return machine


def move(server: Server, to: str) -> None:
    moved_by(live_operation("server", server.pk), to)


def commit_machine(server: Server, machine: Machine) -> None:
    """Committed the moment it is known: whatever dies now, the machine is on the books."""
    if server.provider_id != machine.id:
        Server.objects.filter(pk=server.pk).update(provider_id=machine.id)
        server.provider_id = machine.id


def learned_deadline(step: str) -> float:
    """Three times as long as the slowest of the past boots took, within limits."""
    done = Row.objects.filter(
        name=step, state=Row.State.DONE, operation__kind="server_create", finished_at__isnull=False
    ).order_by("-finished_at")
    took = [row.elapsed.total_seconds() for row in done[:20]]
    if len(took) < ENOUGH_BOOTS:
        return LONGEST
    return min(LONGEST, max(SHORTEST, 3 * max(took)))


class PrepareAccount(Step[Server]):
    name = "prepare_account"
    title = "Have our key and firewall at the provider"

    def observe(self, server: Server) -> Facts | None:
        vendor = of(server)
        ready = declared.key_is_there(vendor) and declared.wall_is_there(vendor)
        return {"wall": settings.WOPR_DEPLOYMENT} if ready else None

    def act(self, server: Server) -> None:
        declared.put(of(server))


class CreateMachine(Step[Server]):
    """An order whose answer was lost is found by its name; two made for one order become one."""

    name = "create_machine"
    title = "Order the machine"

    def observe(self, server: Server) -> Facts | None:
        machines = machines_of(server)
        if len(machines) != 1 or machines[0].state == State.ENDING:
            return None
        commit_machine(server, machines[0])
        return {"machine": machines[0].id}

    def act(self, server: Server) -> None:
        machines = machines_of(server)
        if machines:
            self._keep_one(server, machines)
            return
        move(server, Server.Status.CREATING)
        try:
            machine = of(server).create(self.order(server))
        except SoldOut as error:
            self._order_elsewhere(server, error)
        else:
            commit_machine(server, machine)

    @staticmethod
    def _order_elsewhere(server: Server, error: SoldOut) -> None:
        """Nothing was made there: the same order goes to the next best offer, if there is one."""
        operation = live_operation("server", server.pk)
        tried = operation.parameters.get("tried", [])
        tried = [*tried, [server.provider, server.region, server.size]]
        offer = offers.instead_of(server, tried) if len(tried) < MOST_OFFERS else None
        if offer is None:
            raise error
        declared.put(provider(offer.provider))
        with transaction.atomic():
            Operation.objects.filter(pk=operation.pk).update(
                parameters={**operation.parameters, "tried": tried}
            )
            server_book(server, offer)
        raise NotYet(f"{error} Ordering {offer} instead.", retry_in=0)

    @staticmethod
    def _keep_one(server: Server, machines: list[Machine]) -> None:
        for twin in machines[1:]:
            of(server).destroy(twin.id)

    @staticmethod
    def order(server: Server) -> Order:
        """What is ordered; a machine of another purpose is told something else at its birth."""
        vendor, token = of(server), enrolment.token_mint(server)
        return Order(
            name=server.name,
            deployment=settings.WOPR_DEPLOYMENT,
            region=server.region,
            size=server.size,
            image=vendor.image,
            user_data=cloud_init.user_data(server, token=token),
            keys=declared.order_keys(vendor),
        )

    def record(self, server: Server, facts: Facts) -> None:
        move(server, Server.Status.CREATING)
        move(server, Server.Status.BOOTING)

    def undo(self, server: Server) -> None:
        for machine in machines_of(server):
            if machine.state != State.ENDING:
                of(server).destroy(machine.id)
        if not self.absent(server):
            raise NotYet(f"{self.resource(server)} is still there")

    def absent(self, server: Server) -> bool:
        return not machines_of(server)

    def resource(self, server: Server) -> str:
        return f"server {server.name} {server.provider_id} at {server.provider}"

    def price_per_day(self, server: Server) -> Price:
        return Price(server.per_day, server.currency)


class _Boot(Step[Server]):
    """Waiting for a machine; for how long is learned from those before."""

    @property
    def deadline(self) -> float:  # type: ignore[override]
        return learned_deadline(self.name)


def must_be_private(server: Server) -> bool:
    """Whether its engine is reached by the private network, and never by the public one."""
    return bool(settings.WOPR_NODES_PRIVATE) and server.purpose == Server.Purpose.NODE


class BootMachine(_Boot):
    name = "boot_machine"
    title = "See it boot"

    def observe(self, server: Server) -> Facts | None:
        machine = machine_of(server)
        if machine.state != State.RUNNING or not machine.address:
            raise NotYet(f"the machine is {machine.state}", retry_in=5)
        if must_be_private(server) and not machine.private_address:
            raise NotYet(
                "the machine has no private address, by which WOPR_NODES_PRIVATE wants it reached"
            )
        return {"address": machine.address, "private_address": machine.private_address}

    def act(self, server: Server) -> None:
        """One that came up switched off is switched on."""
        if machine_of(server).state == State.OFF:
            of(server).power_on(server.provider_id)

    def record(self, server: Server, facts: Facts) -> None:
        Server.objects.filter(pk=server.pk).update(
            address=facts["address"], private_address=facts["private_address"]
        )
        move(server, Server.Status.ENROLLING)


class AwaitEnrolment(_Boot):
    name = "await_enrolment"
    title = "Wait until it enrols"
    # A boot takes a minute or more: the worker has better things to do.
    patience = 0.0

    def observe(self, server: Server) -> Facts | None:
        node = Node.objects.filter(server=server, server__enrolled_at__isnull=False).first()
        if node is None:
            raise NotYet("the machine has not enrolled yet", retry_in=5)
        return {"node": str(node.pk)}

    def act(self, server: Server) -> None:
        """It is the machine that acts."""

    def undo(self, server: Server) -> None:
        retire_node(server)


class VerifyEngine(_Boot):
    """Ready means that its engine answered us, by mutual TLS."""

    name = "verify_engine"
    title = "See its container engine answer"

    def observe(self, server: Server) -> Facts | None:
        if server.node is None:
            raise ProviderError(f"{server} has lost its node.", permanent=True)
        try:
            found = engine(server.node).list_containers()
        except ProviderError as error:
            raise NotYet(str(error), retry_in=5) from error
        return {"containers": len(found)}

    def act(self, server: Server) -> None:
        """Nothing to do but to look again."""

    def record(self, server: Server, facts: Facts) -> None:
        Node.objects.filter(server=server).update(accepts_instances=server.tenant_id is None)
        move(server, Server.Status.READY)


class RemoveMachine(Step[Server]):
    name = "remove_machine"
    title = "Give the machine back"
    maker = CreateMachine()

    def observe(self, server: Server) -> Facts | None:
        if not self.maker.absent(server):
            raise NotYet(f"{self.maker.resource(server)} is still there", retry_in=3)
        return {"gone": self.maker.resource(server)}

    def act(self, server: Server) -> None:
        for machine in machines_of(server):
            if machine.state != State.ENDING and of(server).destroy(machine.id) == LET_GO:
                Server.objects.filter(pk=server.pk).update(provider_id="")
                server.provider_id = ""


class SeeGone(Step[Server]):
    """Looked for once more, by its id and by its name, before the books say gone."""

    name = "see_gone"
    title = "See that nothing is left"

    def observe(self, server: Server) -> Facts | None:
        left = [machine.id for machine in machines_of(server)]
        if left:
            raise NotYet(f"still there: {', '.join(left)}")
        return {"absent": server.name}

    def act(self, server: Server) -> None:
        """Nothing to do but to look again."""

    def record(self, server: Server, facts: Facts) -> None:
        operation = live_operation("server", server.pk)
        retire_node(server)
        theirs = Operation.objects.filter(subject_kind="server", subject_id=server.pk)
        open_leaks = Leak.objects.filter(operation__in=theirs, resolved_at=None)
        open_leaks.update(resolved_at=timezone.now())
        moved_by(operation, Server.Status.GONE)


def retire_node(server: Server) -> None:
    """A node without a machine goes; where bots once were, the row stays for their history."""
    node = Node.objects.filter(server=server).first()
    if node is None:
        return
    try:
        node.delete()
    except ProtectedError:
        Node.objects.filter(pk=node.pk).update(
            accepts_instances=False, maintenance_because="its server was given back"
        )
