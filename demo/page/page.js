// The search page's script: asks as one types, shows what comes back, and keeps an eye on how new the index is.
// Text from the index only ever becomes text nodes: nothing in it can be read as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const MARK = ["\ue000", "\ue001"];
const FACETS = { release: "Release", kind: "Describes", folder: "Part", version: "Version notes" };
const state = { q: "", release: "", kind: "", folder: "", version: "", from: 0 };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Splits text at the marks of the highlighter into text and <mark>. */
function marked(text) {
  return text.split(MARK[0]).flatMap((part, at) => {
    if (at === 0) return [part];
    const [match, rest = ""] = part.split(MARK[1]);
    return [element("mark", {}, match), rest];
  });
}

const number = (value) => Number(value).toLocaleString("en");

function ago(ms) {
  const seconds = ms / 1000;
  if (seconds < 2) return "just now";
  if (seconds < 100) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

// ── Search ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

let pending = null; // the request under way; a newer one cuts it short

async function search() {
  pending?.abort();
  const mine = (pending = new AbortController());
  const chosen = Object.entries(state).filter(([, value]) => value);
  history.replaceState(null, "", chosen.length ? `?${new URLSearchParams(chosen)}` : "/");
  const start = performance.now();
  try {
    const response = await fetch(`/search?${new URLSearchParams(chosen)}`, { signal: mine.signal });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    show(answer, performance.now() - start);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("hits").replaceChildren(element("li", { class: "empty" }, "No answer yet. ", String(error.message)));
    $("summary").replaceChildren();
    $("pages").replaceChildren();
    setTimeout(() => mine === pending && search(), 2000);
  }
}

function show(answer, elapsed) {
  const times = `${answer.took_ms} ms in Elasticsearch, ${Math.round(elapsed)} ms to here`;
  const what = state.q ? `${number(answer.total)} sections` : "Newest changes first";
  $("summary").replaceChildren(`${what} · ${times}`);
  $("facets").replaceChildren(...Object.entries(FACETS).flatMap(([name, title]) => facet(name, title, answer.facets[name] ?? [])));
  const nothing = element("li", { class: "empty" }, "Nothing here. Fewer words, or another facet?");
  $("hits").replaceChildren(...(answer.hits.length ? answer.hits.map(hit) : [nothing]));
  pages(answer);
}

function facet(name, title, values) {
  if (state[name] && !values.some((entry) => entry.value === state[name])) values.push({ value: state[name], count: 0 });
  if (!values.length) return [];
  const entries = values.map(({ value, count }) => {
    const choose = () => Object.assign(state, { [name]: state[name] === value ? "" : value, from: 0 }) && search();
    const pressed = String(state[name] === value);
    return element("button", { class: "facet", type: "button", "aria-pressed": pressed, onclick: choose }, element("span", {}, value), element("span", {}, number(count)));
  });
  return [element("h2", {}, title), element("div", { class: "values", role: "group", "aria-label": title }, ...entries)];
}

function hit(found) {
  const { document: page } = found;
  const above = [...new Set(found.breadcrumb?.length ? [page?.title, ...found.breadcrumb] : [])].filter(Boolean); // the top of a page bears its title
  const crumbs = [element("span", {}, page?.path?.split("/")[0] ?? ""), ...above.map((title) => element("span", {}, title))];
  const title = element("button", { type: "button", "aria-expanded": "false", onclick: () => unfold(found, card, title) }, ...marked(found.title));
  const card = element("li", { class: "hit" },
    element("span", { class: "tag" }, page?.release?.series ?? ""),
    element("p", { class: "crumbs" }, ...crumbs),
    element("h3", {}, title),
    found.excerpt ? element("p", { class: "excerpt" }, ...found.excerpt.flatMap((part, at) => [at ? " … " : "", ...marked(part)])) : null,
    chips(found),
    links(found.linked_from ?? []));
  return card;
}

function chips({ objects, notes }) {
  const words = { added: "new in", changed: "changed in", deprecated: "deprecated in" };
  const described = (objects ?? []).slice(0, 6).map(({ kind, name }) => element("li", {}, element("b", {}, kind), element("code", {}, name)));
  const more = objects?.length > 6 ? [element("li", { class: "note" }, `and ${objects.length - 6} more`)] : [];
  const versions = [...new Set((notes ?? []).map(({ kind, version }) => `${words[kind] ?? kind} ${version}`))];
  const all = [...described, ...more, ...versions.map((text) => element("li", { class: "note" }, text))];
  return all.length ? element("ul", { class: "chips" }, ...all) : null;
}

function links(titles) {
  const distinct = [...new Set(titles)];
  if (!distinct.length) return null;
  const count = titles.length >= 50 ? `${distinct.length} or more sections` : distinct.length === 1 ? "1 section" : `${distinct.length} sections`;
  return element("details", { class: "links" }, element("summary", {}, `Referred to by ${count}`), element("ul", {}, ...distinct.map((title) => element("li", {}, title))));
}

async function unfold(found, card, button) {
  const open = card.querySelector(".full");
  button.setAttribute("aria-expanded", String(!open));
  if (open) return open.remove();
  const { body } = await (await fetch(`/section/${encodeURIComponent(found.id)}`)).json();
  card.append(element("div", { class: "full", tabindex: "0" }, body || "No text of its own."));
}

function pages({ total, page_size: size }) {
  const turn = (label, from) => element("button", { type: "button", onclick: () => { state.from = from; search(); scrollTo({ top: 0 }); } }, label);
  const before = state.from > 0 ? [turn("← Before", Math.max(0, state.from - size))] : [];
  const more = state.from + size < Math.min(total, 500) ? [turn("More →", state.from + size)] : [];
  $("pages").replaceChildren(...before, ...more);
}

// ── How new the index is ──────────────────────────────────────────────────────────────────────────────────────────────────

let newest = null;

async function pulse() {
  try {
    const response = await fetch("/pulse");
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    const fresh = answer.age_ms !== null && answer.age_ms < 5000;
    $("pulse").className = `pulse live${fresh ? " fresh" : ""}`;
    const age = answer.age_ms === null ? "nothing yet" : ago(answer.age_ms);
    $("pulse-text").replaceChildren("newest change ", element("strong", {}, age), ` · ${number(answer.documents)} documents`);
    tide(answer.releases);
    const title = JSON.stringify(answer.newest);
    if (newest !== null && title !== newest && !state.q && state.from === 0 && !document.querySelector(".full")) search();
    newest = title;
  } catch {
    $("pulse").className = "pulse away";
    $("pulse-text").replaceChildren("the index does not answer");
  }
  setTimeout(pulse, 1000);
}

function tide(releases) {
  const bar = $("tide");
  while (bar.children.length < releases.length) bar.append(element("span"));
  while (bar.children.length > releases.length) bar.lastChild.remove();
  releases.forEach(({ count }, at) => { bar.children[at].style.flexGrow = count; });
  $("tide-text").replaceChildren(...releases.map(({ series, count }) => element("span", { class: "key" }, `Django ${series}: ${number(count)} sections`)));
}

// ── Lines to paste, and the keyboard ──────────────────────────────────────────────────────────────────────────────────────

async function lines() {
  const all = await (await fetch("/console")).json();
  $("lines").replaceChildren(...all.map(({ what, line }) => {
    const copy = element("button", { type: "button", onclick: async () => { await navigator.clipboard.writeText(line); copy.textContent = "copied"; } }, "copy");
    return element("div", { class: "line" }, element("p", {}, what, copy), element("pre", {}, line));
  }));
}

let typing = 0;
$("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { Object.assign(state, { q: $("q").value, from: 0 }); search(); }, 60);
});
$("form").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== $("q")) { event.preventDefault(); $("q").select(); }
});

for (const [name, value] of new URLSearchParams(location.search)) if (name in state) state[name] = name === "from" ? Number(value) : value;
$("q").value = state.q;
search();
pulse();
lines();
