"""The account itself, its portal configuration, webhook endpoints and events."""

from __future__ import annotations

from sandbox.stripe.objects import new_id
from sandbox.stripe.version import API_VERSION
from sandbox.types import Json

NO_ADDRESS: Json = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def _requirements() -> Json:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }


def _account_settings() -> Json:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {
            "icon": None,
            "logo": None,
            "primary_color": None,
            "secondary_color": None,
        },
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": "Sandbox", "timezone": "Etc/UTC"},
        "invoices": {
            "default_account_tax_ids": None,
            "hosted_payment_method_save": None,
        },
        "payments": {
            "statement_descriptor": "SANDBOX",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }


def _business_profile() -> Json:
    return {
        "annual_revenue": None,
        "estimated_worker_count": None,
        "mcc": "5734",
        "name": "Sandbox",
        "product_description": None,
        "support_address": dict(NO_ADDRESS),
        "support_email": None,
        "support_phone": None,
        "support_url": None,
        "url": "https://example.com",
        "minority_owned_business_designation": None,
    }


def account(now: int) -> Json:
    """Return the account that the secret key belongs to."""
    account_id = "acct_1SandboxSandbox0"
    accounts_url = f"/v1/accounts/{account_id}/external_accounts"
    return {
        "id": account_id,
        "object": "account",
        "business_profile": _business_profile(),
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": now,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@example.com",
        "external_accounts": {
            "data": [],
            "has_more": False,
            "object": "list",
            "url": accounts_url,
        },
        "future_requirements": _requirements(),
        "metadata": {},
        "payouts_enabled": True,
        "requirements": _requirements(),
        "settings": _account_settings(),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


def portal_configuration(now: int) -> Json:
    """Return the default configuration of the customer portal."""
    return {
        "id": new_id("bpc"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": now,
        "default_return_url": None,
        "features": _portal_features(),
        "is_default": True,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": now,
    }


def _portal_features() -> Json:
    return {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": True},
        "payment_method_update": {
            "enabled": True,
            "payment_method_configuration": None,
        },
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": True,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }


def webhook_endpoint(endpoint_id: str, url: str, events: list[str], now: int) -> Json:
    """Return a webhook endpoint (without its secret, which only its creation shows)."""
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }


def event(kind: str, obj: Json, before: Json | None, cause: Json, now: int) -> Json:
    """Return an event about a snapshot of an object."""
    data: Json = {"object": obj}
    if before is not None:
        data["previous_attributes"] = before
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": cause,
        "type": kind,
    }
