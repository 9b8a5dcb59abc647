// What the cache itself tells: advice, health, who answers, why reads miss, sizes, savings.

import { bar, byId, colour, draw, el, fact, setText, table } from "./dom.js";
import { brief, bytes, count, counted, millis, money, percent, span, time } from "./format.js";
import { troubles, whyNotAsked } from "./state.js";
import { TOPICS, cause, source } from "./words.js";

export function showAdvice(advice, reads, tried) {
  draw(byId("advice-body"), [advice, tried, reads >= 100, reads > 0], () => {
    const note = tried && el("p", { class: "quiet", id: "tried", role: "status" }, tried);
    if (advice.length === 0) {
      const few = reads === 0 ? "No reads yet: advice needs about a hundred." : "Too little was read to tell: advice needs about a hundred reads.";
      const why = reads < 100 ? few : "Nothing: by what was counted since the start, no setting stands out.";
      return [el("p", { class: "quiet" }, why), note].filter(Boolean);
    }
    const items = advice.map(({ topic, kind, text }) =>
      el("li", {}, el("span", { class: "what" }, TOPICS[topic] ?? topic, kind && el("span", { class: "tag" }, kind)),
        el("span", { class: "note" }, text)));
    const rest = items.splice(3);
    const more = rest.length > 0 && el("details", { class: "figures" }, el("summary", {}, `${counted(rest.length, "more piece", "more pieces")} of advice`),
      el("ol", { class: "advice" }, rest));
    return [el("ol", { class: "advice" }, items), more, note].filter(Boolean);
  });
}

/** Shows how each part is; `silence` is told where the service says nothing more. */
export function showHealth(overview, silence) {
  const { health, tiers, bus, providers } = overview;
  setText(byId("health-as-of"), silence ? `as of ${time(overview.at_unix_ms)}` : "");
  const shown = [health, tiers.map((tier) => [tier.errors, tier.pending, tier.lost, tier.corrupt]), bus?.unproven,
    providers?.map((one) => [one.name, whyNotAsked(one)]), troubles(overview)];
  draw(byId("health-body"), shown, () => {
    const facts = health.tiers.map((tier) => {
      const figures = tiers.find((one) => one.name === tier.name);
      const kept = figures ? [figures.pending > 0 && `${counted(figures.pending, "write")} waiting`, figures.lost > 0 && `${counted(figures.lost, "write")} lost`,
        figures.corrupt > 0 && `${count(figures.corrupt)} unreadable`, figures.errors > 0 && `${counted(figures.errors, "call")} failed since the start`] : [];
      const note = [tier.error && `${tier.error}`, ...kept].filter(Boolean).join("; ");
      const isOpen = tier.error?.includes("breaker is open");
      const how = tier.healthy ? "works" : isOpen ? "breaker open" : "fails";
      return fact(tier.healthy ? (figures?.pending > 0 ? "warn" : "good") : "bad", source(tier.name), how, note);
    });
    if (health.bus) {
      const note = health.bus.error ?? (bus.unproven > 0 ? `memory was emptied ${counted(bus.unproven, "time")}, since messages may have been lost` : "");
      facts.push(fact(health.bus.healthy ? "good" : "bad", `Bus (${health.bus.name})`, health.bus.healthy ? "connected" : "not connected", note));
    }
    if (providers) {
      const out = providers.filter(whyNotAsked);
      const tone = out.length === 0 ? "good" : out.length < providers.length ? "warn" : "bad";
      const some = providers.length > 1;
      const how = out.length > 0 ? (some ? `${out.length} of ${providers.length} not asked` : "not asked") : some ? `all ${providers.length} can be asked` : "can be asked";
      facts.push(fact(tone, providers.length === 1 ? `Provider ${providers[0].name}` : "Providers", how, out.map((one) => `${some ? `${one.name}: ` : ""}${whyNotAsked(one)}`).join("; ")));
    }
    if (health.clock_ahead_ms) {
      facts.push(fact("warn", "Clock", `${millis(Math.abs(health.clock_ahead_ms))} ${health.clock_ahead_ms > 0 ? "ahead" : "behind"}`, "of the shared server's, whose time counts"));
    }
    return el("ul", { class: "facts" }, facts);
  });
}

