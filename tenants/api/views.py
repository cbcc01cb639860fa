"""API of people, tenants and their documents."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants import services
from tenants.api.serializers import (
    DocumentSerializer,
    MeSerializer,
    NameCheckSerializer,
    TenantSerializer,
)
from tenants.models import Document, Membership, Tenant, User
from wopr.common.errors import Refused
from wopr.common.permissions import SignedIn
from wopr.common.renderers import PdfRenderer


class TenantScoped(APIView):
    """A view below /tenants/{tenant_id}: the tenant is the caller's, or there is none (404)."""

    permission_classes = (SignedIn,)
    # The roles that may do what the view does; for a member with another one it is 403.
    roles: tuple[str, ...] = tuple(Membership.Role.values)

    tenant: Tenant

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Finds the tenant before anything else is looked at, so that no view can forget to."""
        super().initial(request, *args, **kwargs)
        self.tenant = get_object_or_404(Tenant.objects.of(request.user), pk=kwargs["tenant_id"])
        mine = self.tenant.memberships.filter(user__pk=request.user.pk or 0)
        if not mine.filter(role__in=self.roles).exists():
            raise PermissionDenied(f"Your role in {self.tenant.name} does not allow this.")


class MeView(generics.RetrieveAPIView[User]):
    """Who is signed in, and the tenants they may act in."""

    permission_classes = (SignedIn,)
    serializer_class = MeSerializer

    def get_object(self) -> User:
        return User.objects.prefetch_related("memberships__tenant").get(
            pk=self.request.user.pk or 0
        )


class TenantListView(generics.ListCreateAPIView[Tenant]):
    """The caller's tenants; a new one is made by naming it."""

    permission_classes = (SignedIn,)
    serializer_class = TenantSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Tenant]:
        return Tenant.objects.of(self.request.user).prefetch_related("memberships")

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.tenant_create(
            owner=self.request.user,  # type: ignore[arg-type]
            slug=serializer.validated_data["slug"],
            name=serializer.validated_data["name"],
        )


class TenantDetailView(generics.RetrieveAPIView[Tenant]):
    """One of the caller's tenants."""

    permission_classes = (SignedIn,)
    serializer_class = TenantSerializer
    lookup_url_kwarg = "tenant_id"

    def get_queryset(self) -> QuerySet[Tenant]:
        return Tenant.objects.of(self.request.user).prefetch_related("memberships")


class NameCheckView(APIView):
    """Whether a tenant could be made under this name now, and if not, why."""

    permission_classes = (SignedIn,)

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

    serializer_class = DocumentSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Document]:
        if getattr(self, "swagger_fake_view", False):
            return Document.objects.none()
        return (
            Document.objects.readable_by(self.request.user)
            .filter(tenant=self.tenant)
            .defer("content")
        )


class DocumentContentView(APIView):
    """The document itself, as a download."""

    permission_classes = (SignedIn,)
    renderer_classes = (PdfRenderer,)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, document_id: UUID) -> HttpResponse:
        mine = Document.objects.readable_by(request.user)
        document = get_object_or_404(mine, pk=document_id)
        response = HttpResponse(bytes(document.content), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{document.filename}"'
        return response
