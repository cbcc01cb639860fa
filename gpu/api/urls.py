from django.urls import path

from gpu.api import budget, nodes

urlpatterns = [
    path("tenants/<uuid:tenant_id>/inference", budget.BudgetView.as_view(), name="inference"),
    path(
        "tenants/<uuid:tenant_id>/inference/limit",
        budget.BudgetLimitView.as_view(),
        name="inference-limit",
    ),
    path("gpu/nodes", nodes.GpuNodeListView.as_view(), name="gpu-nodes"),
    path("gpu/nodes/<uuid:node_id>", nodes.GpuNodeView.as_view(), name="gpu-node"),
    path(
        "gpu/nodes/<uuid:node_id>/reboot",
        nodes.GpuNodeRebootView.as_view(),
        name="gpu-node-reboot",
    ),
]
