"""The admin's pages of GPU nodes and of inference."""

from gpu.admin import money, nodes

__all__ = ["money", "nodes"]
