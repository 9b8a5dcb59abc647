// Elements made of texts. Nothing here reads markup: what a key or an error holds is text.

/** Makes an element: attributes by name, `on...` listeners, and children that are texts or elements. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text, if it is another one: what does not change is not painted anew. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const drawn = new WeakMap();

/**
 * Draws a part of the page anew if what it is made of changed. The figures come each second, and most parts stay
 * as they are: so the focus, the selection and the place of a reader stay, too.
 */
export function draw(node, data, make) {
  const made = JSON.stringify(data);
  if (drawn.get(node) === made) return;
  drawn.set(node, made);
  const held = node.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  node.replaceChildren(...[make(data)].flat());
  if (held) [...node.querySelectorAll("[data-focus]")].find((it) => it.dataset.focus === held)?.focus();
}

/** A table: columns have a title, `num` for figures, and what is in a cell, a text or an element. */
export function table(label, columns, rows) {
  const head = columns.map((column) => el("th", { scope: "col", class: column.num && "num" }, column.title));
  const body = rows.map((row) =>
    el("tr", {}, columns.map((column, at) => {
      const cell = column.cell(row);
      const cls = [column.num && "num", column.class].filter(Boolean).join(" ") || undefined;
      return at === 0 ? el("th", { scope: "row", class: cls }, cell) : el("td", { class: cls }, cell);
    })));
  const made = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, made);
}

/** A bar whose parts are shares of it. */
export function bar(parts, attributes = {}) {
  const made = el("div", { "aria-hidden": "true", ...attributes, class: `bar ${attributes.class ?? ""}` });
  for (const { share, class: name } of parts) {
    const part = el("i", { class: name });
    part.style.width = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%`;
    made.append(part);
  }
  return made;
}

const SIGNS = { good: "✓", warn: "!", bad: "✕" };

/** A sign that says by form and colour how something is, beside a text that says it in words. */
export const sign = (tone) => el("span", { class: `sign ${tone}`, "aria-hidden": "true" }, SIGNS[tone]);

/** A fact with a sign: what, how it is, and a note. */
export const fact = (tone, what, how, note) =>
  el("li", {}, sign(tone), el("span", { class: "what" }, what), el("span", { class: `state-${tone}` }, how),
    note && el("span", { class: "note" }, note));

/** The colour class of a tier. */
export const colour = (source) =>
  ["memory", "disk", "redis", "postgres", "loader", "failed"].includes(source) ? `c-${source}` : "c-other";

/** Loads a script's promise of an idle moment, so that long work is cut into pieces. */
export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
