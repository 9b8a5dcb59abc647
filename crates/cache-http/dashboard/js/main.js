// The page: it listens to the service, and shows each part of what it tells.

import { Actions } from "./actions.js";
import { get, hasToken, setToken } from "./api.js";
import { Charts } from "./charts.js";
import { Connection } from "./connection.js";
import { byId, nextFrame, setText } from "./dom.js";
import { time } from "./format.js";
import { History } from "./history.js";
import { Keys } from "./keys.js";
import { showAdvice, showFoot, showHealth, showMisses, showSavings, showSizes, showSources } from "./panels.js";
import { adviceOn, showState } from "./state.js";
import { showKinds, showMarkets, showProviders, showWarming } from "./surroundings.js";
import { callLoaders } from "./words.js";

const history = new History();
const charts = new Charts(byId);
const actions = new Actions(() => byId("lookup-name") && keys.lookUp(byId("lookup-name").textContent));
const keys = new Keys((what, name, mode) => actions.change(what, name, mode));

let latest = null;
let drawing = false;
let tried = null;
/** What is said of a service that tells nothing more; null while it does. */
let silence = null;
/** Whether it was asked why the token that was given opens nothing. */
let asksWhy = false;

/** Draws the latest figures, a part in each frame, so that none takes long. */
async function show() {
  if (drawing || !latest) return;
  drawing = true;
  const [overview, said] = [latest, silence];
  const { traffic } = overview;
  callLoaders(overview.providers);
  for (const part of document.querySelectorAll("[data-needs]")) part.hidden = !overview[part.dataset.needs];
  const parts = [
    () => showState({ line: byId("state-line"), more: byId("state-more"), tiles: byId("tiles") }, overview, history, silence),
    () => traffic && showAdvice(adviceOn({ ...traffic, ...tried }), traffic.since_start.reads, tried?.note),
    () => byId("advice").toggleAttribute("hidden", !traffic),
    () => showHealth(overview, silence),
    ...(traffic ? charts.parts(history, overview) : []),
    () => traffic && showSources(overview),
    () => traffic && showMisses(overview),
    () => showSizes(overview),
    () => overview.providers && showProviders(overview),
    () => traffic && showSavings(overview),
    () => traffic && showKinds(overview),
    () => overview.warming && showWarming(overview),
    () => overview.markets && showMarkets(overview),
    () => showAccess(overview),
    () => showFoot(overview),
  ];
  for (const part of parts) {
    part();
    await nextFrame();
  }
  setText(byId("brand-name"), overview.name);
  setText(byId("brand-version"), overview.version);
  if (connection.state !== "gone") document.title = `${overview.name} – ${overview.health.status}`;
  document.body.dataset.shown = String(overview.at_unix_ms);
  drawing = false;
  if (latest !== overview || silence !== said) show();
}

/** Shows keys and changes to those who may have them. */
function showAccess(overview) {
  const may = overview.may_change;
  byId("keys-locked").hidden = may;
  byId("keys-open").hidden = !may;
  byId("advice-try").hidden = !may || !overview.traffic;
  const label = hasToken() ? (may ? "Token accepted" : "Token refused") : may ? "Local access" : "Enter token";
  setText(byId("access"), label);
  if (may || !hasToken()) byId("refusal").hidden = true;
  else tellWhyRefused();
  if (!may) return;
  keys.showHot(overview.hot_keys ?? []);
  actions.offer(overview);
}

/** Has the service say why the token opens nothing: that it is another one, or that none is configured. */
async function tellWhyRefused() {
  if (asksWhy) return;
  asksWhy = true;
  try {
    await get("cache/keys?limit=1");
  } catch (error) {
    asksWhy = error.status !== undefined;
    if (!asksWhy) return;
    setText(byId("refusal"), `The token was refused: ${error.message}`);
    byId("refusal").hidden = !hasToken();
  }
}

const connection = new Connection({
  figures(overview) {
    latest = overview;
    history.add(overview);
    // Who looks elsewhere needs no picture; the history goes on.
    if (!document.hidden) show();
  },
  change: (change) => actions.heard(change),
  missed: ({ changes }) => actions.missed(changes),
  state({ state, text, lostAt, heard }) {
    document.body.dataset.connection = state;
    byId("connection").dataset.state = state;
    setText(byId("connection-text"), text);
    if (state === "gone") document.title = "Service gone";
    const before = silence;
    silence = state === "gone" ? `The service has not answered since ${time(lostAt)}.` : state === "slow" ? `No figures since ${time(heard)}.` : null;
    if (silence && !latest) setText(byId("state-line"), silence);
    if (silence !== before) show();
  },
});

document.addEventListener("visibilitychange", () => document.hidden || show());

for (const button of document.querySelectorAll("[data-jump]")) {
  button.addEventListener("click", () => {
    const target = byId(button.dataset.jump);
    target.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  });
}

for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    charts.span = button.dataset.span;
    for (const other of document.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", String(other === button));
    show();
  });
}

byId("advice-try").addEventListener("click", async ({ currentTarget: button }) => {
  button.disabled = true;
  try {
    const report = await get("cache/report");
    const note = report.trials?.keys > 0 ? `Tried on a sample of ${report.trials.keys} keys and ${report.trials.reads} reads, as of this moment.` : "Too little was sampled to try other settings.";
    tried = { advice: report.advice, note };
  } catch (error) {
    tried = { advice: latest.traffic.advice, note: `Other settings could not be tried: ${error.message}` };
  }
  button.disabled = false;
  show();
});

const tokenDialog = byId("token-dialog");
for (const id of ["access", "keys-access"]) {
  byId(id).addEventListener("click", () => {
    byId("token-input").value = "";
    byId("token-forget").hidden = !hasToken();
    tokenDialog.returnValue = "";
    tokenDialog.showModal();
  });
}
byId("token-forget").addEventListener("click", () => tokenDialog.close("forget"));
byId("token-cancel").addEventListener("click", () => tokenDialog.close("no"));
tokenDialog.addEventListener("close", () => {
  const token = byId("token-input").value.trim();
  byId("token-input").value = "";
  if (tokenDialog.returnValue === "yes" && token) setToken(token, byId("token-keep").checked);
  else if (tokenDialog.returnValue === "forget") setToken(null);
  else return;
  byId("refusal").hidden = true;
  asksWhy = false;
  connection.reopen();
});
