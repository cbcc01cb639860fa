/** The front page for a visitor: what this is, how it goes, what it costs. */
import { Icon } from "../parts/icons.js";
import { ErrorNotice } from "../parts/notice.js";
import { Loading } from "../parts/panel.js";
import { PlanCard } from "../parts/plan.js";
import { html, useEffect, useRef } from "../preact.js";
import { useResource } from "../resource.js";
import { takeFocusRequest } from "../router.js";

const STAGES = [
  ["Sign up", "An e-mail address and a password. Nothing else."],
  ["Name your bot", "The name becomes its address, and yours alone."],
  ["Pay by the month", "On Stripe's own page. We never see your card."],
  ["Watch it being set up", "Every step, live, with what it does and how long it took."],
  ["Open it", "Your bot answers under its own HTTPS address."],
];

const REASONS = [
  ["lock", "A container of your own", "Your bot shares no files and no memory with others and cannot reach them. It runs without root and without privileges."],
  ["box", "Your data stays yours", "One volume belongs to your bot. It is not mixed with anybody else's, and it goes when you go."],
  ["card", "No surprise on the bill", "A fixed price a month. You see the amount before you pay it."],
];

function Plans() {
  const { data, error, reload, loading } = useResource("/plans");
  return html`<section aria-labelledby="plans-title" class="stack tight" id="plans">
    <h2 id="plans-title">Plans</h2>
    <${ErrorNotice} error=${error} title="The plans could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${8} what="plans" /></div>`}
    <div class="plans">
      ${data?.map((plan) => html`<${PlanCard} key=${plan.code} plan=${plan} />`)}
    </div>
  </section>`;
}

function Stages() {
  return html`<section class="panel" aria-labelledby="way-title">
    <div class="panel-head"><h2 id="way-title">From here to a running bot</h2></div>
    <ol class="promise">
      ${STAGES.map(([name, text]) => html`<li><strong>${name}</strong><p>${text}</p></li>`)}
    </ol>
  </section>`;
}

export function Landing() {
  const heading = useRef();
  useEffect(() => {
    document.title = "WOPR · your own AI bot, hosted";
    if (takeFocusRequest()) heading.current.focus({ preventScroll: true });
  }, []);
  return html`<div class="hero">
      <div>
        <h1 tabindex="-1" ref=${heading}>Your own AI bot, running about a minute after you pay.</h1>
        <p class="lead">
          Each bot gets a hardened container, an address and a disk of its own, with nobody else
          inside. You choose its inference provider; we keep it running.
        </p>
        <div class="actions">
          <a class="button primary" href="/signup">Create your account<${Icon} name="arrow" /></a>
          <a class="button" href="/login">Sign in</a>
        </div>
      </div>
      <${Stages} />
    </div>
    <div class="three">
      ${REASONS.map(
        ([icon, title, text]) =>
          html`<section><${Icon} name=${icon} /><h2>${title}</h2><p>${text}</p></section>`,
      )}
    </div>
    <${Plans} />`;
}
