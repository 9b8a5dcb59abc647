// The stream of figures. It is read by fetch, not by EventSource, which can't send a token in a header.

import { headers, url } from "./api.js";
import { span, time } from "./format.js";

/** How long no figures may come before that is said, in milliseconds: they come each second. */
const SLOW_AFTER = 5000;
/** How long before the connection is given up and opened anew. */
const DEAD_AFTER = 20_000;
const FIRST_PAUSE = 500;
const MAX_PAUSE = 8000;

/**
 * Listens to the service for as long as the page is shown. A hidden page lets its stream go: a browser keeps six
 * connections to a service at most, all its tabs together.
 */
export class Connection {
  /** `on` has `figures`, `change`, `missed` and `state`. */
  constructor(on) {
    this.on = on;
    this.pause = FIRST_PAUSE;
    this.heard = null;
    this.state = "connecting";
    this.why = "";
    this.retryAt = null;
    setInterval(() => this.look(), 1000);
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pauseWhileHidden() : this.retry()));
    this.run();
  }

  /** Opens the stream anew, as after another token was given; once the page is shown, if it is hidden. */
  reopen() {
    this.reopening = true;
    this.abort?.abort();
    this.retry();
  }

  retry() {
    this.wake?.();
  }

  pauseWhileHidden() {
    this.lostAt = null;
    this.pause = FIRST_PAUSE;
    this.reopen();
  }

  async run() {
    for (;;) {
      if (document.hidden) {
        this.state = "paused";
        this.tell();
        await new Promise((resolve) => {
          this.wake = resolve;
        });
        continue;
      }
      if (this.state === "paused") {
        this.state = "connecting";
        this.tell();
      }
      try {
        await this.listen();
        this.lost("it closed the connection");
      } catch (error) {
        if (this.reopening) {
          this.reopening = false;
          continue;
        }
        this.lost(error.name === "AbortError" ? this.why : (error.told ?? "it can't be reached"));
      }
      this.retryAt = Date.now() + this.pause;
      this.tell();
      await new Promise((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, this.pause);
      });
      this.reopening = false;
      this.pause = Math.min(this.pause * 2, MAX_PAUSE);
      this.retryAt = null;
    }
  }

  lost(why) {
    this.why = why;
    this.state = "gone";
    // What was heard before the page was hidden says nothing of when the service went.
    this.lostAt ??= this.heard >= this.opened ? this.heard : Date.now();
  }

  async listen() {
    this.abort = new AbortController();
    this.opened = Date.now();
    const asked = { headers: headers({ accept: "text/event-stream" }), cache: "no-store", signal: this.abort.signal };
    const response = await fetch(url("cache/events?overview=true"), asked);
    if (!response.ok) {
      const problem = await response.json().catch(() => ({}));
      throw Object.assign(new Error("refused"), { told: problem.detail ?? `it answered ${response.status}` });
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      // Of several figures that came at once the last is shown: a slow line is not kept busy with old ones.
      const parsed = events.map(parse);
      const last = parsed.findLastIndex((event) => event.name === "overview");
      parsed.forEach((event, at) => {
        if (event.name === "overview" && at === last) this.came(JSON.parse(event.data));
        if (event.name === "change") this.on.change(JSON.parse(event.data));
        if (event.name === "missed") this.on.missed(JSON.parse(event.data));
      });
    }
  }

  came(overview) {
    this.heard = Date.now();
    this.pause = FIRST_PAUSE;
    this.lostAt = null;
    this.state = "live";
    this.on.figures(overview);
    this.tell();
  }

  /** Says so if no figures come, and gives a dead connection up. */
  look() {
    if (this.state === "paused") return;
    const silent = Date.now() - Math.max(this.heard ?? 0, this.opened ?? 0);
    if (this.state === "live" && silent > SLOW_AFTER) this.state = "slow";
    if (this.retryAt === null && silent > DEAD_AFTER) {
      this.why = `nothing came for ${span(silent / 1000)}: it hangs, or the browser keeps too many connections to it open`;
      this.abort?.abort();
    }
    this.tell();
  }

  tell() {
    this.on.state({ state: this.state, text: this.text(), lostAt: this.lostAt, heard: this.heard });
  }

  text() {
    switch (this.state) {
      case "live": return "Live";
      case "slow": return `No figures since ${time(this.heard)}: the line is slow, or the service hangs`;
      case "gone": return `Service gone since ${time(this.lostAt)} (${this.why}); trying again`;
      case "paused": return "Paused while this page is hidden";
      default: return "Connecting";
    }
  }
}

function parse(block) {
  let [name, data] = ["message", ""];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data += line.slice(5).trimStart();
  }
  return { name, data };
}
