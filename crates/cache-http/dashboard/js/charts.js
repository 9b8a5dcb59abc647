// Charts over time by uPlot, whose colours come from the style, each with its figures as a table.

import { colour, draw, el, setText, table } from "./dom.js";
import { count, hourMinute, millis, millisTick, percent, percentTick, perSecond, time } from "./format.js";
import { sums } from "./history.js";
import { source } from "./words.js";

/** How much of the history is shown at most and at least, in seconds. */
const LIVE_SECONDS = 300;
const MIN_SECONDS = 60;
/** How many rows the table of a chart has. */
const TABLE_ROWS = 30;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const seriesColour = (key) => style(`--s-${key}`) || style("--s-other");

/** A chart within a figure: title, plot, legend with the latest values, and a table. */
class Chart {
  constructor(figure, title, options) {
    this.options = options;
    this.figure = figure;
    this.heading = el("strong", {}, title);
    this.note = el("span", { class: "quiet" });
    this.plot = el("div", { class: "plot", role: "img" });
    this.legend = el("ul", { class: "legend" });
    this.body = el("div");
    this.details = el("details", { class: "figures" }, el("summary", {}, "Figures"), this.body);
    this.details.addEventListener("toggle", () => this.fillTable());
    figure.append(el("figcaption", {}, this.heading, this.note), this.plot, this.legend, this.details);
    this.title = title;
    new ResizeObserver(() => this.resize()).observe(this.plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.renew());
  }

  /** Shows series: each has a name, a key for its colour, and values; `stacked` series are laid upon each other. */
  show({ times, series, stacked, note, format, tick = format, max, bars, latest, window, title = this.title }) {
    this.title = title;
    setText(this.heading, title);
    const shape = JSON.stringify([series.map((one) => one.key), stacked, bars, max]);
    this.now = { times, series, stacked, format, tick, max, bars };
    this.window = window;
    const data = [times, ...(stacked ? stack(series) : series.map((one) => one.values))];
    if (this.chart && this.shape === shape) this.chart.setData(data);
    else {
      this.shape = shape;
      this.data = data;
      this.renew();
    }
    this.data = data;
    this.note.textContent = note ?? "";
    const last = series.map((one) => [one.name, one.key, latest ? latest(one) : lastOf(one.values)]);
    draw(this.legend, last.map(([name, key, value]) => [name, key, value === null ? "–" : format(value)]), (items) =>
      items.map(([name, key, value]) =>
        el("li", {}, el("span", { class: `swatch ${colour(key)}` }), name, el("b", {}, value))));
    const said = last.map(([name, , value]) => `${name} ${value === null ? "no figure" : format(value)}`).join(", ");
    this.plot.setAttribute("aria-label", `${this.title}: ${said}. The figures are in the table below.`);
    this.fillTable();
  }

  fillTable() {
    if (!this.details.open || !this.now) return;
    const { times, series, format, bars } = this.now;
    const from = Math.max(0, times.length - TABLE_ROWS);
    const rows = times.slice(from).map((at, n) => [at, ...series.map((one) => one.values[from + n])]).reverse();
    draw(this.body, rows, () => {
      const when = (row) => (bars ? new Date(row[0] * 1000).toLocaleString("en-GB", { dateStyle: "short", timeStyle: "short" }) : time(row[0] * 1000));
      const columns = series.map((one, n) => ({
        title: one.name, num: true, cell: (row) => (row[n + 1] === null || row[n + 1] === undefined ? "–" : format(row[n + 1])),
      }));
      return table(this.title, [{ title: "Time", cell: when }, ...columns], rows);
    });
  }

  renew() {
    if (!this.now || !this.data || !globalThis.uPlot) return;
    this.chart?.destroy();
    // A figure that is hidden now is drawn when it is shown.
    this.chart = undefined;
    const width = this.plot.clientWidth;
    if (width === 0) return;
    this.chart = new uPlot(this.settings(width), this.data, this.plot);
  }

  resize() {
    const width = this.plot.clientWidth;
    if (this.chart && width > 0 && width !== this.chart.width) this.chart.setSize({ width, height: this.height() });
  }

  height() {
    return this.options.height ?? 190;
  }

  settings(width) {
    const { series, stacked, tick, max, bars } = this.now;
    const [ink, line] = [style("--muted"), style("--line")];
    const font = '12px system-ui, "Segoe UI", Roboto, sans-serif';
    const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const lines = series.map((one) => {
      const stroke = seriesColour(one.key);
      const fill = stacked || bars ? stroke : `${stroke}22`;
      return {
        label: one.name, stroke, width: stacked ? 1 : 1.75, fill: stacked || bars || series.length === 1 ? fill : undefined,
        points: { show: bars ? false : undefined, size: 4 }, spanGaps: false,
        paths: bars ? uPlot.paths.bars({ size: [0.7, 60], radius: 0.12 }) : undefined,
      };
    });
    return {
      width, height: this.height(), padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: !stacked && !bars }, drag: { x: false, y: false } },
      scales: { x: { time: true, range: (_, low, high) => this.window ?? [low, high] }, y: { range: (_, low, high) => [0, max ?? niceMax(high)] } },
      series: [{}, ...lines],
      axes: [
        { ...axis, size: 28, gap: 6, space: 64, values: (_, ticks) => ticks.map((at) => (at % 60 === 0 ? hourMinute : time)(at * 1000)), grid: { show: false } },
        { ...axis, size: 58, space: 36, values: (_, ticks) => ticks.map(tick) },
      ],
    };
  }
}

