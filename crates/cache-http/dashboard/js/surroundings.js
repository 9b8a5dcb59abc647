// What the service tells of the cache's surroundings: providers, kinds and their freshness, warming, markets.

import { bar, byId, draw, el, sign, table } from "./dom.js";
import { brief, count, counted, everySpan, millis, moment, money, percent, span, words } from "./format.js";
import { whyNotAsked } from "./state.js";
import { MARKETS } from "./words.js";

/** How many kinds are shown before the rest is folded away. */
const MAX_KINDS = 8;

export function showProviders({ providers, at_unix_ms: now }) {
  // Forecasts change each second by themselves: they are told to the minute.
  const shown = providers.map((one) => ({ ...one, silent: one.silent_until_unix_ms && Math.ceil((one.silent_until_unix_ms - now) / 1000) }));
  draw(byId("providers-body"), [shown, Math.floor(now / 60_000)], () => shown.map((one) => {
    const why = whyNotAsked(one);
    const how = why ?? "can be asked";
    const tone = !one.healthy ? "bad" : why ? "warn" : "good";
    const facts = [`${counted(one.calls, "call")} for ${counted(one.keys, "key")}`, one.failed_calls > 0 && `${count(one.failed_calls)} failed`, one.refused > 0 && `${count(one.refused)} not made`,
      one.price_per_call !== null && `${money(one.price_per_call * one.calls)} spent at ${money(one.price_per_call)} a call`,
      one.last_failure_unix_ms && `last failure ${moment(one.last_failure_unix_ms, now)}`].filter(Boolean);
    const quotas = one.quotas.map((quota) => {
      const [forecastTone, told] = forecast(quota, now);
      return el("div", { class: "quota" }, el("span", { class: "quiet" }, `${count(quota.left)} of ${count(quota.limit)} calls ${everySpan(quota.span_s)} left`),
        el("span", { class: `num state-${forecastTone}` }, told), bar([{ share: quota.left / quota.limit, class: forecastTone === "good" ? "" : forecastTone }]));
    });
    return el("div", { class: "measure", "data-provider": one.name },
      el("span", {}, sign(tone), " ", el("span", { class: "what" }, one.name)),
      el("span", { class: why ? `state-${tone}` : "quiet" }, one.silent > 0 ? `${how}, for ${span(one.silent)} more` : how),
      el("span", { class: "note" }, facts.join(" · ")),
      quotas.length > 0 ? quotas : el("span", { class: "note" }, "No quota is set."));
  }));
}

/** How a quota goes on at the present rate. */
function forecast({ left, runs_out_in_s: ends, span_s: spanned }, now) {
  if (left === 0) return ["bad", "used up"];
  if (ends === null) return ["good", "lasts at this rate"];
  const tone = spanned > 60 && ends < 3600 ? "bad" : "warn";
  return [tone, `runs out in ${span(ends)} at this rate${ends > 3600 ? `, at ${moment(now + ends * 1000, now)}` : ""}`];
}

