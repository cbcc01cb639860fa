/** The button that leaves for Stripe's portal: cards, and invoices that are open. */
import { goToPortal } from "../payment.js";
import { html } from "../preact.js";
import { Submit } from "./field.js";
import { useForm } from "./form.js";
import { ErrorNotice } from "./notice.js";

export function PortalButton({ tenant, primary = false }) {
  const { busy, error, submit, form } = useForm([], () => goToPortal(tenant.id));
  return html`<form class="button-form" ref=${form} onSubmit=${submit}>
    <${Submit} busy=${busy} busyText="Opening Stripe" wide=${false} primary=${primary}>
      Update payment method
    <//>
    <${ErrorNotice} error=${error} title="Stripe's pages were not opened" />
  </form>`;
}
