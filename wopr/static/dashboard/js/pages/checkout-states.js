/** A checkout that is not (yet) paid: what happened, what it means, what to do. */
import { Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice } from "../parts/notice.js";
import { priceOf, priceText } from "../parts/plan.js";
import { RelativeTime } from "../parts/time.js";
import { goToPayment } from "../payment.js";
import { html, useState } from "../preact.js";
import { useNow } from "../resource.js";

const PATIENCE = 25000;

export function StatusPanel({ tone, icon, spin, title, children, foot }) {
  return html`<section class="panel status-panel" aria-live="polite">
    <div class=${`status-line tone-${tone}`}>
      <span class=${`tone-mark tone-${tone}`}><${Icon} name=${icon} spin=${spin} /></span>
      <div><h2>${title}</h2><p class="muted">${children}</p></div>
    </div>
    <div class="status-foot">${foot}</div>
  </section>`;
}

/** A new checkout for the same order; the old one is left to end by itself. */
function StartAgain({ checkout }) {
  const { busy, error, submit, form } = useForm([], () =>
    goToPayment(checkout.tenant, checkout),
  );
  return html`<form ref=${form} onSubmit=${submit}>
    <${ErrorNotice} error=${error} title="A new checkout was not opened" />
    <div class="actions">
      <${Submit} busy=${busy} busyText="Opening Stripe" wide=${false}>Start again<//>
      <a class="button" href=${`/tenants/${checkout.tenant}/plans`}>Choose another plan</a>
    </div>
  </form>`;
}

function forWhat(checkout, plan, tenant) {
  const price = plan && priceOf(plan, checkout.interval);
  if (!price || !tenant) return "";
  const times = checkout.quantity > 1 ? ` × ${checkout.quantity}` : "";
  const more = Object.keys(checkout.add_ons).length ? ", with add-ons" : "";
  return `${plan.name}${times} for ${tenant.slug}, ${priceText(price)}${times && " each"}${more}.`;
}

export function Cancelled({ checkout, plan, tenant }) {
  return html`<${StatusPanel}
    tone="warning"
    icon="alert"
    title="You cancelled the payment"
    foot=${html`<${StartAgain} checkout=${checkout} />`}
  >
    Nothing was charged, and no bot was made. The name stays yours. ${forWhat(checkout, plan, tenant)}
  <//>`;
}

export function Expired({ checkout, plan, tenant }) {
  return html`<${StatusPanel}
    tone="warning"
    icon="clock"
    title="This checkout has expired"
    foot=${html`<${StartAgain} checkout=${checkout} />`}
  >
    It ended <${RelativeTime} value=${checkout.expires_at} /> without a payment: nothing was
    charged. Start again to get a new one. ${forWhat(checkout, plan, tenant)}
  <//>`;
}

export function Unfinished({ checkout, plan, tenant }) {
  const actions = html`<div class="actions">
    <a class="button primary" href=${checkout.url}>Go on to payment<${Icon} name="arrow" /></a>
    <a class="button" href=${`/tenants/${checkout.tenant}/plans`}>Choose another plan</a>
  </div>`;
  // Without a payment page yet (Stripe was away when it was asked for one), only a new start helps.
  const foot = checkout.url ? actions : html`<${StartAgain} checkout=${checkout} />`;
  return html`<${StatusPanel} tone="info" icon="card" title="This is not paid yet" foot=${foot}>
    Nothing was charged so far. The payment page stays open until it expires
    ${" "}<${RelativeTime} value=${checkout.expires_at} />. ${forWhat(checkout, plan, tenant)}
  <//>`;
}

export function Confirming({ checkout }) {
  const [since] = useState(Date.now());
  const slow = useNow() - since > PATIENCE;
  const foot = html`<p class="fine-print">
    ${slow
      ? `Stripe takes longer than usual to confirm. You need not pay again: if the payment went
         through, your bot is set up even if you close this page.`
      : checkout.message || "This takes a few seconds. You may leave this page; nothing is lost."}
  </p>`;
  return html`<${StatusPanel}
    tone="info"
    icon="spinner"
    spin
    title="Confirming your payment with Stripe"
    foot=${foot}
  >
    We wait for Stripe's own word before we set up anything.
  <//>`;
}
