/** Dark, light or as the system says; remembered in this browser. */
import { html, useState } from "../preact.js";
import { Icon } from "./icons.js";

const NEXT = { system: "dark", dark: "light", light: "system" };
const ICONS = { system: "screen", dark: "moon", light: "sun" };

export function ThemeSwitch() {
  const [choice, setChoice] = useState(window.woprTheme.get());
  const turn = () => {
    window.woprTheme.set(NEXT[choice]);
    setChoice(NEXT[choice]);
  };
  return html`<button class="nav-link theme" type="button" onClick=${turn}>
    <${Icon} name=${ICONS[choice]} />
    <span>Theme: ${choice}</span>
  </button>`;
}
