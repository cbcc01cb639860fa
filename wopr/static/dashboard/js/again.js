/**
 * Loads the page again when a part of it was lost on the way, as it happens when a device changes
 * its network; a few times, and then the page says that it takes long. No module: it must be there
 * before the first of them is asked for.
 */
{
  const KEY = "parts-lost";
  const MOST = 8;
  const tries = Number(sessionStorage.getItem(KEY) ?? 0);

  const again = ({ target }) => {
    const isPart = target instanceof HTMLScriptElement || target instanceof HTMLLinkElement;
    if (!isPart || tries >= MOST) return;
    sessionStorage.setItem(KEY, String(tries + 1));
    setTimeout(() => location.reload(), 500 * (tries + 1));
  };

  // Errors of elements do not bubble; they are seen on their way down.
  addEventListener("error", again, true);
  addEventListener("load", () => {
    if (!document.querySelector(".startup")) sessionStorage.removeItem(KEY);
  });
}
