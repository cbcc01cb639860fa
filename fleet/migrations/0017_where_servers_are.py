from django.db import migrations


def tell(apps, schema_editor):
    """Nodes from before they had a region are where their servers are."""
    Server = apps.get_model("fleet", "Server")
    known = Server.objects.filter(node__region="").exclude(region="").select_related("node")
    for server in known:
        server.node.region = server.region
        server.node.save(update_fields=["region"])


class Migration(migrations.Migration):

    dependencies = [
        ('fleet', '0016_the_kind_of_engine'),
    ]

    operations = [migrations.RunPython(tell, migrations.RunPython.noop)]
