"""GPU nodes and their services, and what tenants may spend on inference."""

from gpu.models.budget import Allowance, Budget, Hold
from gpu.models.node import BootReport, GpuNode, Service, ServiceChange

__all__ = ["Allowance", "BootReport", "Budget", "GpuNode", "Hold", "Service", "ServiceChange"]
