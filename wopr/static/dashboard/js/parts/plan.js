/** A plan's card: to look at on the landing page, to choose when buying or changing. */
import { count, figure, memory, money } from "../format.js";
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
  ...plan.included.map(({ title, quantity }) => [title, `${figure(quantity)} a month included`]),
];

/** What a plan or an add-on costs each month or year; undefined when it is not sold so. */
export const priceOf = ({ prices }, interval) => prices.find((price) => price.interval === interval);

export const priceText = (price) => `${money(price)} a ${price.interval}`;

/** Free days are given once, with the first subscription. */
export const withoutTrial = (plans) => plans.map((plan) => ({ ...plan, trial_days: 0 }));

/** "Saves €18": what a year costs less than twelve months. */
function saving(plan) {
  const [month, year] = [priceOf(plan, "month"), priceOf(plan, "year")];
  const less = month && year ? 12 * month.amount - year.amount : 0;
  return less > 0 ? `Saves ${money({ ...year, amount: less })} against twelve months.` : "";
}

function PlanBody({ plan, price, mark }) {
  const trial = plan.trial_days > 0 && `${count(plan.trial_days, "day")} free, then the price above.`;
  const less = price.interval === "year" && saving(plan);
  return html`<span class="plan-name">${plan.name}${mark}</span>
    <p class="price">${money(price)} <small>a ${price.interval}</small></p>
    <p class="plan-text">
      ${plan.description}${less && html`<br />${less}`}${trial && html`<br />${trial}`}
    </p>
    <${Facts} rows=${limits(plan)} />`;
}

export const PlanCard = ({ plan }) =>
  html`<article class="panel plan" aria-label=${plan.name}>
    <${PlanBody} plan=${plan} price=${plan.price} />
  </article>`;

export function PlanChoice({ plan, price, chosen, held, onChoose }) {
  const mark = html`<span class="radio">
    ${held && html`<small class="held">yours now</small>`}
    <${Icon} name=${chosen ? "check-circle" : "circle"} />
  </span>`;
  return html`<label class="panel plan" data-plan=${plan.code}>
    <input
      type="radio"
      name="plan"
      value=${plan.code}
      checked=${chosen}
      aria-label=${`${plan.name}, ${priceText(price)}${held ? ", yours now" : ""}`}
      onChange=${() => onChoose(plan.code)}
    />
    <${PlanBody} plan=${plan} price=${price} mark=${mark} />
  </label>`;
}
