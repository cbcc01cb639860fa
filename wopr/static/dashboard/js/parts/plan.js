/** A plan's card: to look at on the landing page, to choose on the plan page. */
import { count, memory, money } from "../format.js";
import { html } from "../preact.js";
import { Facts } from "./facts.js";
import { Icon } from "./icons.js";

const PLACEMENTS = { shared: "shared machine", dedicated: "machine of your own" };

const limits = (plan) => [
  ["Bots", plan.bots],
  ["Memory", memory(plan.memory_mb)],
  ["CPUs", Number(plan.cpus)],
  ["Disk", plan.disk_gb && `${plan.disk_gb} GB`],
  ["Runs on", PLACEMENTS[plan.placement] ?? plan.placement],
];

export const priceText = ({ price }) => `${money(price)} a ${price.interval}`;

export function Price({ plan }) {
  return html`<p class="price">${money(plan.price)} <small>a ${plan.price.interval}</small></p>`;
}

function PlanBody({ plan, mark }) {
  const trial = plan.trial_days > 0 && `${count(plan.trial_days, "day")} free, then the price above`;
  return html`<span class="plan-name">${plan.name}${mark}</span>
    <${Price} plan=${plan} />
    <p class="plan-text">${plan.description}${trial && html`<br />${trial}`}</p>
    <${Facts} rows=${limits(plan)} />`;
}

export const PlanCard = ({ plan }) =>
  html`<article class="panel plan" aria-label=${plan.name}><${PlanBody} plan=${plan} /></article>`;

export function PlanChoice({ plan, chosen, onChoose }) {
  const icon = chosen ? "check-circle" : "circle";
  const mark = html`<span class="radio"><${Icon} name=${icon} /></span>`;
  return html`<label class="panel plan" data-plan=${plan.code}>
    <input
      type="radio"
      name="plan"
      value=${plan.code}
      checked=${chosen}
      aria-label=${`${plan.name}, ${priceText(plan)}`}
      onChange=${() => onChoose(plan.code)}
    />
    <${PlanBody} plan=${plan} mark=${mark} />
  </label>`;
}