/** Who answers reads, since the start: memory, the tiers and the loader. */
export function answerers({ traffic }) {
  const { since_start: all, answers } = traffic;
  const at = (name) => answers.find((from) => from.source === name);
  const late = at("memory")?.count ?? 0;
  const behind = answers.filter((from) => from.source !== "memory");
  const rows = [{ name: "memory", reads: all.memory_hits + late, waits: null },
    ...behind.filter((from) => from.source !== "loader").map((from) => ({ name: from.source, reads: from.count, waits: from })),
    { name: "loader", reads: at("loader")?.count ?? 0, waits: at("loader") ?? null }];
  if (all.failed > 0) rows.push({ name: "failed", reads: all.failed, waits: null });
  return rows.map((row) => ({ ...row, share: all.reads > 0 ? row.reads / all.reads : 0 }));
}

export function showSources(overview) {
  const rows = answerers(overview);
  draw(byId("sources-body"), rows, () => {
    const most = rows.toSorted((a, b) => b.reads - a.reads)[0];
    if (most.reads === 0) return el("p", { class: "quiet" }, "No reads yet.");
    const name = (row) => (row.name === "failed" ? "Failed" : source(row.name));
    const columns = [
      { title: "Source", class: "name-cell", cell: (row) => [el("span", { class: `swatch ${colour(row.name)}` }), name(row)] },
      { title: "Reads", num: true, cell: (row) => brief(row.reads) },
      { title: "Share", num: true, cell: (row) => percent(row.share) },
      { title: "Half wait", num: true, cell: (row) => (row.waits ? millis(row.waits.p50) : row.name === "memory" ? "none" : "–") },
      { title: "95 % wait", num: true, cell: (row) => (row.waits ? millis(row.waits.p95) : row.name === "memory" ? "none" : "–") },
    ];
    return [
      el("p", { class: "lookup-line" }, el("strong", {}, most.name === "failed" ? "Most reads fail" : `${name(most)} answers most`), `: ${percent(most.share)} of reads.`),
      bar(rows.map((row) => ({ share: row.share, class: colour(row.name) })), { class: "stack" }),
      table("Who answers reads", columns, rows),
    ];
  });
}

let chosenSource = "memory";

export function showMisses({ traffic }) {
  const { sources } = traffic;
  const select = byId("misses-source");
  draw(select, sources.map((one) => one.name), (names) => names.map((name) => el("option", { value: name, selected: name === chosenSource }, source(name))));
  select.onchange = () => {
    chosenSource = select.value;
    showMisses({ traffic });
  };
  const chosen = sources.find((one) => one.name === chosenSource) ?? sources[0];
  const causes = Object.entries(chosen?.misses ?? {}).sort(([, a], [, b]) => b - a);
  const total = causes.reduce((sum, [, n]) => sum + n, 0);
  const { reads } = traffic.since_start;
  draw(byId("misses-body"), [chosen?.name, causes, reads > 0], () => {
    if (reads === 0) return el("p", { class: "quiet" }, total > 0 ? `No reads yet; ${counted(total, "look-up")} ahead of reads, as of warming, found nothing.` : "No reads yet.");
    if (total === 0) return el("p", { class: "quiet" }, "Nothing was missed yet.");
    const lookups = total + chosen.hits + chosen.stale;
    const items = causes.map(([name, n]) => {
      const [title, what] = cause(name);
      return el("div", { class: "measure", "data-cause": name }, el("span", {}, el("span", { class: "what" }, title), el("span", { class: "quiet" }, what && ` – ${what}`)),
        el("span", { class: "num" }, `${brief(n)} · ${percent(n / total)}`), bar([{ share: n / total }]));
    });
    const [, , remedy] = cause(causes[0][0]);
    return [el("p", { class: "lookup-line quiet" }, `${counted(total, "miss", "misses")} of ${counted(lookups, "look-up")} since the start. To have fewer: ${remedy}.`), ...items];
  });
}

