"use strict";
// What is shown, and who is told when that changes; curves from their packed form; colours of the current theme.

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const state = { cell: 0, variant: DATA.cells[0].default, codebook: "mean", clip: 0 };
const watchers = [];

function cellNow() { return DATA.cells[state.cell]; }
function variantNow() { return cellNow().variants[state.variant]; }

// Watchers get the names of what changed.
function watch(watcher) { watchers.push(watcher); }

function choose(changes) {
  const before = { ...state };
  Object.assign(state, changes);
  if (state.cell !== before.cell) {
    // The same variant and codebook where the other cell has them.
    const name = DATA.cells[before.cell].variants[before.variant].name;
    const same = cellNow().variants.findIndex((v) => v.name === name);
    state.variant = same >= 0 ? same : cellNow().default;
    if (state.codebook !== "mean" && state.codebook >= cellNow().codebooks) state.codebook = "mean";
    const clip = DATA.cells[before.cell].clips[before.clip];
    state.clip = Math.max(cellNow().clips.indexOf(clip), 0);
  }
  const changed = new Set(Object.keys(state).filter((key) => state[key] !== before[key]));
  if (state.cell !== before.cell) ["variant", "codebook", "clip"].forEach((key) => changed.add(key));
  if (changed.size) watchers.forEach((watcher) => watcher(changed));
}

function options(select, labels, values, chosen) {
  select.replaceChildren(...labels.map((label, i) => new Option(label, values[i])));
  select.value = chosen;
}

function fillChoices() {
  const cell = cellNow();
  const books = [...Array(cell.codebooks).keys()];
  document.querySelectorAll("select[data-choice]").forEach((select) => {
    const what = select.dataset.choice;
    if (what === "cell") select.value = state.cell;
    if (what === "variant") options(select, cell.variants.map((v) => v.label), cell.variants.map((_, i) => i), state.variant);
    if (what === "codebook") options(select, ["mean of all", ...books.map(String)], ["mean", ...books], state.codebook);
    if (what === "clip") options(select, cell.clips, cell.clips.map((_, i) => i), state.clip);
  });
}

function setUpChoices() {
  fillChoices();
  document.querySelectorAll("select[data-choice]").forEach((select) => {
    select.addEventListener("change", () => {
      const value = select.value === "mean" ? "mean" : Number(select.value);
      choose({ [select.dataset.choice]: value });
    });
  });
  watch((changed) => {
    if (changed.has("cell")) return fillChoices();
    document.querySelectorAll("select[data-choice]").forEach((select) => { select.value = state[select.dataset.choice]; });
    return undefined;
  });
}

// Rows of numbers, null where a curve has no value.
function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  const whole = new Int16Array(bytes.buffer);
  const [rows, frames] = packed.shape;
  const row = (r) => Array.from(whole.subarray(r * frames, (r + 1) * frames), (v) => (v === -32768 ? null : v * packed.scale));
  return Array.from({ length: rows }, (_, r) => row(r));
}

function meanOfRows(rows) {
  return rows[0].map((_, t) => (rows.some((row) => row[t] === null) ? null : rows.reduce((sum, row) => sum + row[t], 0) / rows.length));
}

function smooth(values, width) {
  const half = (width - 1) / 2;
  return values.map((value, t) => {
    if (value === null) return null;
    const near = values.slice(Math.max(t - half, 0), t + half + 1).filter((v) => v !== null);
    return near.reduce((sum, v) => sum + v, 0) / near.length;
  });
}

function difference(a, b) { return a.map((x, t) => (x === null || b[t] === null ? null : x - b[t])); }

// Text as the page writes numbers: a real minus sign, a plus for differences.
function number(value, signed = false) {
  if (value === null || value === undefined) return "–";
  if (value === 0 && signed) return "0";
  const text = Math.abs(value).toFixed(3);
  return (value < 0 ? "−" : signed ? "+" : "") + text;
}

const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

function theme() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(["ink", "soft", "line", "grid", "panel", "accent", "clean", "corrupted", "delta", "shade"].map((n) => [n, of(n)]));
}

function faded(color, alpha) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
}
