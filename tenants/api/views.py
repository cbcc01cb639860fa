"""API of people, tenants and their documents."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import services, teams
from tenants.api.access import Ruled, TenantScoped
from tenants.api.serializers import (
    DocumentSerializer,
    MeSerializer,
    NameCheckSerializer,
    TenantChangeSerializer,
    TenantSerializer,
)
from tenants.models import Document, Tenant, User
from tenants.policy import Caller, Right
from wopr.common.errors import Refused
from wopr.common.renderers import PdfRenderer


class MeView(Ruled, generics.RetrieveAPIView[User]):
    """Who is signed in, and the tenants they may act in."""

    right = Right.SELF
    serializer_class = MeSerializer

    def get_object(self) -> User:
        return User.objects.prefetch_related("memberships__tenant").get(
            pk=self.request.user.pk or 0
        )


class TenantListView(Ruled, generics.ListCreateAPIView[Tenant]):
    """The caller's tenants; a new one is made by naming it."""

    right: ClassVar = {"GET": Right.SEE, "POST": Right.SELF}
    serializer_class = TenantSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Tenant]:
        return self.mine().prefetch_related("memberships")

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.tenant_create(
            owner=self.request.user,  # type: ignore[arg-type]
            slug=serializer.validated_data["slug"],
            name=serializer.validated_data["name"],
            kind=serializer.validated_data.get("kind", Tenant.Kind.PERSONAL),
        )


class TenantDetailView(Ruled, generics.RetrieveAPIView[Tenant]):
    """One of the caller's tenants."""

    right: ClassVar = {"GET": Right.SEE, "PUT": Right.MANAGE}
    serializer_class = TenantSerializer
    lookup_url_kwarg = "tenant_id"

    def get_queryset(self) -> QuerySet[Tenant]:
        return self.mine().prefetch_related("memberships")

    @extend_schema(request=TenantChangeSerializer)
    def put(self, request: Request, tenant_id: UUID) -> Response:
        """Names it anew, or makes it personal or an organisation. Its address stays."""
        tenant = get_object_or_404(self.get_queryset(), pk=tenant_id)
        self.demand(tenant)
        wanted = TenantChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        teams.tenant_change(tenant=tenant, **wanted.validated_data)
        return Response(self.get_serializer(tenant).data)


class NameCheckView(Ruled):
    """Whether a tenant could be made under this name now, and if not, why."""

    right = Right.SELF

    @extend_schema(
        parameters=[OpenApiParameter("slug", OpenApiTypes.STR, required=True)],
        responses=NameCheckSerializer,
    )
    def get(self, request: Request) -> Response:
        slug = request.query_params.get("slug", "").strip().lower()
        answer: dict[str, Any] = {"slug": slug, "available": True, "code": None, "message": ""}
        try:
            services.slug_check(slug=slug)
        except Refused as refusal:
            answer |= {"available": False, "code": refusal.code, "message": refusal.message}
        return Response(NameCheckSerializer(answer).data)


class DocumentListView(TenantScoped, generics.ListAPIView[Document]):
    """Documents made for a tenant, newest first."""

    right = Right.SEE
    serializer_class = DocumentSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Document]:
        if getattr(self, "swagger_fake_view", False):
            return Document.objects.none()
        return _readable_by(self.caller).filter(tenant=self.tenant).defer("content")


class DocumentContentView(Ruled):
    """The document itself, as a download."""

    right = Right.SEE
    renderer_classes = (PdfRenderer,)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, document_id: UUID) -> HttpResponse:
        document = get_object_or_404(_readable_by(self.caller), pk=document_id)
        response = HttpResponse(bytes(document.content), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{document.filename}"'
        return response


def _readable_by(caller: Caller) -> QuerySet[Document]:
    """What is about money is read by those alone who may pay."""
    return Document.objects.of(caller.tenants(), money_of=caller.tenants_with(Right.PAY))
