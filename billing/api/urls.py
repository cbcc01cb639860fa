from django.urls import path

from billing.api import subscription_views, usage_views, views

TENANT = "tenants/<uuid:tenant_id>"

urlpatterns = [
    path("plans", views.PlanListView.as_view(), name="plans"),
    path("add-ons", views.AddOnListView.as_view(), name="add-ons"),
    path(f"{TENANT}/checkout", views.CheckoutOpenView.as_view(), name="checkout-open"),
    path("checkouts/<uuid:checkout_id>", views.CheckoutView.as_view(), name="checkout"),
    path(f"{TENANT}/subscription", views.SubscriptionView.as_view(), name="subscription"),
    path(
        f"{TENANT}/subscription/preview",
        subscription_views.SubscriptionPreviewView.as_view(),
        name="subscription-preview",
    ),
    path(
        f"{TENANT}/subscription/change",
        subscription_views.SubscriptionChangeView.as_view(),
        name="subscription-change",
    ),
    path(
        f"{TENANT}/subscription/cancel",
        subscription_views.SubscriptionCancelView.as_view(),
        name="subscription-cancel",
    ),
    path(
        f"{TENANT}/subscription/resume",
        subscription_views.SubscriptionResumeView.as_view(),
        name="subscription-resume",
    ),
    path(f"{TENANT}/portal", subscription_views.PortalView.as_view(), name="portal"),
    path(f"{TENANT}/usage", usage_views.UsageView.as_view(), name="usage"),
    path(f"{TENANT}/usage/caps", usage_views.UsageCapsView.as_view(), name="usage-caps"),
]
