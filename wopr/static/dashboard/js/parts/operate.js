/** Starting, stopping and restarting a bot from its page. */
import { html } from "../preact.js";
import { Act } from "./act.js";
import { Panel } from "./panel.js";

const START = {
  path: "start",
  title: "Start this bot?",
  action: "Start",
  effects: ["It runs again with the data that it had.", "Its address leads to it again."],
};

const STOP = {
  path: "stop",
  title: "Stop this bot?",
  action: "Stop",
  danger: true,
  effects: [
    "It is away until somebody starts it; its address says that it is stopped.",
    "Its data are kept, and go on being backed up.",
    "Your plan is paid as before.",
  ],
};

const RESTART = {
  path: "restart",
  title: "Restart this bot?",
  action: "Restart",
  effects: ["It is away for some seconds.", "Its data are kept; open conversations are cut."],
};

const CHOICES = { running: [RESTART, STOP], stopped: [START] };

export function Operate({ instance }) {
  const choices = CHOICES[instance.status];
  if (!choices) return null;
  return html`<${Panel} title="Operate">
    <div class="actions">
      ${choices.map(
        (what) =>
          html`<${Act} key=${what.path} id=${instance.id} what=${what} primary=${what === START} />`,
      )}
    </div>
  <//>`;
}
