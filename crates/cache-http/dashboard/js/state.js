// What the page says first: in one sentence how the cache does, and the figures that everybody asks for.

import { draw, el } from "./dom.js";
import { brief, bytes, count, counted, everySpan, millis, money, percent, perSecond, span, time } from "./format.js";
import { callsOf, sums } from "./history.js";
import { TOPICS, cause, source } from "./words.js";

/** From when on a share of hits is told as few, and how many reads prove that: as the advice has it. */
const FEW_HITS = 0.7;
const PROVES = 100;
/** From when on a share of reads that fail is what is said first: as the advice on loads has it. */
const MANY_FAIL = 0.05;
/** How soon a quota runs out for that to be told first, in seconds. */
const SOON = 6 * 3600;

/** The parts of the sentence: texts, some with a tone. Nothing is worse than reads that fail. */
export function stateLine(overview) {
  const { health, traffic, providers } = overview;
  const broken = troubles(overview);
  const failing = manyFail(traffic?.last_minute);
  if (failing) {
    const why = [...broken, ...[atRisk(providers)].filter(Boolean)].slice(0, 2);
    return { tone: "bad", lead: "Failing", rest: `: ${failing}${why.length > 0 ? `; ${why.join(", and ")}` : ""}.` };
  }
  if (broken.length > 0) {
    const [first] = broken;
    return { tone: "bad", lead: "Degraded", rest: `: ${first}${broken.length > 1 ? `, and ${counted(broken.length - 1, "more thing", "more things")}` : ""}.` };
  }
  if (health.status !== "healthy") return { tone: "bad", lead: "Degraded", rest: ": see Health for what is wrong." };
  if (!traffic) return { tone: "good", lead: "Healthy", rest: ". Nobody counts reads: give the cache analytics to see more." };
  const { last_minute: now, since_start: all } = traffic;
  const alone = providers?.length > 0 && providers.every(whyNotAsked);
  if (now.reads === 0) {
    const failed = all.failed > 0 ? `, and ${count(all.failed)} failed` : "";
    const before = all.reads > 0 ? ` Since the start ${percent(all.hit_rate)} of ${counted(all.reads, "read")} came from the cache${failed}.` : " No reads yet.";
    const out = alone ? ` No provider can be asked: ${atRisk(providers)}.` : "";
    return { tone: alone ? "warn" : "good", lead: "Idle", rest: `: nothing was read in the last minute.${before}${out}` };
  }
  const failed = now.failed > 0 ? `, ${count(now.failed)} failed` : "";
  const share = `${percent(now.hit_rate)} of the ${counted(now.reads, "read")} of the last minute came from the cache${failed}`;
  if (alone) return { tone: "warn", lead: "Serving what is held", rest: `: no provider can be asked (${atRisk(providers)}); ${share}.` };
  if (now.reads >= PROVES && now.hit_rate < FEW_HITS) {
    const [name] = topCause(traffic) ?? [];
    return { tone: "warn", lead: "Serving, with few hits", rest: `: ${share}${name ? `; most misses since the start: ${cause(name)[0].toLowerCase()}` : ""}.` };
  }
  const calls = now.calls_saved > 0 && !failed ? `, which saved ${counted(now.calls_saved, "load")}` : "";
  return { tone: "good", lead: "Serving well", rest: `: ${share}${calls}.` };
}

/** That many of the reads of the last minute failed, in words; null where few did. */
export function manyFail(now) {
  if (!now || now.reads === 0 || now.failed / now.reads < MANY_FAIL) return null;
  return `${percent(now.failed / now.reads)} of the ${counted(now.reads, "read")} of the last minute failed`;
}

/** Why a provider can't be asked now; null if it can. A quota of a second is used up for less than one. */
export function whyNotAsked({ healthy, reason, quotas }) {
  if (!healthy) return reason ?? "left alone after failures";
  const used = quotas.find((quota) => quota.left === 0 && quota.span_s > 1);
  return used ? `quota of ${counted(used.limit, "call")} ${everySpan(used.span_s)} used up` : null;
}

/** What does not work, in a few words each. */
export function troubles({ health, providers }) {
  const told = health.tiers.filter((tier) => !tier.healthy).map((tier) => `${source(tier.name)} does not work`);
  if (health.bus && !health.bus.healthy) told.push("the bus between the nodes does not work");
  if (providers?.length > 0 && providers.every(({ healthy }) => !healthy)) told.push("no provider can be asked");
  return told;
}

/** The most frequent cause of misses in memory since the start, with its count. */
export function topCause(traffic) {
  const memory = traffic.sources.find((one) => one.name === "memory");
  return Object.entries(memory?.misses ?? {}).sort(([, a], [, b]) => b - a)[0];
}

/** The provider that is at risk most: which can't be asked, has no calls left, or will have none soon. */
export function atRisk(providers = []) {
  const risks = providers.flatMap((provider) => {
    if (!provider.healthy) return [[0, `${provider.name} is not asked: ${provider.reason ?? "it failed"}`]];
    return provider.quotas.flatMap((quota) => {
      if (quota.left === 0 && quota.span_s > 1) return [[1, `${provider.name} has no calls left of ${count(quota.limit)}`]];
      const ends = quota.runs_out_in_s;
      return ends !== null && ends < SOON && quota.span_s > 1 ? [[2 + ends, `${provider.name} runs out of calls in about ${span(ends)}`]] : [];
    });
  });
  return risks.sort(([a], [b]) => a - b)[0]?.[1];
}

