"""API of customers' own domains."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from dns import verification
from dns.models import CustomDomain
from fleet import domain_letters, domain_services
from fleet.models import Instance
from tenants.api.access import Ruled
from tenants.models import Document
from tenants.policy import Right


class SettingSerializer(serializers.Serializer[verification.Setting]):
    """A record to set. With `instead` it may stand for the one before it."""

    type = serializers.CharField()
    name = serializers.CharField()
    value = serializers.CharField()
    purpose = serializers.CharField()
    instead = serializers.BooleanField()


class FindingSerializer(serializers.Serializer[dict[str, Any]]):
    """What is missing or wrong, as these public resolvers see it."""

    type = serializers.CharField()
    name = serializers.CharField()
    problem = serializers.CharField()
    expected = serializers.CharField()
    resolvers = serializers.ListField(child=serializers.CharField())


class DomainSerializer(serializers.ModelSerializer[CustomDomain]):
    url = serializers.SerializerMethodField()
    instance_id = serializers.SerializerMethodField()
    records = serializers.SerializerMethodField()
    findings = FindingSerializer(many=True, read_only=True)
    guide_url = serializers.SerializerMethodField()
    hostname = serializers.CharField(max_length=300)

    class Meta:
        model = CustomDomain
        fields = (
            "id",
            "hostname",
            "url",
            "instance_id",
            "state",
            "since",
            "records",
            "findings",
            "guide_url",
            "checked_at",
            "next_check_at",
            "created_at",
        )
        read_only_fields = ("state", "since", "checked_at", "next_check_at", "created_at")

    def get_url(self, domain: CustomDomain) -> str:
        port = "" if settings.WOPR_EDGE_PORT == 443 else f":{settings.WOPR_EDGE_PORT}"
        return f"https://{domain.hostname}{port}/"

    @extend_schema_field(serializers.UUIDField())
    def get_instance_id(self, domain: CustomDomain) -> str:
        return domain.owner.partition(":")[2]

    @extend_schema_field(SettingSerializer(many=True))
    def get_records(self, domain: CustomDomain) -> Any:
        return [SettingSerializer(record).data for record in verification.settings_of(domain)]

    def get_guide_url(self, domain: CustomDomain) -> str | None:
        cause = domain_letters.guide_cause(domain)
        guide = Document.objects.filter(kind=domain_letters.GUIDE, cause=cause).only("pk").first()
        return f"/api/v1/documents/{guide.pk}/content" if guide else None


class DomainListView(Ruled):
    """A bot's own domains; one is added by its name."""

    right: ClassVar = {"GET": Right.SEE, "POST": Right.MANAGE}

    @extend_schema(responses=DomainSerializer(many=True))
    def get(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        domains = CustomDomain.objects.filter(owner=instance.reference)
        return Response(DomainSerializer(domains, many=True).data)

    @extend_schema(request=DomainSerializer, responses={201: DomainSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        asked = DomainSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        domain = domain_services.domain_add(
            instance=instance, hostname=asked.validated_data["hostname"]
        )
        return Response(DomainSerializer(domain).data, status=status.HTTP_201_CREATED)


class DomainView(Ruled, generics.RetrieveAPIView[CustomDomain]):
    """One domain: the records to set, what of them is missing, and its state."""

    right: ClassVar = {"GET": Right.SEE, "DELETE": Right.MANAGE}
    serializer_class = DomainSerializer
    lookup_url_kwarg = "domain_id"

    def get_queryset(self) -> QuerySet[CustomDomain]:
        return CustomDomain.objects.filter(tenant__in=self.mine())

    @extend_schema(responses={202: DomainSerializer})
    def delete(self, request: Request, domain_id: UUID) -> Response:
        domain = domain_services.domain_remove(domain=self.pick(CustomDomain, pk=domain_id))
        return Response(DomainSerializer(domain).data, status=status.HTTP_202_ACCEPTED)


class DomainCheckView(Ruled):
    """Looks at a domain's records now."""

    right = Right.OPERATE

    @extend_schema(request=None, responses={202: DomainSerializer})
    def post(self, request: Request, domain_id: UUID) -> Response:
        domain = domain_services.domain_check(domain=self.pick(CustomDomain, pk=domain_id))
        return Response(DomainSerializer(domain).data, status=status.HTTP_202_ACCEPTED)
