from django.urls import path

from billing.api import views

urlpatterns = [
    path("plans", views.PlanListView.as_view(), name="plans"),
    path(
        "tenants/<uuid:tenant_id>/checkout", views.CheckoutOpenView.as_view(), name="checkout-open"
    ),
    path(
        "tenants/<uuid:tenant_id>/subscription",
        views.SubscriptionView.as_view(),
        name="subscription",
    ),
    path("checkouts/<uuid:checkout_id>", views.CheckoutView.as_view(), name="checkout"),
]
