/** The one door to the vendored library, so a new version is a change in one place. */
export * from "../vendor/htm/standalone.module.js";
