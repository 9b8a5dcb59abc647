// What the words of the figures mean, in a sentence for people, and what to do.

/** Why reads miss: a name, what it means, and what helps. */
export const CAUSES = {
  never_there: ["Never there", "asked for the first time, as far as is remembered", "fetch beforehand what is likely to be asked for"],
  expired: ["Expired", "past its life and its grace", "let values live longer, or refresh them before their lives end"],
  stale: ["Stale", "past its life, and a fresh value was waited for", "refresh values before their lives end"],
  evicted: ["Evicted", "gave way to others for want of room", "give memory more room"],
  invalidated: ["Invalidated", "was removed, or its tag or kind was ended", "invalidate less at once, or mark stale instead"],
  replaced: ["Replaced", "a newer value came to another tier", "expected with several nodes"],
  refused: ["Refused", "too large to be stored", "allow larger values, or store smaller ones"],
  unproven: ["Unproven", "messages of other nodes may have been missed", "look into the bus between the nodes"],
  unreadable: ["Unreadable", "could not be read back", "look into the codec and the schema version"],
  inputs_changed: ["Inputs changed", "was computed from values that have changed", "expected of computed kinds"],
  too_old: ["Too old for the call", "younger was asked for than was there", "let calls take older values"],
  not_asked: ["Not asked", "was not looked for there", "expected where a tier is passed over"],
};

export const cause = (name) => CAUSES[name] ?? [name.replaceAll("_", " "), "", ""];

/** What advice is about. */
export const TOPICS = {
  hit_rate: "Few reads are hits",
  waits: "Some reads wait long",
  memory_too_small: "Memory is too small",
  life_too_short: "Values could live longer",
  life_too_long: "Values live too long",
  source_fails: "Loads fail",
  hit_rate_unusual: "The hit rate is unusual",
  pollution: "Memory holds what nobody reads again",
  warming_costs: "Warming costs more than it saves",
  provider_refuses: "A provider is not asked",
};

/** Names of markets by their code. */
export const MARKETS = {
  US: "United States", XNYS: "New York (NYSE)", XNAS: "Nasdaq", XLON: "London", XTKS: "Tokyo", XHKG: "Hong Kong",
  XETR: "Xetra", XFRA: "Frankfurt", XPAR: "Paris", XTSE: "Toronto", XASX: "Sydney", XNSE: "India (NSE)",
  XBOM: "India (BSE)", XSHG: "Shanghai", CMES: "CME Globex", FX: "Foreign exchange", CRYPTO: "Crypto", "24X5": "Weekdays (24/5)",
};

/** What a read makes of an entry. */
export const STATES = {
  fresh: "fresh", stale: "stale, in grace", replaced: "replaced by a newer value", expired: "expired",
  cleared: "ended: its kind or the cache was cleared", tag_invalidated: "ended: its tag was invalidated",
  removed: "removed", unproven: "unproven: messages may have been missed", born_ahead: "born ahead of the clock",
  not_asked: "held, and not asked now",
};

/** The name of whoever answers. */
export const SOURCES = { memory: "Memory", disk: "Disk", redis: "Redis", postgres: "PostgreSQL", loader: "Loader" };

export const source = (name) => SOURCES[name] ?? name;

/** Where providers are told of, they are what the loader asks. */
export function callLoaders(providers) {
  SOURCES.loader = providers ? "Providers" : "Loader";
}
