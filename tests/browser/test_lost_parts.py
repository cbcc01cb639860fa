"""A page whose parts are lost on the way loads again by itself."""

from playwright.sync_api import Route, expect

from tests.browser.customer import Customer


def test_a_part_that_is_lost_once_is_asked_for_again(customer: Customer) -> None:
    lost: list[str] = []

    def lose_once(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort("connectionreset")

    customer.page.route("**/dashboard/js/router.js", lose_once)
    customer.page.goto(f"{customer.stack['dashboard'].rstrip('/')}/signup")
    expect(customer.button("Create account")).to_be_visible()
    assert lost
    customer.watch.complaints.clear()  # of what was lost on purpose


def test_a_part_that_is_lost_again_and_again_is_told(customer: Customer) -> None:
    customer.page.route("**/dashboard/js/router.js", lambda route: route.abort("connectionreset"))
    customer.page.goto(f"{customer.stack['dashboard'].rstrip('/')}/signup")
    expect(customer.page.get_by_text("This page takes long to load")).to_be_visible(timeout=30_000)
    customer.watch.complaints.clear()
