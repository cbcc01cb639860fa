"""A person who signs in, by e-mail address."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta(AbstractUser.Meta):
        abstract = False
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_unique_any_case"),)

    def proved_addresses(self) -> list[str]:
        """The e-mail addresses that this person was seen to receive mail at."""
        proved = self.emailaddress_set.filter(verified=True)  # type: ignore[attr-defined]
        return list(proved.values_list("email", flat=True))

    @property
    def is_leaving(self) -> bool:
        """Whether the account is to be deleted."""
        return self.deletions.open().exists()

    def __str__(self) -> str:
        return self.email
