// Figures as people read them: with units, and as many digits as they are worth.

/** A minus sign that is as wide as a digit. */
const minus = (text) => text.replace("-", "\u2212");

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const clockTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat("en", { weekday: "short" });
const dayMonth = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });

export const NONE = "–";

/** A whole number, with separators: 12,040. */
export const count = (n) => (n === null || n === undefined ? NONE : minus(whole.format(Math.round(n) || 0)));

/** A number where there is little room: 1.2M from a million on. */
export const brief = (n) => (Math.abs(n) >= 1e6 ? short.format(n) : count(n));

/** A number with its word: "1 read", "1,204 reads". */
export const counted = (n, one, many = `${one}s`) => `${count(n)} ${Math.round(n) === 1 ? one : many}`;

/** A share as percent: 93.1 %. */
export function percent(share) {
  if (share === null || share === undefined) return NONE;
  const value = share * 100;
  if (value > 0 && value < 0.05) return "< 0.1 %";
  // What is not all of it is not told as all of it.
  const digits = value > 99.9 && value < 100 ? 2 : 1;
  return `${value.toFixed(value === 0 || value === 100 ? 0 : digits)} %`;
}

/** A share where there is little room, as at an axis: 50 %. */
export const percentTick = (share) => `${Math.round(share * 100)} %`;

/** Milliseconds at an axis: 50 ms. */
export const millisTick = (ms) => (ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`);

/** A rate a second. */
export const perSecond = (n) => (n >= 100 ? count(n) : n.toFixed(n >= 10 || n === 0 ? 0 : 1));

/** Milliseconds: 0.4 ms, 41 ms, 1.3 s. */
export function millis(ms) {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 10) return `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms / 1000);
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Bytes: 48.2 MiB. */
export function bytes(n) {
  if (n === null || n === undefined) return NONE;
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A sum in the currency of the prices, whichever that is. */
export const money = (n) => (n !== 0 && Math.abs(n) < 0.01 ? minus(n.toPrecision(2)) : minus(twoDigits.format(n || 0)));

/** A span of seconds in its two largest units: 3 h 12 min. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const [d, h, m] = [Math.floor(s / 86_400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (d > 0) return h > 0 && d < 10 ? `${d} d ${h} h` : `${d} d`;
  if (h > 0) return m > 0 ? `${h} h ${m} min` : `${h} h`;
  return s < 600 && s % 60 > 0 ? `${m} min ${s % 60} s` : `${m} min`;
}

/** A time of today: 12:03:11. */
export const time = (ms) => clockTime.format(ms);

/** A time of today to the minute: 12:03. */
export const hourMinute = (ms) => minutes.format(ms);

/** A moment near now: 14:30, Mon 14:30, or Jan 5, 14:30. */
export function moment(ms, now) {
  const days = Math.abs(ms - now) / 86_400_000;
  const at = minutes.format(ms);
  if (new Date(ms).toDateString() === new Date(now).toDateString()) return at;
  return days < 6 ? `${weekday.format(ms)} ${at}` : `${dayMonth.format(ms)}, ${at}`;
}

/** The name of a span of a quota: "a minute". */
export const everySpan = (seconds) =>
  ({ 1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day" })[seconds] ?? `in ${span(seconds)}`;

/** A word as it is written in JSON, for people: tag_invalidated is "tag invalidated". */
export const words = (name) => String(name).replaceAll("_", " ");
