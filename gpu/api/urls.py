from django.urls import path

from gpu.api import nodes

urlpatterns = [
    path("gpu/nodes", nodes.GpuNodeListView.as_view(), name="gpu-nodes"),
    path("gpu/nodes/<uuid:node_id>", nodes.GpuNodeView.as_view(), name="gpu-node"),
    path(
        "gpu/nodes/<uuid:node_id>/reboot",
        nodes.GpuNodeRebootView.as_view(),
        name="gpu-node-reboot",
    ),
]
