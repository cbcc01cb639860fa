from django.urls import path

from fleet.api import exports, views

urlpatterns = [
    path("tenants/<uuid:tenant_id>/instances", views.InstanceListView.as_view(), name="instances"),
    path("instances/<uuid:instance_id>", views.InstanceView.as_view(), name="instance"),
    path(
        "instances/<uuid:instance_id>/retry",
        views.InstanceRetryView.as_view(),
        name="instance-retry",
    ),
    path("tenants/<uuid:tenant_id>/exports", exports.ExportListView.as_view(), name="exports"),
    path(
        "tenants/<uuid:tenant_id>/exports/<uuid:export_id>/content",
        exports.ExportContentView.as_view(),
        name="export-content",
    ),
    path(
        "tenants/<uuid:tenant_id>/operations", views.OperationListView.as_view(), name="operations"
    ),
    path("operations/<uuid:operation_id>", views.OperationView.as_view(), name="operation"),
    path(
        "operations/<uuid:operation_id>/events",
        views.OperationEventsView.as_view(),
        name="operation-events",
    ),
]
