"""Stand-in servers that speak the vendors' HTTP APIs on loopback.

Nothing of the product imports this package: the product only sees other base URLs.
"""
