/** Leaving for Stripe's payment page. */
import { post } from "./api.js";

/** Opens a checkout and leaves; settles only if the customer comes back by the browser's button. */
export async function goToPayment(tenantId, planCode) {
  const checkout = await post(`/tenants/${tenantId}/checkout`, { plan: planCode });
  // Busy until the page is left: a second click would open a second checkout.
  const back = new Promise((done) => window.addEventListener("pageshow", done, { once: true }));
  window.location.assign(checkout.url);
  await back;
}
