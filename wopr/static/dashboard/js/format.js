/** Numbers, money and times as the reader's own language writes them. */

/** A price in minor units ("900", "eur") as "€9.00"; whole amounts drop their zeros. */
export function money({ amount, currency }) {
  const style = { style: "currency", currency: currency.toUpperCase() };
  const digits = new Intl.NumberFormat(undefined, style).resolvedOptions().maximumFractionDigits;
  const value = amount / 10 ** digits;
  return new Intl.NumberFormat(undefined, { ...style, trailingZeroDisplay: "stripIfInteger" }).format(
    value,
  );
}

/** A sum in millionths of the currency; what is less than a cent is not shown as nothing. */
export function micros(amount, currency) {
  const style = { style: "currency", currency: currency.toUpperCase() };
  const digits = amount > 0 && amount < 10000 ? { maximumFractionDigits: 4 } : {};
  return new Intl.NumberFormat(undefined, { ...style, ...digits }).format(amount / 1000000);
}

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });

export function memory(megabytes) {
  return megabytes < 1024 ? `${megabytes} MB` : `${number.format(megabytes / 1024)} GB`;
}

export function count(value, one, many = `${one}s`) {
  return `${number.format(value)} ${Number(value) === 1 ? one : many}`;
}

/** "4 s", "1m 05s": short enough for a column. What is over may show tenths: "0.4 s". */
export function duration(milliseconds, { tenths = false } = {}) {
  if (tenths && milliseconds < 10000) return `${Math.max(0, milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}

export const figure = (value) => number.format(value);

export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const kilobytes = bytes / 1024;
  return kilobytes < 1024
    ? `${number.format(Math.round(kilobytes))} kB`
    : `${number.format(Math.round(kilobytes / 102.4) / 10)} MB`;
}

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const utcDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

export const absoluteTime = (date) => absolute.format(date);
export const longDay = (date) => day.format(date);
/** "2026-11-21", a day in UTC, as "21 Nov". */
export const shortDay = (text) => utcDay.format(new Date(`${text}T00:00:00Z`));

export function relativeTime(date, now = Date.now()) {
  const seconds = Math.round((date - now) / 1000);
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 0 ? `in ${seconds} s` : "just now";
}