/** Shows it all; `silence` says in a sentence that the service tells nothing more, and since when. */
export function showState(nodes, overview, history, silence) {
  const { tone, lead, rest } = stateLine(overview);
  draw(nodes.line, [tone, lead, rest, silence], () => (silence
    ? [el("span", { class: "tone-bad" }, silence), el("span", { class: "tone-old" }, ` As of ${time(overview.at_unix_ms)}: ${lower(lead)}${rest}`)]
    : [el("span", { class: `tone-${tone}` }, lead), rest]));
  draw(nodes.more, more(overview), (text) => text);
  draw(nodes.tiles, tiles(overview, history), (all) => all.map(tile));
}

function more(overview) {
  const { traffic, providers } = overview;
  const told = [];
  // Where many reads fail the first sentence has it.
  const risk = manyFail(traffic?.last_minute) ? null : atRisk(providers);
  if (risk) told.push(`${risk}.`);
  else if (providers?.length > 0 && traffic?.since_start.failed === 0) told.push("No provider is at risk.");
  const first = traffic && adviceOn(traffic)[0];
  if (first) told.push(`First to change: ${lower(TOPICS[first.topic] ?? first.topic)}${first.kind ? ` (${first.kind})` : ""}.`);
  else if (traffic && traffic.since_start.reads >= PROVES) told.push("Nothing needs to be changed.");
  return told.join(" ");
}

const lower = (text) => text.charAt(0).toLowerCase() + text.slice(1);

/** The advice that stands for something: where nothing was read, that loads of warming fail. */
export const adviceOn = ({ advice, since_start: all }) =>
  advice.filter(({ topic }) => all.reads > 0 || ["source_fails", "provider_refuses"].includes(topic));

const tile = ([name, value, unit, ...subs]) =>
  el("div", { class: "tile", "data-tile": name }, el("dt", {}, name),
    el("dd", { class: `value${name === "Failed reads" && value !== "0 %" ? " state-bad" : ""}` }, value, unit && el("span", { class: "unit" }, unit)),
    subs.filter(Boolean).map((sub) => el("dd", { class: "sub" }, sub)));

function tiles(overview, history) {
  const { memory, traffic, providers } = overview;
  const room = memory.budget > 0 ? percent(memory.weight / memory.budget) : "–";
  const size = memory.weighs_bytes ? `${bytes(memory.weight)} of ${bytes(memory.budget)}` : `${count(memory.weight)} of ${counted(memory.budget, "entry", "entries")}`;
  const held = ["Memory in use", room, "", size, counted(memory.entries, "entry", "entries")];
  if (!traffic) return [held];
  const { since_start: all, last_minute: now, money: paid } = traffic;
  const rate = history.rate("reads", 5) ?? now.reads / 60;
  const [shown, when] = now.reads > 0 ? [now, "last minute"] : [all, "since the start"];
  const since = (text) => (all.reads > 0 ? text : null);
  const failed = (of) => (of.reads > 0 ? of.failed / of.reads : null);
  const told = [
    ["Hit rate", percent(shown.hit_rate), "", since(`${brief(shown.hits)} of ${counted(shown.reads, "read")}, ${when}`) ?? "No reads yet",
      since(`${percent(all.hit_rate)} of ${counted(all.reads, "read")} since the start`)],
    all.failed > 0 && ["Failed reads", percent(failed(shown)), "", `${brief(shown.failed)} of ${counted(shown.reads, "read")}, ${when}`, `${brief(all.failed)} since the start`],
    ["Reads", perSecond(rate), "a second", `${count(now.reads)} in the last minute`, `${brief(traffic.last_hour.reads)} in the last hour`],
    ["Wait behind memory", millis(now.waited_ms ?? all.waited_ms), "", since(`mean, ${now.waited_ms === null ? "since the start" : "last minute"}`) ?? "No reads yet",
      since(`${percent(all.memory_hits / all.reads)} of reads wait for nothing`)],
    providers ? calls(providers, all, history) : ["Loads", count(now.calls), "last minute", `${count(all.calls)} since the start`, saved(all)],
  ].filter(Boolean);
  if (paid) told.push(["Money saved", money(all.reads > 0 ? paid.saved : 0), "estimate", `${money(paid.spent)} spent since the start`, "in the currency of your prices"]);
  told.push(held);
  return told;
}

/** The calls that were made from the providers, as their panel tells them, and lately as the page has seen them. */
function calls(providers, all, history) {
  const lately = sums(history.unbroken(60));
  const within = lately.seconds >= 59 ? "minute" : span(lately.seconds);
  return ["Provider calls", count(callsOf(providers)), "since the start",
    lately.seconds > 0 ? `${count(lately.of("calls"))} in the last ${within}` : null, saved(all)];
}

/** Loads that were saved, if reads saved any. */
const saved = (all) => (all.reads > 0 ? `${counted(Math.max(0, all.calls_saved), "load")} saved since the start` : null);