export function showSizes(overview) {
  const { memory, tiers, traffic } = overview;
  const rows = [{ name: "memory", used: memory.weight, budget: memory.budget, isBytes: memory.weighs_bytes, entries: memory.entries,
    note: [`policy ${memory.policy}`, memory.evicted_for_space > 0 && `${counted(memory.evicted_for_space, "entry", "entries")} evicted for want of room`,
      memory.protected > 0 && `${count(memory.protected)} protected`].filter(Boolean).join(", ") }];
  for (const tier of tiers) {
    const held = traffic?.tier_bytes.find((one) => one.name === tier.name);
    rows.push({ name: tier.name, used: held?.bytes ?? null, budget: held?.budget ?? null, isBytes: true, entries: held?.entries ?? null,
      note: held ? "" : "what it holds is its server's to tell" });
  }
  draw(byId("sizes-body"), rows, () => rows.map(({ name, used, budget, isBytes, entries, note }) => {
    const size = (n) => (isBytes ? bytes(n) : counted(n, "entry", "entries"));
    const share = budget > 0 && used !== null ? used / budget : null;
    const how = used === null ? "not told" : budget ? `${size(used)} of ${size(budget)} · ${percent(share)}` : size(used);
    const tone = share > 0.98 ? "warn" : "";
    const notes = [entries !== null && isBytes && counted(entries, "entry", "entries"), note].filter(Boolean).join("; ");
    return el("div", { class: "measure", "data-tier": name }, el("span", { class: "what" }, source(name)), el("span", { class: "num" }, how),
      share !== null && bar([{ share, class: `${colour(name)} ${tone}` }]), notes && el("span", { class: "note" }, notes));
  }));
}

export function showSavings({ traffic }) {
  const { since_start: all, money: paid, saved_by_warming: warmed } = traffic;
  const { by_cache, by_joining, by_batching, ahead } = all.saved;
  draw(byId("savings-body"), [all.calls, all.calls_saved, all.saved, paid, warmed, all.reads > 0], () => {
    if (all.reads === 0) return el("p", { class: "quiet" }, `No reads yet, so nothing is saved${all.calls > 0 ? `; ${counted(all.calls, "load")} made ahead` : ""}.`);
    const sum = (calls, spent) => [count(calls), paid ? money(spent) : null];
    const rows = [
      ["Answered from the cache", "reads that memory or a tier answered", ...sum(by_cache, paid?.by_cache)],
      ["Joined", "reads that waited for a load under way", ...sum(by_joining, paid?.by_joining)],
      ["Batched", "keys in loads beside the first", ...sum(by_batching, paid?.by_batching)],
      ["Loaded ahead", "refreshes and warming, which cost loads", ...sum(-ahead, paid && -paid.ahead)],
    ];
    if (warmed !== null) rows.push(["Of it by warming", "less the loads that it made", count(warmed), paid?.by_warming != null ? money(paid.by_warming) : paid ? "–" : null]);
    const columns = [{ title: "By", cell: ([name, what]) => [name, el("span", { class: "quiet" }, ` – ${what}`)] }, { title: "Loads", num: true, cell: (row) => row[2] }];
    if (paid) columns.push({ title: "Money (est.)", num: true, cell: (row) => row[3] ?? "–" });
    const line = `${counted(all.calls, "load")} made, ${count(all.calls_saved)} saved${paid ? `; ${money(paid.spent)} spent, about ${money(paid.saved)} saved` : ""}.`;
    return [el("p", { class: "lookup-line" }, line), table("Loads saved", columns, rows)];
  });
}

export function showFoot({ name, version, at_unix_ms, traffic }) {
  const since = traffic ? `; counting since ${new Date(traffic.from_unix_s * 1000).toLocaleString("en-GB")}, for ${span(at_unix_ms / 1000 - traffic.from_unix_s)}` : "";
  draw(byId("foot-text"), [name, version, since], () => `${name} ${version}${since}. What is an estimate is called one. Times are those of this browser.`);
}
