"""A stand-in for Cloudflare's zones and DNS records."""
