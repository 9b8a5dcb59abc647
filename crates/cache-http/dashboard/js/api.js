// Requests to the service: below whatever path the page lies, with the token in a header.

import { span } from "./format.js";

/** The root of the service's paths: the scripts lie in dashboard/js/ below it. */
const ROOT = new URL("../../", import.meta.url);

/** How long an answer is waited for, in milliseconds, unless the work is known to be long. */
const PATIENCE = 20_000;

const KEPT = "cache-dashboard-token";
let token = sessionStorage.getItem(KEPT);

export const url = (path) => new URL(path, ROOT);

export const hasToken = () => token !== null;

/** Takes a token, or forgets it (`null`). It is in memory alone, unless it is to be kept in this tab. */
export function setToken(text, keep) {
  token = text;
  if (text !== null && keep) sessionStorage.setItem(KEPT, text);
  else sessionStorage.removeItem(KEPT);
}

/** The headers of a request. */
export const headers = (more = {}) => (token === null ? more : { ...more, authorization: `Bearer ${token}` });

/** What the service refused or failed at, in its own words. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the service answered with status ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

async function send(path, patience, options) {
  const signal = AbortSignal.timeout(patience);
  const failed = (other) => {
    if (signal.aborted) throw new Error(`no answer within ${span(patience / 1000)}: the service is slow, or the browser keeps too many connections to it open`);
    return other();
  };
  const response = await fetch(url(path), { cache: "no-store", credentials: "same-origin", signal, ...options }).catch(() =>
    failed(() => {
      throw new Error("the service can't be reached");
    }));
  const body = await response.json().catch(() => failed(() => ({})));
  if (!response.ok) throw new Refused(response.status, body);
  return body;
}

export const get = (path) => send(path, PATIENCE, { headers: headers({ accept: "application/json" }) });

export const post = (path, body, patience = PATIENCE) =>
  send(path, patience, { method: "POST", headers: headers({ "content-type": "application/json" }), body: JSON.stringify(body) });

/** A key as a part of a path: each byte that a path can't hold is escaped, and the slashes of the key are. */
export const keyPath = (key) => `cache/keys/${encodeURIComponent(key)}`;
