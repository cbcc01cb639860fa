"""A stand-in for Hetzner Cloud: servers, keys, firewalls, prices."""
