from django.urls import path

from fleet.api import (
    actions,
    backups,
    disk,
    domains,
    exports,
    logs,
    metrics,
    regions,
    releases,
    variables,
    views,
)

urlpatterns = [
    path("tenants/<uuid:tenant_id>/region", regions.ResidenceView.as_view(), name="residence"),
    path("tenants/<uuid:tenant_id>/instances", views.InstanceListView.as_view(), name="instances"),
    path("instances/<uuid:instance_id>", views.InstanceView.as_view(), name="instance"),
    path(
        "instances/<uuid:instance_id>/retry",
        views.InstanceRetryView.as_view(),
        name="instance-retry",
    ),
    *(
        path(f"instances/<uuid:instance_id>/{name}", view.as_view(), name=f"instance-{name}")
        for name, view in (
            ("start", actions.StartView),
            ("stop", actions.StopView),
            ("restart", actions.RestartView),
            ("delete", actions.DeleteView),
            ("restore", actions.RestoreView),
            ("clone", actions.CloneView),
            ("rename", actions.RenameView),
            ("backups", backups.BackupListView),
            ("variables", variables.VariableListView),
            ("updates", releases.UpdatesView),
            ("update", releases.UpdateView),
            ("roll-back", releases.RollBackView),
        )
    ),
    path(
        "instances/<uuid:instance_id>/disk/grace",
        disk.DiskGraceView.as_view(),
        name="instance-disk-grace",
    ),
    path("instances/<uuid:instance_id>/logs", logs.LogView.as_view(), name="instance-logs"),
    path(
        "instances/<uuid:instance_id>/logs/stream",
        logs.LogEventsView.as_view(),
        name="instance-logs-stream",
    ),
    path(
        "instances/<uuid:instance_id>/metrics",
        metrics.MetricsView.as_view(),
        name="instance-metrics",
    ),
    path(
        "instances/<uuid:instance_id>/events",
        metrics.EventListView.as_view(),
        name="instance-events",
    ),
    path(
        "instances/<uuid:instance_id>/domains",
        domains.DomainListView.as_view(),
        name="instance-domains",
    ),
    path("domains/<uuid:domain_id>", domains.DomainView.as_view(), name="domain"),
    path("domains/<uuid:domain_id>/check", domains.DomainCheckView.as_view(), name="domain-check"),
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
