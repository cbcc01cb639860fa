"""API of who belongs to a tenant: members, invitations, leaving, giving it away."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, ScopedRateThrottle

from tenants import teams
from tenants.api.access import Ruled, TenantScoped
from tenants.models import Invitation, Membership
from tenants.policy import Right

GIVEN_ROLES = [(role.value, role.label) for role in Invitation.ROLES]


class MemberSerializer(serializers.ModelSerializer[Membership]):
    email = serializers.EmailField(source="user.email", read_only=True)
    role = serializers.ChoiceField(Membership.Role.choices)
    is_you = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ("id", "email", "role", "is_you", "created_at")

    def get_is_you(self, membership: Membership) -> bool:
        return bool(membership.user_id == self.context["request"].user.pk)


class RoleChangeSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(GIVEN_ROLES)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    tenant = serializers.CharField(source="tenant.name", read_only=True)
    invited_by = serializers.EmailField(source="invited_by.email", default=None, read_only=True)
    role = serializers.ChoiceField(GIVEN_ROLES)

    class Meta:
        model = Invitation
        fields = ("id", "tenant", "email", "role", "invited_by", "created_at", "expires_at")
        read_only_fields = ("created_at", "expires_at")


class TransferSerializer(serializers.Serializer[Any]):
    member = serializers.UUIDField(help_text="The member who becomes the owner.")


class MemberListView(TenantScoped):
    """Who belongs to a tenant, and in which role."""

    right = Right.SEE

    @extend_schema(responses=MemberSerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        members = self.tenant.memberships.select_related("user").order_by("created_at")
        return Response(MemberSerializer(members, many=True, context={"request": request}).data)


class MemberView(TenantScoped):
    """Changes a member's role, or ends the membership and with it the member's keys."""

    right = Right.MANAGE

    @extend_schema(request=RoleChangeSerializer, responses=MemberSerializer)
    def put(self, request: Request, member_id: UUID, **_: Any) -> Response:
        member = get_object_or_404(self.tenant.memberships, pk=member_id)
        wanted = RoleChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        teams.member_change(membership=member, role=wanted.validated_data["role"])
        member.refresh_from_db()
        return Response(MemberSerializer(member, context={"request": request}).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, member_id: UUID, **_: Any) -> Response:
        member = get_object_or_404(self.tenant.memberships, pk=member_id)
        teams.member_remove(membership=member)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LeaveView(TenantScoped):
    """Ends one's own membership. An owner gives the tenant to somebody else first."""

    right = Right.LEAVE

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, **_: Any) -> Response:
        mine = self.tenant.memberships.get(user__pk=request.user.pk or 0)
        teams.member_remove(membership=mine)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TransferView(TenantScoped):
    """Makes another member the owner; the owner becomes an admin."""

    right = Right.OWN

    @extend_schema(request=TransferSerializer, responses={204: None})
    def post(self, request: Request, **_: Any) -> Response:
        wanted = TransferSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        member = get_object_or_404(self.tenant.memberships, pk=wanted.validated_data["member"])
        teams.ownership_transfer(tenant=self.tenant, to=member)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationListView(TenantScoped):
    """Invitations that were neither accepted nor ended; a new one goes out by letter."""

    right = Right.MANAGE
    throttle_scope = "invite"

    def get_throttles(self) -> list[BaseThrottle]:
        """Reading costs nobody a letter."""
        usual = super().get_throttles()
        if self.request.method == "POST":
            return usual
        return [each for each in usual if not isinstance(each, ScopedRateThrottle)]

    @extend_schema(responses=InvitationSerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        rows = self.tenant.invitations.open().select_related("tenant", "invited_by")
        return Response(InvitationSerializer(rows, many=True).data)

    @extend_schema(request=InvitationSerializer, responses={201: InvitationSerializer})
    def post(self, request: Request, **_: Any) -> Response:
        wanted = InvitationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        invitation = teams.invitation_send(
            tenant=self.tenant,
            by=request.user,  # type: ignore[arg-type]
            email=wanted.validated_data["email"],
            role=wanted.validated_data["role"],
        )
        return Response(InvitationSerializer(invitation).data, status=status.HTTP_201_CREATED)


class InvitationView(TenantScoped):
    """Takes an invitation back."""

    right = Right.MANAGE

    @extend_schema(responses={204: None})
    def delete(self, request: Request, invitation_id: UUID, **_: Any) -> Response:
        teams.invitation_end(
            invitation=get_object_or_404(self.tenant.invitations, pk=invitation_id)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class MyInvitationsView(Ruled):
    """Invitations to the caller's own confirmed addresses."""

    right = Right.SELF

    @extend_schema(responses=InvitationSerializer(many=True))
    def get(self, request: Request) -> Response:
        mine = Invitation.objects.for_person(request.user).select_related("tenant", "invited_by")
        return Response(InvitationSerializer(mine, many=True).data)


class _Invited(Ruled):
    """One invitation to an address of the caller's; to others there is none (404)."""

    right = Right.SELF

    def invitation(self, invitation_id: UUID) -> Invitation:
        mine = Invitation.objects.for_person(self.request.user)
        return get_object_or_404(mine.select_related("tenant"), pk=invitation_id)


class InvitationAcceptView(_Invited):
    """Becomes a member."""

    @extend_schema(request=None, responses=MemberSerializer)
    def post(self, request: Request, invitation_id: UUID) -> Response:
        membership = teams.invitation_accept(
            invitation=self.invitation(invitation_id),
            user=request.user,  # type: ignore[arg-type]
        )
        return Response(MemberSerializer(membership, context={"request": request}).data)


class InvitationDeclineView(_Invited):
    """Says no; it is over then."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, invitation_id: UUID) -> Response:
        teams.invitation_end(invitation=self.invitation(invitation_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
