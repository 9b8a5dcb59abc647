// Changes: each is counted first, confirmed by its counts, carried out, and listed with what came of it.

import { post } from "./api.js";
import { byId, draw, el } from "./dom.js";
import { count, counted, millis, time } from "./format.js";
import { source } from "./words.js";

/** How many changes the list keeps. */
const MAX_LISTED = 100;
/** How long an answer to a change is waited for, in milliseconds: it may go through all that is held. */
const LONG_WORK = 300_000;

const NAMES = { keys: "key", patterns: "pattern", kinds: "kind", tags: "tag", assets: "asset", users: "user" };
const EXAMPLES = { keys: "price:AAPL", patterns: "price:A*", kinds: "price", tags: "AAPL", assets: "AAPL", users: "17" };

/** What can be changed, and what was. */
export class Actions {
  /** `done` is called after each change. */
  constructor(done) {
    this.done = done;
    this.own = [];
    this.how = "hard";
    const what = byId("act-what");
    what.addEventListener("change", () => this.named());
    byId("act-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = byId("act-name").value;
      // A key may end in a space.
      const name = what.value === "patterns" ? typed.trim() : typed;
      if (what.value !== "all" && !name) return byId("act-name").focus();
      return this.change(what.value, name, event.submitter?.value === "soft" ? "soft" : "hard");
    });
    byId("warm-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.warm(byId("warm-strategy").value);
    });
  }

  /** Offers what the service can name. */
  offer({ selectors, warming }) {
    const whats = ["keys", "patterns", "tags", "kinds", ...selectors, "all"];
    draw(byId("act-what"), whats, () => whats.map((what) => el("option", { value: what }, what === "all" ? "everything" : (NAMES[what] ?? what))));
    this.named();
    const strategies = warming?.strategies.map((one) => one.name).filter((name) => name !== "fill") ?? [];
    byId("warm-form").hidden = strategies.length === 0;
    draw(byId("warm-strategy"), strategies, () => [el("option", { value: "" }, "all strategies"), ...strategies.map((name) => el("option", { value: name }, name))]);
  }

  named() {
    const what = byId("act-what").value;
    byId("act-name-label").hidden = what === "all";
    byId("act-name").placeholder = EXAMPLES[what] ?? "";
  }

  /** Invalidates or marks stale what is named: counted, confirmed, done, listed. */
  async change(what, name, mode) {
    const named = what === "all" ? { all: true } : { [what]: [name] };
    const said = what === "all" ? "everything" : `${NAMES[what] ?? what} ${name}`;
    const [verb, past] = mode === "soft" ? ["Mark stale", "marked stale"] : ["Invalidate", "invalidated"];
    let dry;
    try {
      dry = await post("cache/invalidate", { ...named, mode, dry_run: true }, LONG_WORK);
    } catch (error) {
      this.list(`${verb} ${said}: not counted, nothing was done. ${error.message}`, "bad");
      return;
    }
    if (dry.at_most === 0 && dry.complete) {
      this.list(`${verb} ${said}: nothing is held of it, so nothing was done.`, "good");
      return;
    }
    const effect = mode === "soft" ? "It is served as stale until a load brings it anew." : "It is gone from every place, on every node, and can't be brought back: the next reads load it anew.";
    const counts = el("ul", {}, places(dry.removed).map(([tier, n]) => el("li", {}, `${source(tier)}: ${counted(n, "value")}`)));
    const question = { body: [el("p", { id: "confirm-counts" }, `A dry run counts ${keysOf(dry)}:`), counts, el("p", { class: "quiet" }, effect)], danger: mode === "hard" };
    const yes = await confirmed(`${verb} ${said}?`, `${verb} ${keysOf(dry)}`, question);
    if (!yes) {
      this.list(`${verb} ${said}: left as it is (a dry run counted ${keysOf(dry)}).`, "good");
      return;
    }
    const request = { ...named, mode };
    this.own.push(JSON.stringify(request));
    try {
      const done = await post("cache/invalidate", request, LONG_WORK);
      this.list(`${capital(past)} ${said}: ${byTier(done)} (the dry run had counted ${byTier(dry)}).${yetToTake(done)}`, "good");
    } catch (error) {
      this.list(`${verb} ${said}: it may be done in part. ${error.message}`, "bad");
    }
    this.done();
  }

  /** Runs a strategy of warming, or all. */
  async warm(strategy) {
    const said = strategy || "all strategies";
    const body = [el("p", {}, "What is likely to be asked for is fetched now. That may call providers and count for their quotas.")];
    if (!(await confirmed(`Warm by ${said}?`, "Run now", { body }))) return;
    const request = strategy ? { strategy } : {};
    this.own.push(JSON.stringify({ strategy: strategy || null }));
    this.list(`Warming by ${said} runs …`, "good");
    try {
      const { results } = await post("cache/warming/trigger", request, LONG_WORK);
      for (const run of results) {
        const failed = run.failures > 0 ? `, ${count(run.failures)} failed` : "";
        const why = run.error ? ` (${run.error})` : "";
        this.list(`Warmed by ${run.strategy}: ${counted(run.items, "key")} picked, ${count(run.fetched)} fetched, ${count(run.fresh)} fresh already${failed}, ${counted(run.calls, "call")} in ${millis(run.duration_ms)}${why}.`, run.success ? "good" : "bad");
      }
    } catch (error) {
      this.list(`Warm by ${said}: ${error.message}`, "bad");
    }
    this.done();
  }

  /** Lists a change that was made elsewhere; those of this page are listed with their outcome already. */
  heard({ action, request, outcome }) {
    const at = this.own.indexOf(JSON.stringify(request));
    if (at >= 0) {
      this.own.splice(at, 1);
      return;
    }
    const told = action === "invalidate" ? byTier(outcome) : "";
    this.list(`Elsewhere: ${action} ${JSON.stringify(request)}${told ? `: ${told}` : ""}.`, "good");
  }

  /** Lists that changes were told faster than this page took them. */
  missed(changes) {
    this.list(`Elsewhere: ${counted(changes, "change")} of which nothing more is known here.`, "bad");
  }

  list(text, tone) {
    const log = byId("log");
    if (!this.listed) log.replaceChildren();
    this.listed = true;
    const now = Date.now();
    log.prepend(el("li", { "data-tone": tone }, el("time", { datetime: new Date(now).toISOString() }, time(now)), el("span", { class: tone === "bad" ? "state-bad" : undefined }, text)));
    while (log.children.length > MAX_LISTED) log.lastElementChild.remove();
  }
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** How many keys that are: "3 keys", "at least 14 keys and at most 28". */
function keysOf({ at_least: least, at_most: most, complete }) {
  const told = least === most ? counted(least, "key") : `${count(least)} to ${counted(most, "key")}`;
  return complete ? told : `at least ${counted(least, "key")}, and maybe more`;
}

const byTier = ({ removed, complete }) =>
  `${places(removed).map(([tier, n]) => `${count(n)} in ${source(tier)}`).join(", ")}${complete ? "" : ", not all of it counted"}`;

/** What tiers have yet to take, such as one whose disk is full. */
const yetToTake = ({ pending }) =>
  Object.entries(pending).map(([tier, n]) => ` ${source(tier)} has yet to take ${counted(n, "write")}, and is asked again until it has.`).join("");

/** Memory and the tiers with their counts, memory first. */
const places = (removed) => Object.entries(removed).sort(([a], [b]) => (b === "memory") - (a === "memory"));

/** Asks in a dialog; the button says what it does. */
function confirmed(title, yes, { body, danger }) {
  const dialog = byId("confirm");
  byId("confirm-h").textContent = title;
  byId("confirm-body").replaceChildren(...body);
  const button = byId("confirm-yes");
  button.textContent = yes;
  button.classList.toggle("danger", Boolean(danger));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
