"""GPU nodes and their services, and what tenants may spend on inference."""

from gpu.models.budget import Allowance, Budget, Hold
from gpu.models.node import BootReport, GpuNode, Service, ServiceChange, ServiceSample
from gpu.models.remedy import Remedy

__all__ = [
    "Allowance",
    "BootReport",
    "Budget",
    "GpuNode",
    "Hold",
    "Remedy",
    "Service",
    "ServiceChange",
    "ServiceSample",
]
