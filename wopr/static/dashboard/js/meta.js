/** What the shell says in its <meta> tags: the few facts a page needs before it can ask the API. */
export function meta(name) {
  return document.querySelector(`meta[name="${name}"]`)?.content ?? "";
}
