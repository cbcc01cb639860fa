"""A stand-in for the parts of Stripe that WOPR uses."""
