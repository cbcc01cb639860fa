"""The content security policy is loosened below two paths and nowhere else."""

from django.test import Client
from django.urls import reverse


def policy(client: Client, path: str) -> dict[str, str]:
    header = client.get(path, secure=True)["Content-Security-Policy"]
    return dict(part.strip().split(" ", 1) for part in header.split(";") if part.strip())


def test_the_dashboard_evaluates_nothing_and_has_no_inline_parts(client: Client, db: None) -> None:
    strict = policy(client, "/")
    assert strict["script-src"] == "'self'"
    assert strict["style-src"] == "'self'"


def test_the_admin_may_evaluate_but_has_no_inline_scripts(staff_client: Client) -> None:
    loose = policy(staff_client, reverse("admin:index"))
    assert loose["script-src"] == "'self' 'unsafe-eval'"
    assert loose["frame-ancestors"] == "'none'"


def test_the_page_of_the_api_has_no_inline_script(client: Client, db: None) -> None:
    page = client.get(reverse("docs"), secure=True)
    assert page.status_code == 200
    assert policy(client, reverse("docs"))["script-src"] == "'self'"
    assert b"<script>" not in page.content


def test_a_path_that_only_looks_like_the_admin_stays_strict(client: Client, db: None) -> None:
    assert "unsafe" not in client.get("/administration", secure=True)["Content-Security-Policy"]
