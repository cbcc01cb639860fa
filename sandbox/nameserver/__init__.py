"""A small authoritative DNS server on loopback, for names that customers would own."""
