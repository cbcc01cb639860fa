/* A classic script, loaded in the head: it sets a remembered theme before the first paint, so no
   page flashes in the wrong colours. It holds all there is to know about the theme. */
"use strict";

window.woprTheme = {
  key: "wopr.theme",

  /** "light", "dark" or "system". */
  get() {
    try {
      return localStorage.getItem(this.key) || "system";
    } catch (error) {
      // Storage can be forbidden by the browser; the theme then lives as long as the page.
      return document.documentElement.dataset.theme || "system";
    }
  },

  set(choice) {
    this.apply(choice);
    try {
      localStorage.setItem(this.key, choice);
    } catch (error) {
      console.info("The browser forbids storage: the theme is not remembered.", error);
    }
  },

  apply(choice) {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  },
};

window.woprTheme.apply(window.woprTheme.get());
