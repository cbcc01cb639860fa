from django.urls import path

from tenants.api import deletions, impersonation, keys, teams, views

urlpatterns = [
    path("me", views.MeView.as_view(), name="me"),
    path("me/deletion", deletions.AccountDeletionView.as_view(), name="account-deletion"),
    path(
        "tenants/<uuid:tenant_id>/impersonations",
        impersonation.ImpersonationListView.as_view(),
        name="tenant-impersonations",
    ),
    path("impersonation", impersonation.ImpersonationView.as_view(), name="impersonation"),
    path(
        "tenants/<uuid:tenant_id>/deletion",
        deletions.TenantDeletionView.as_view(),
        name="tenant-deletion",
    ),
    path("tenants", views.TenantListView.as_view(), name="tenants"),
    path("tenants/name-check", views.NameCheckView.as_view(), name="tenant-name-check"),
    path("tenants/<uuid:tenant_id>", views.TenantDetailView.as_view(), name="tenant"),
    path("tenants/<uuid:tenant_id>/documents", views.DocumentListView.as_view(), name="documents"),
    path("tenants/<uuid:tenant_id>/members", teams.MemberListView.as_view(), name="members"),
    path(
        "tenants/<uuid:tenant_id>/members/<uuid:member_id>",
        teams.MemberView.as_view(),
        name="member",
    ),
    path("tenants/<uuid:tenant_id>/leave", teams.LeaveView.as_view(), name="tenant-leave"),
    path("tenants/<uuid:tenant_id>/transfer", teams.TransferView.as_view(), name="tenant-transfer"),
    path(
        "tenants/<uuid:tenant_id>/invitations",
        teams.InvitationListView.as_view(),
        name="tenant-invitations",
    ),
    path(
        "tenants/<uuid:tenant_id>/invitations/<uuid:invitation_id>",
        teams.InvitationView.as_view(),
        name="tenant-invitation",
    ),
    path("invitations", teams.MyInvitationsView.as_view(), name="invitations"),
    path(
        "invitations/<uuid:invitation_id>/accept",
        teams.InvitationAcceptView.as_view(),
        name="invitation-accept",
    ),
    path(
        "invitations/<uuid:invitation_id>/decline",
        teams.InvitationDeclineView.as_view(),
        name="invitation-decline",
    ),
    path("tenants/<uuid:tenant_id>/keys", keys.KeyListView.as_view(), name="keys"),
    path("tenants/<uuid:tenant_id>/keys/<uuid:key_id>", keys.KeyView.as_view(), name="key"),
    path(
        "documents/<uuid:document_id>/content",
        views.DocumentContentView.as_view(),
        name="document-content",
    ),
]
