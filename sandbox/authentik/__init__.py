"""A stand-in for Authentik: its directory API, and the OpenID provider that people log in at."""
