/** Leaving for Stripe's pages. */
import { post } from "./api.js";

/** Settles only if the customer comes back by the browser's button: busy until the page is left. */
async function leaveFor(url) {
  const back = new Promise((done) => window.addEventListener("pageshow", done, { once: true }));
  window.location.assign(url);
  await back;
}

/** `order`: {plan, interval, quantity, add_ons}. */
export async function goToPayment(tenantId, { plan, interval, quantity, add_ons }) {
  const wanted = { plan, interval, quantity, add_ons };
  const checkout = await post(`/tenants/${tenantId}/checkout`, wanted);
  await leaveFor(checkout.url);
}

/** Cards and open invoices are Stripe's own pages. */
export async function goToPortal(tenantId) {
  const { url } = await post(`/tenants/${tenantId}/portal`);
  await leaveFor(url);
}
