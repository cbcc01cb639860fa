"""What the providers of machines have in common: a world of machines, and how it is spoken to."""