const niceMax = (high) => (high > 0 ? high * 1.08 : 1);
const lastOf = (values) => values.findLast((value) => value !== null && value !== undefined) ?? null;

/** The sums of series up to each, the highest first, so that the lower are painted over them. */
function stack(series) {
  const sums = series.map((one) => one.values.slice());
  for (let n = sums.length - 2; n >= 0; n -= 1) {
    sums[n] = sums[n].map((value, at) => (value === null ? null : value + (sums[n + 1][at] ?? 0)));
  }
  return sums;
}

/** The charts of the page. */
export class Charts {
  constructor(figure) {
    this.reads = new Chart(figure("chart-reads"), "Reads by who answers", { height: 235 });
    this.rate = new Chart(figure("chart-rate"), "Hit rate", {});
    this.waits = new Chart(figure("chart-waits"), "Wait by who answers", {});
    this.calls = new Chart(figure("chart-calls"), "Loads", {});
    this.span = "live";
  }

  /** Returns what draws each chart, to be called one after the other: none takes long by itself. */
  parts(history, overview) {
    this.waits.figure.hidden = this.span === "day";
    return this.span === "day" ? this.day(overview.traffic.hours) : this.live(history, overview);
  }

  live(history, { traffic, providers }) {
    const points = history.since(LIVE_SECONDS);
    const times = points.map((point) => point.at);
    const now = history.last?.at ?? 0;
    const shown = Math.min(LIVE_SECONDS, Math.max(MIN_SECONDS, now - (times[0] ?? now)));
    const window = [now - shown, now];
    const each = (of) => points.map((point) => (point.more ? of(point.more, point.seconds) : null));
    const rate = (name) => each((more, seconds) => (more[name] ?? 0) / seconds);
    const behind = traffic.answers.map((from) => from.source).filter((name) => name !== "memory");
    const order = ["failed", "loader", ...behind.filter((name) => name !== "loader"), "memory"];
    const bySource = order.map((key) =>
      key === "failed" ? { name: "Failed", key, values: rate("failed") } : { name: source(key), key, values: rate(`by:${key}`) });
    const lately = (key) => history.rate(key, 10) ?? 0;
    const reads = () => this.reads.show({
      times, window, series: bySource, stacked: true, format: perSecond, note: "reads a second",
      latest: (one) => lately(one.key === "failed" ? "failed" : `by:${one.key}`),
    });
    // Of ten seconds each, or a single read would make it 0 or 100 %, and a rare one would be a dot.
    const first = history.points.length - points.length;
    const lastTen = (part, whole) => points.map((_, at) => {
      const recent = sums(history.unbroken(10, first + at));
      const all = recent.of(whole);
      return all > 0 ? recent.of(part) / all : null;
    });
    const rates = () => this.rate.show({
      times, window, format: percent, tick: percentTick, max: 1, note: "share of reads, by ten seconds",
      series: [{ name: "Hits", key: "memory", values: lastTen("hits", "reads") }],
    });
    const waited = behind.map((key) => ({ name: source(key), key, values: lastTen(`ms:${key}`, `n:${key}`) }));
    const waits = () => this.waits.show({ times, window, tick: millisTick, series: waited, format: millis, note: "mean of ten seconds" });
    const [made, title] = providers ? ["calls", "Provider calls"] : ["loads", "Loads"];
    const calls = () => this.calls.show({
      times, window, format: perSecond, note: "a second", title,
      series: [
        { name: providers ? "Calls made" : "Loads", key: "loader", values: rate(made) },
        { name: "Loads saved", key: "memory", values: each((more, seconds) => Math.max(0, more.saved) / seconds) },
      ],
      latest: (one) => (one.key === "loader" ? lately(made) : Math.max(0, lately("saved"))),
    });
    return [reads, rates, waits, calls];
  }

  day(hours) {
    const times = hours.map((hour) => hour.begun);
    const latest = times.at(-1) ?? 0;
    const hourly = [latest - 23.5 * 3600, latest + 1800];
    const hits = hours.map((hour) => Math.round((hour.hit_rate ?? 0) * hour.reads));
    const reads = () => this.reads.show({
      times, window: hourly, stacked: true, bars: true, format: count, note: "reads an hour",
      series: [
        { name: "Misses", key: "loader", values: hours.map((hour, at) => hour.reads - hits[at]) },
        { name: "Hits", key: "memory", values: hits },
      ],
    });
    const rates = () => this.rate.show({ times, bars: true, tick: percentTick, window: hourly, series: [{ name: "Hits", key: "memory", values: hours.map((hour) => hour.hit_rate) }], format: percent, max: 1, note: "share of the reads of each hour" });
    const calls = () => this.calls.show({ times, bars: true, window: hourly, series: [{ name: "Loads", key: "loader", values: hours.map((hour) => hour.calls) }], format: count, note: "an hour", title: "Loads" });
    return [reads, rates, calls];
  }
}
