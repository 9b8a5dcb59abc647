// Keys: which there are, a page at a time; what is held of one; and which are read most.

import { get, keyPath } from "./api.js";
import { byId, draw, el, sign, table } from "./dom.js";
import { brief, bytes, moment, percent, span, time } from "./format.js";
import { STATES, cause, source } from "./words.js";

/** How many keys a page of the list has: few enough to be drawn at once. */
const PAGE = 50;

/** The panels of keys; `act` is called to change something of a key. */
export class Keys {
  constructor(act) {
    this.act = act;
    this.pages = [];
    byId("browse-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.pages = [];
      this.list(null);
    });
    byId("browse-next").addEventListener("click", () => this.list(this.next));
    byId("browse-back").addEventListener("click", () => {
      this.pages.splice(-2);
      this.list(this.before ?? null);
    });
    byId("lookup-form").addEventListener("submit", (event) => {
      event.preventDefault();
      // A key may end in a space.
      this.lookUp(byId("lookup-key").value);
    });
  }

  /** Lists the keys that match, from a place on. */
  async list(after) {
    const pattern = byId("browse-pattern").value.trim() || "*";
    const asked = (this.asked = {});
    const query = new URLSearchParams({ pattern, limit: PAGE, ...(after ? { after } : {}) });
    let page;
    try {
      page = await get(`cache/keys?${query}`);
    } catch (error) {
      byId("browse-body").replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
      return;
    }
    // Another list was asked for meanwhile.
    if (this.asked !== asked) return;
    this.pages.push(after);
    this.next = page.next;
    this.before = this.pages.at(-2) ?? null;
    const passed = page.passed_over.map((tier) => el("p", { class: "quiet" }, `${source(tier.name)} is left out: ${tier.error ?? "it can't list what it holds"}.`));
    const columns = [
      { title: "Key", class: "key", cell: ({ key }) => this.link(key) },
      { title: "Held by", class: "name-cell", cell: ({ places }) => places.filter((place) => place.held).map((place) => source(place.name)).join(", ") || "–" },
      { title: "Bytes", num: true, cell: ({ places }) => bytes(places.find((place) => place.entry)?.entry.bytes) },
      { title: "State", class: "name-cell", cell: (key) => stateOf(key) },
    ];
    const body = page.keys.length === 0 ? el("p", { class: "quiet" }, this.pages.length > 1 ? "There are no more." : `No key matches ${pattern}.`) : table("Keys", columns, page.keys);
    byId("browse-body").replaceChildren(body, ...passed);
    byId("browse-pages").hidden = this.pages.length === 1 && !this.next;
    byId("browse-next").disabled = !this.next;
    byId("browse-back").disabled = this.pages.length < 2;
    byId("browse-place").textContent = `page ${this.pages.length}, ${page.keys.length} keys`;
  }

  link(key) {
    return el("button", { type: "button", class: "button link", "data-focus": key, onclick: () => this.lookUp(key, true) }, key);
  }

  /** Shows what is held of a key. */
  async lookUp(key, jump) {
    if (!key) return;
    byId("lookup-key").value = key;
    const asked = (this.lookedUp = {});
    const body = byId("lookup-body");
    let told;
    try {
      told = await get(keyPath(key));
    } catch (error) {
      if (this.lookedUp !== asked) return;
      const miss = error.problem?.last_miss;
      body.replaceChildren(el("p", { class: error.status === 404 ? "quiet" : "error", role: "alert" }, error.message),
        ...(error.status === 404 ? [lastMiss(miss, Date.now())] : []));
      return;
    }
    if (this.lookedUp !== asked) return;
    body.replaceChildren(...this.report(told, Date.now()));
    if (jump) byId("lookup-h").scrollIntoView({ block: "nearest" });
  }

  report(told, now) {
    const held = told.places.filter((place) => place.held || place.error);
    const from = told.served_from ? `A read is answered by ${source(told.served_from)}.` : "No place can answer a read: it would be loaded.";
    const forHowLong = (ms) => (ms === undefined ? "without end" : span(ms / 1000));
    const columns = [
      { title: "Place", cell: (place) => source(place.name) },
      { title: "State", cell: (place) => (place.error ? `can't be asked: ${place.error}` : [sign(tone(place.entry)), ` ${STATES[place.entry.state] ?? place.entry.state}${place.entry.absent ? " (known to be absent)" : ""}`]) },
      { title: "Age", num: true, cell: ({ entry }) => (entry ? span((now - entry.born_unix_ms) / 1000) : "–") },
      { title: "Fresh for", num: true, cell: ({ entry }) => (entry ? (entry.state === "fresh" ? forHowLong(entry.fresh_for_ms) : "over") : "–") },
      { title: "Then stale for", num: true, cell: ({ entry }) => (entry ? forHowLong(entry.stale_for_ms) : "–") },
      { title: "Bytes", num: true, cell: ({ entry }) => (entry ? bytes(entry.bytes) : "–") },
    ];
    const tags = [...new Set(held.flatMap((place) => place.entry?.tags ?? []))];
    const nowhere = told.places.filter((place) => !place.held && !place.error).map((place) => source(place.name));
    return [
      el("p", { class: "key-name", id: "lookup-name" }, told.key),
      el("p", { class: "lookup-line" }, from, nowhere.length > 0 ? ` Not held by ${nowhere.join(", ")}.` : ""),
      table("Where the key is held", columns, held),
      lastMiss(told.last_miss, now),
      el("p", { class: "lookup-line quiet" }, tags.length > 0 ? ["Tags ", ...tags.map((tag) => [el("code", {}, tag), " "]).flat()] : "No tags.", ` Looked up at ${time(now)}.`),
      el("div", { class: "key-buttons" },
        el("button", { type: "button", class: "button", onclick: () => this.lookUp(told.key) }, "Look up again"),
        el("button", { type: "button", class: "button", onclick: () => this.act("keys", told.key, "soft") }, "Mark stale…"),
        el("button", { type: "button", class: "button danger", onclick: () => this.act("keys", told.key, "hard") }, "Invalidate…")),
    ];
  }

  showHot(hot) {
    draw(byId("hot-body"), hot, () => {
      if (hot.length === 0) return el("p", { class: "quiet" }, "Too little was read to tell.");
      return table("Keys read most", [
        { title: "Key", class: "key", cell: ({ key }) => this.link(key) },
        { title: "Share of reads", num: true, cell: (one) => `about ${percent(one.estimated_share)}` },
        { title: "Reads", num: true, cell: (one) => `about ${brief(one.estimated_reads)}` },
      ], hot.slice(0, 12));
    });
  }
}

const tone = (entry) => (entry.state === "fresh" ? "good" : entry.state === "stale" ? "warn" : "bad");

function stateOf({ served_from: from, places }) {
  const entry = (places.find((place) => place.name === from) ?? places.find((place) => place.entry))?.entry;
  if (!entry) return "–";
  const left = entry.state === "fresh" && entry.fresh_for_ms !== undefined ? `, ${span(entry.fresh_for_ms / 1000)}` : "";
  return `${(STATES[entry.state] ?? entry.state).split(":")[0]}${left}`;
}

function lastMiss(miss, now) {
  if (!miss) return el("p", { class: "lookup-line" }, "It was not missed in memory, as far as is remembered.");
  const [title, what] = cause(miss.cause);
  return el("p", { class: "lookup-line", id: "lookup-miss" }, "Last missed in memory at ", el("strong", {}, moment(miss.at_unix_ms, now)), `, ${span((now - miss.at_unix_ms) / 1000)} ago: `,
    el("strong", {}, title.toLowerCase()), what ? ` – ${what}.` : ".");
}
