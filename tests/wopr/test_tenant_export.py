"""What is kept of a tenant can be handed to them: all of it, nothing of others, and no secret."""

import json
import tarfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from fleet.models import Instance, Node, Variable
from tenants.models import Document, Tenant, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alice.tar"


def exported(file: Path, slug: str = "alice-co") -> dict[str, Any]:
    call_command("export_tenant", slug, to=str(file), stdout=StringIO())
    with tarfile.open(file) as archive:
        content = archive.extractfile("rows.json")
        assert content is not None
        return dict(json.loads(content.read()))


def test_rows_members_and_documents_are_in_it(
    instance: Instance, tenant: Tenant, bob: User, charlie: User, file: Path
) -> None:
    Document.objects.create(
        tenant=tenant, kind="welcome", cause="x", content=b"%PDF", size=4, filename="w.pdf"
    )

    rows = exported(file)

    assert [row["slug"] for row in rows["tenants.tenant"]] == ["alice-co"]
    people = {row["email"] for row in rows["tenants.user"]}
    assert people == {"alice@example.com", "bob@example.com"}
    assert rows["fleet.instance"][0]["id"] == str(instance.pk)
    with tarfile.open(file) as archive:
        [name] = [name for name in archive.getnames() if name.startswith("documents/")]
        content = archive.extractfile(name)
        assert content is not None
        assert content.read() == b"%PDF"


def test_nothing_of_others_and_no_secret_is_in_it(
    instance: Instance, node: Node, charlie: User, file: Path
) -> None:
    Variable.objects.create(instance=instance, name="API_KEY", value="swordfish-of-alice")
    instance.daemon_token = "daemon-word-of-alice"
    instance.save()

    exported(file)

    content = file.read_bytes()
    assert b"API_KEY" in content
    for secret in (b"swordfish-of-alice", b"daemon-word-of-alice", b"charlie", b"md5$"):
        assert secret not in content


def test_a_file_that_is_there_is_not_written_over(tenant: Tenant, file: Path) -> None:
    file.write_text("precious")
    with pytest.raises(CommandError, match="File exists"):
        exported(file)
    assert file.read_text() == "precious"


def test_nobody_is_exported_by_a_name_that_does_not_exist(tenant: Tenant, file: Path) -> None:
    with pytest.raises(CommandError, match="no tenant 'nobody'"):
        exported(file, "nobody")
