// What was told each second, as long as the page is shown: differences of counts that go on.

/** How many points are kept: ten minutes of seconds, of which the charts show five. */
const MAX_POINTS = 600;
/** How long no figures may come for the line to go on, in seconds: they come each second. */
const GAP_AFTER = 5;

/** Counts of a moment that go on since the start, from an overview. */
function counts({ traffic, providers }) {
  const { since_start: all, answers } = traffic;
  const totals = {
    reads: all.reads,
    hits: all.hits,
    failed: all.failed,
    loads: all.calls,
    saved: all.calls_saved,
    "by:memory": all.memory_hits,
  };
  if (providers) totals.calls = callsOf(providers);
  for (const from of answers) {
    totals[`by:${from.source}`] = (totals[`by:${from.source}`] ?? 0) + from.count;
    totals[`ms:${from.source}`] = from.waited_total_ms;
    totals[`n:${from.source}`] = from.count;
  }
  return totals;
}

/** The calls that were made from all providers together. */
export const callsOf = (providers) => providers.reduce((sum, one) => sum + one.calls, 0);

/** What follows from points that belong together: how long they took, and how much came. */
export function sums(points) {
  const add = (of) => points.reduce((sum, point) => sum + of(point), 0);
  return { seconds: add((point) => point.seconds), of: (name) => add((point) => point.more[name] ?? 0) };
}

/** The last minutes, a point a second. Between points with `more: null` and others nothing is known. */
export class History {
  constructor() {
    this.points = [];
    this.last = null;
  }

  /** Adds what came since the last overview. */
  add(overview) {
    if (!overview.traffic) return;
    const now = { at: overview.at_unix_ms / 1000, started: overview.traffic.from_unix_s, totals: counts(overview) };
    const last = this.last;
    if (last?.at === now.at) return;
    this.last = now;
    if (!last) return;
    // The clock of the service was set back: what was drawn lies ahead of it.
    if (now.at < last.at) this.points = [];
    // The service was started anew, or its counts were reset: there is nothing to compare with.
    const isAnew = last.started !== now.started || now.totals.reads < last.totals.reads || now.totals.calls < last.totals.calls;
    const seconds = now.at - last.at;
    // What came while nobody listened is known as a sum, and not when it came.
    if (isAnew || seconds > GAP_AFTER || seconds < 0) return this.interrupt((last.at + now.at) / 2);
    const more = {};
    for (const [name, total] of Object.entries(now.totals)) more[name] = total - (last.totals[name] ?? 0);
    this.push({ at: now.at, seconds, more });
  }

  /** Ends the line. */
  interrupt(at) {
    if (this.points.at(-1)?.more) this.push({ at, seconds: 0, more: null });
  }

  push(point) {
    this.points.push(point);
    if (this.points.length > MAX_POINTS) this.points.splice(0, this.points.length - MAX_POINTS);
  }

  /** The points of the last so many seconds. */
  since(seconds) {
    const from = (this.last?.at ?? 0) - seconds;
    return this.points.filter((point) => point.at > from);
  }

  /** The points of the last so many seconds up to a point, none of which lies before a gap. */
  unbroken(seconds, end = this.points.length - 1) {
    const from = (this.points[end]?.at ?? 0) - seconds;
    let begin = end + 1;
    while (begin > 0 && this.points[begin - 1].more && this.points[begin - 1].at > from) begin -= 1;
    return this.points.slice(begin, end + 1);
  }

  /** What came in the last so many seconds, a second. */
  rate(name, seconds) {
    const lately = sums(this.unbroken(seconds));
    return lately.seconds > 0 ? lately.of(name) / lately.seconds : null;
  }
}