export function showKinds({ traffic }) {
  const kinds = traffic.kinds.filter((kind) => kind.reads + kind.calls > 0);
  draw(byId("kinds-body"), kinds, () => {
    if (kinds.length === 0) return el("p", { class: "quiet" }, "No reads yet.");
    const columns = [
      { title: "Kind", cell: (kind) => kind.kind },
      { title: "Reads", num: true, cell: (kind) => brief(kind.reads) },
      { title: "Hits", num: true, cell: (kind) => percent(kind.hit_rate) },
      { title: "Loads", num: true, cell: (kind) => brief(kind.calls) },
      { title: "99 % wait", num: true, cell: (kind) => (kind.waits.count > 0 ? millis(kind.waits.p99) : "–") },
      { title: "Refreshes in vain", num: true, cell: (kind) => (kind.refreshes > 0 ? `${percent(kind.unchanged)} of ${brief(kind.refreshes)}` : "–") },
      { title: "Outdated (est.)", num: true, cell: (kind) => (kind.estimated_outdated === null ? "–" : `about ${percent(kind.estimated_outdated)}`) },
    ];
    const phases = kinds.flatMap((kind) => kind.phases.map((phase) => ({ kind: kind.kind, ...phase })));
    const byPhase = phases.length > 0 && el("details", { class: "figures" }, el("summary", {}, "By phase of the market"),
      table("Freshness by phase", [
        { title: "Kind", cell: (row) => row.kind }, { title: "Phase", cell: (row) => words(row.phase) },
        { title: "Refreshes", num: true, cell: (row) => brief(row.refreshes) },
        { title: "In vain", num: true, cell: (row) => percent(row.unchanged) },
        { title: "Outdated (est.)", num: true, cell: (row) => `about ${percent(row.estimated_outdated)}` }], phases));
    const rest = kinds.length > MAX_KINDS && el("details", { class: "figures" }, el("summary", {}, counted(kinds.length - MAX_KINDS, "more kind")),
      table("More kinds", columns, kinds.slice(MAX_KINDS)));
    return [table("Kinds and freshness", columns, kinds.slice(0, MAX_KINDS)), rest, byPhase,
      el("p", { class: "quiet lookup-line" }, "Outdated: answers that were fresh by their life and had changed at their source, as refreshes show.")].filter(Boolean);
  });
}

export function showWarming({ warming }) {
  const { enabled, coverage, calls_saved: saved, strategies, tracked } = warming;
  draw(byId("warming-body"), [enabled, coverage, saved, strategies, tracked], () => {
    const line = enabled
      ? `${coverage === null ? "No read would have missed yet" : `${percent(coverage)} of reads that would have missed did not`}; ${counted(saved, "call")} saved, ${counted(tracked, "key")} remembered.`
      : "Switched off: nothing is fetched beforehand.";
    const columns = [
      { title: "Strategy", cell: (one) => [one.name, one.running && el("span", { class: "tag" }, `${count(one.running.done)} of ${count(one.running.items)}`)] },
      { title: "Precision", num: true, cell: (one) => (one.precision === null ? "–" : percent(one.precision)) },
      { title: "Fetched", num: true, cell: (one) => brief(one.fetched) },
      { title: "Read", num: true, cell: (one) => brief(one.read) },
      { title: "Unread", num: true, cell: (one) => brief(one.unread) },
      { title: "Runs", num: true, cell: (one) => brief(one.runs) },
    ];
    return [el("p", { class: "lookup-line" }, line), table("Warming by strategy", columns, strategies),
      el("p", { class: "quiet lookup-line" }, "Precision: the share of what was fetched that was read before it died.")];
  });
}

export function showMarkets({ markets, at_unix_ms: now }) {
  const open = markets.filter((market) => market.open);
  const next = (market) => (market.open ? market.next_close_unix_ms : market.next_open_unix_ms) ?? Infinity;
  const sorted = markets.toSorted((a, b) => b.open - a.open || next(a) - next(b));
  draw(byId("markets-note"), open.length, () => `${open.length} of ${markets.length} open`);
  draw(byId("markets-body"), [sorted, Math.floor(now / 60_000)], () => el("ul", { class: "clock" }, sorted.map((market) => {
    const at = next(market);
    const when = at === Infinity ? (market.open ? "never closes" : "no open is known")
      : `${market.open ? "closes" : "opens"} ${moment(at, now)}, in ${away((at - now) / 1000)}`;
    return el("li", { class: market.open && "open", "data-market": market.code }, el("span", { class: "name" }, MARKETS[market.code] ?? market.code),
      el("span", { class: "phase" }, market.open ? "open" : words(market.phase)),
      el("span", { class: "when" }, when), el("span", { class: "zone" }, `${market.code} · ${market.zone.replaceAll("_", " ")}`));
  })));
}

/** How far a moment is away: to the minute, and to the hour where it is many. */
const away = (seconds) => span(seconds < 60 ? seconds : seconds < 21_600 ? Math.round(seconds / 60) * 60 : Math.round(seconds / 3600) * 3600);
