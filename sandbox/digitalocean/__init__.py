"""A stand-in for DigitalOcean: droplets, keys, tags, firewalls, sizes."""
