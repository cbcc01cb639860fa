from django.urls import path

from tenants.api import keys, views

urlpatterns = [
    path("me", views.MeView.as_view(), name="me"),
    path("tenants", views.TenantListView.as_view(), name="tenants"),
    path("tenants/name-check", views.NameCheckView.as_view(), name="tenant-name-check"),
    path("tenants/<uuid:tenant_id>", views.TenantDetailView.as_view(), name="tenant"),
    path("tenants/<uuid:tenant_id>/documents", views.DocumentListView.as_view(), name="documents"),
    path("tenants/<uuid:tenant_id>/keys", keys.KeyListView.as_view(), name="keys"),
    path("tenants/<uuid:tenant_id>/keys/<uuid:key_id>", keys.KeyView.as_view(), name="key"),
    path(
        "documents/<uuid:document_id>/content",
        views.DocumentContentView.as_view(),
        name="document-content",
    ),
]
