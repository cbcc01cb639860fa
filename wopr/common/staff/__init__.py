"""What the admin pages of all apps share: how rows look, and how one leads to the next."""
