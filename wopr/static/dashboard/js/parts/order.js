/** What is ordered: a plan by the month or the year, how many, and add-ons. */
import { count, money } from "../format.js";
import { html, useState } from "../preact.js";
import { CountField } from "./count-field.js";
import { PlanChoice, priceOf, priceText } from "./plan.js";

const MOST_BOTS = 50;
const MOST_OF_AN_ADD_ON = 20;
const INTERVALS = [
  ["month", "Monthly"],
  ["year", "Yearly"],
];

/** `[order, set]`: `set` takes the parts that change. `order`: {plan, interval, quantity, add_ons}. */
export function useOrder(first) {
  const [order, setOrder] = useState(first);
  return [order, (part) => setOrder((before) => ({ ...before, ...part }))];
}

/** Add-ons of which none is wanted are the same as add-ons that are not named. */
export const wanted = (addOns) =>
  Object.fromEntries(Object.entries(addOns).filter(([, quantity]) => quantity > 0));

const sameCounts = (one, other) =>
  JSON.stringify(Object.entries(wanted(one)).sort()) ===
  JSON.stringify(Object.entries(wanted(other)).sort());

export const sameOrder = (one, other) =>
  one.plan === other.plan &&
  one.interval === other.interval &&
  one.quantity === other.quantity &&
  sameCounts(one.add_ons, other.add_ons);

/** The offers that are sold by the interval. */
export const soldBy = (offers, interval) => offers.filter((offer) => priceOf(offer, interval));

/** What an order costs each interval, before taxes and discounts; null while it is of nothing. */
export function totalOf(order, plans, addOns) {
  const plan = plans.find(({ code }) => code === order.plan);
  const price = plan && priceOf(plan, order.interval);
  if (!price) return null;
  const more = addOns.map(
    (addOn) => (priceOf(addOn, order.interval)?.amount ?? 0) * (order.add_ons[addOn.code] ?? 0),
  );
  return { ...price, amount: more.reduce((sum, each) => sum + each, price.amount * order.quantity) };
}

export const times = (name, quantity) => (quantity > 1 ? `${name} × ${quantity}` : name);

/** "Team × 2 and 512 MB more memory" */
export function orderText(order, plans, addOns) {
  const plan = plans.find(({ code }) => code === order.plan);
  const more = addOns
    .filter(({ code }) => order.add_ons[code] > 0)
    .map(({ code, name }) => times(name, order.add_ons[code]));
  return [times(plan?.name ?? order.plan, order.quantity), ...more].join(" and ");
}

export function IntervalChoice({ plans, value, onChange }) {
  const offered = INTERVALS.filter(([interval]) => soldBy(plans, interval).length > 0);
  if (offered.length < 2) return null;
  return html`<fieldset class="segments">
    <legend class="visually-hidden">How you pay</legend>
    ${offered.map(
      ([interval, word]) =>
        html`<label>
          <input
            type="radio"
            name="interval"
            value=${interval}
            checked=${interval === value}
            onChange=${() => onChange(interval)}
          />
          <span>${word}</span>
        </label>`,
    )}
  </fieldset>`;
}

export function PlanChoices({ plans, order, set, held }) {
  return html`<fieldset class="plans">
    <legend class="visually-hidden">Plan</legend>
    ${soldBy(plans, order.interval).map(
      (plan) =>
        html`<${PlanChoice}
          key=${plan.code}
          plan=${plan}
          price=${priceOf(plan, order.interval)}
          chosen=${plan.code === order.plan}
          held=${plan.code === held}
          onChoose=${(code) => set({ plan: code })}
        />`,
    )}
  </fieldset>`;
}

/** How many bots, and what is added to each of them. */
export function Extras({ plans, addOns, order, set }) {
  const plan = plans.find(({ code }) => code === order.plan);
  const bots = (plan?.bots ?? 1) * order.quantity;
  const setAddOn = (code) => (quantity) => set({ add_ons: { ...order.add_ons, [code]: quantity } });
  return html`<fieldset class="panel extras">
    <legend class="visually-hidden">How many, and what beside it</legend>
    <${CountField}
      id="quantity"
      label=${plan?.bots > 1 ? `Times ${count(plan.bots, "bot")}` : "Bots"}
      hint=${bots === 1
        ? "One bot, with an address of its own."
        : `${count(bots, "bot")}, each with an address of its own.`}
      min=${1}
      max=${MOST_BOTS}
      value=${order.quantity}
      onChange=${(quantity) => set({ quantity })}
    />
    ${soldBy(addOns, order.interval).map(
      (addOn) =>
        html`<${CountField}
          key=${addOn.code}
          id=${`add-on-${addOn.code}`}
          label=${addOn.name}
          hint=${`${addOn.description} ${priceText(priceOf(addOn, order.interval))}.`}
          max=${MOST_OF_AN_ADD_ON}
          value=${order.add_ons[addOn.code] ?? 0}
          onChange=${setAddOn(addOn.code)}
        />`,
    )}
  </fieldset>`;
}

/** A sum with its interval: "€22 a month". */
export const Sum = ({ value }) =>
  html`<span class="mono">${money(value)}</span> a ${value.interval}`;
