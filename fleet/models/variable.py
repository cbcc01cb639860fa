"""What a customer adds to a bot's environment. Values are written, used, and never shown again."""

from django.db import models

from fleet.models.instance import Instance
from wopr.common.crypto import EncryptedTextField
from wopr.common.models import Identified


class Variable(Identified):
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="variables")
    name = models.CharField(max_length=64)
    value = EncryptedTextField(
        blank=True, default="", editable=False, help_text="Empty: it is to be taken away."
    )
    proven = EncryptedTextField(
        blank=True, default="", editable=False, help_text="With which the bot was seen healthy."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("instance", "name"), name="one_value_per_variable"),
        )
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.instance} {self.name}"
