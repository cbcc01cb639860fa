from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_move_prices")]

    operations = [
        # The way back needs something to fill the column with until the prices are moved.
        migrations.AlterField(
            model_name="plan",
            name="amount",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.RemoveConstraint(
            model_name='plan',
            name='one_plan_per_stripe_price',
        ),
        migrations.RemoveField(
            model_name='plan',
            name='amount',
        ),
        migrations.RemoveField(
            model_name='plan',
            name='currency',
        ),
        migrations.RemoveField(
            model_name='plan',
            name='interval',
        ),
        migrations.RemoveField(
            model_name='plan',
            name='stripe_price_id',
        ),
    ]
