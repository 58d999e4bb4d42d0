// Listening: the list of clips, the chosen clip's curve and spectrograms, and a cursor that follows the audio.

const parsed = new Map();
let active = null; // the audio element that the cursor follows
let ticking = false;

// A cell's clips: curves, addresses of audio and pictures, numbers of each variant.
function listenData(cell = state.cell) {
  if (!parsed.has(cell)) parsed.set(cell, JSON.parse($(`listen-${cell}`).textContent));
  return parsed.get(cell);
}

const clipNow = () => listenData().clips[state.clip];
const kindOf = (audio) => audio.dataset.kind;
const deck = (kind) => $(`${kind}-audio`);

function list() { return document.querySelector(`.clip-list[data-cell="${state.cell}"]`); }

// Lists of other cells wait as text in noscript, so that they cost nothing until they are asked for.
function showList() {
  if (!list()) {
    const waiting = document.querySelector(`noscript[data-cell="${state.cell}"]`);
    const made = document.createElement("div");
    made.className = "clip-list";
    made.dataset.cell = state.cell;
    made.innerHTML = waiting.textContent;
    waiting.replaceWith(made);
    prepare(made);
  }
  document.querySelectorAll(".clip-list").forEach((own) => { own.hidden = own !== list(); });
}

function prepare(own) {
  own.querySelectorAll("table.sortable").forEach((table) => { if (!table.querySelector(".sort")) makeSortable(table); });
  const cell = Number(own.dataset.cell), clips = listenData(cell).clips;
  own.querySelectorAll("tr[data-clip]").forEach((row) => {
    const clip = clips[row.dataset.clip];
    row.querySelectorAll("audio[src]").forEach((audio) => {
      // The default variant's audio is in the list alone, not twice in the page.
      clip.audio[kindOf(audio) === "clean" ? 0 : DATA.cells[cell].default + 1] ??= audio.getAttribute("src");
    });
    row.querySelector(".pick").addEventListener("click", () => choose({ clip: Number(row.dataset.clip) }));
  });
}

function setSource(audio, address) {
  if ((audio.getAttribute("src") ?? "") === (address ?? "")) return;
  const { currentTime, paused } = audio;
  if (!address) {
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    return;
  }
  audio.src = address;
  if (!paused) { audio.currentTime = currentTime; start(audio); }
}

// A pause may come before it has begun to play, which is no error.
function start(audio) {
  audio.play().catch((error) => { if (error.name !== "AbortError") throw error; });
}

// Numbers and corrupted audio of the chosen variant in every row.
function showVariant() {
  const clips = listenData().clips;
  list().querySelectorAll("tr[data-clip]").forEach((row) => {
    const clip = clips[row.dataset.clip], own = clip.rows[state.variant];
    const set = (name, value, signed) => {
      const cell = row.querySelector(name);
      cell.dataset.value = value ?? "";
      cell.textContent = number(value, signed);
    };
    set(".corrupted-nll", own ? own.nll : null, false);
    set(".delta", own ? own.delta : null, true);
    const audio = row.querySelector("audio[data-kind=corrupted]");
    if (audio) setSource(audio, clip.audio[state.variant + 1]);
  });
}

function showClip() {
  const clip = clipNow(), variant = variantNow();
  list().querySelectorAll("tr[data-clip]").forEach((row) => {
    if (Number(row.dataset.clip) === state.clip) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  });
  $("clip-title").textContent = cellNow().clips[state.clip];
  $("deck-corrupted").textContent = "Corrupted";
  setSource(deck("clean"), clip.audio[0]);
  setSource(deck("corrupted"), clip.audio[state.variant + 1]);
  const heard = clip.audio[0], both = heard && clip.audio[state.variant + 1];
  $("no-audio").hidden = Boolean(both);
  $("no-audio").textContent = clip.rows[state.variant] ? clip.why : `${variant.name} isn't there for this clip: it is too short, or was rejected.`;
  $("player").querySelector(".decks").hidden = !heard;
  $("swap").disabled = !both;
  if (!active || !belongs(active)) active = deck(both ? "corrupted" : "clean");
  const number_ = clip.rows[state.variant];
  $("curve-n").textContent = number_ ? `${variant.name}: delta ${number(number_.delta, true)} nats.` : "";
  drawCurve();
}

// Whether an audio element plays the chosen clip.
function belongs(audio) {
  if (audio === deck("clean") || audio === deck("corrupted")) return true;
  const row = audio.closest("tr[data-clip]");
  return Boolean(row) && list().contains(row) && Number(row.dataset.clip) === state.clip;
}

function clipCurves() {
  const clip = clipNow();
  if (!clip.curves) return null;
  const variant = clip.curves.variants[state.variant];
  const pick = (packed) => { const rows = unpack(packed); return state.codebook === "mean" ? meanOfRows(rows) : rows[state.codebook]; };
  const clean = pick(clip.curves.clean);
  const corrupted = variant ? pick(variant.nll) : clean.map(() => null);
  return { clean, corrupted, delta: difference(corrupted, clean) };
}

function drawCurve() {
  const colors = theme(), cell = cellNow(), clip = clipNow(), found = clipCurves();
  const seconds = clip.frames / cell.rate;
  const traces = [];
  if (found) {
    const time = found.clean.map((_, t) => t / cell.rate);
    const pair = (name, color, axis) => [
      { x: time, y: found[name], yaxis: axis, type: "scatter", mode: "lines", line: { color: faded(color, 0.4), width: 0.8 }, showlegend: false, name, hovertemplate: `%{x:.2f} s: %{y:.3f}<extra>${name}</extra>` },
      { x: time, y: smooth(found[name], 11), yaxis: axis, type: "scatter", mode: "lines", line: { color, width: 2 }, name, hoverinfo: "skip" },
    ];
    traces.push(...pair("clean", colors.clean, "y"), ...pair("corrupted", colors.corrupted, "y"), ...pair("delta", colors.delta, "y2"));
  }
  const own = clip.rows[state.variant];
  const note = { text: listenData().why || "This clip's curve isn't on the page.", xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, font: { color: colors.soft } };
  Plotly.react("curve", traces, layout(colors, {
    xaxis: axisStyle(colors, { range: [0, seconds], anchor: "y2", zeroline: false, ticksuffix: " s" }),
    yaxis: axisStyle(colors, { title: { text: "nll (nats)" }, domain: [0.5, 1], zeroline: false }),
    yaxis2: axisStyle(colors, { title: { text: "delta (nats)" }, domain: [0, 0.44], zeroline: true, zerolinecolor: colors.soft }),
    shapes: own ? shading(own.spans, cell.rate, colors) : [], hovermode: "x", margin: { l: 58, r: 12, t: 30, b: 26 },
    annotations: found ? [] : [note],
  }), CONFIG).then(() => { placePictures(); placeCursor(); });
  $("seek").max = seconds;
}

function axis() { return $("curve")._fullLayout.xaxis; }

// Both spectrograms on the curve's time axis, whatever part of it is shown.
function placePictures() {
  const x = axis(), clip = clipNow();
  const left = $("curve").offsetLeft + x._offset;
  [["clean", 0, clip.seconds[0]], ["corrupted", state.variant + 1, clip.seconds[state.variant + 1]]].forEach(([kind, i, seconds]) => {
    const strip = $(`picture-${kind}`).querySelector(".strip"), image = strip.querySelector("img");
    $(`picture-${kind}`).hidden = !clip.pictures[i];
    if (!clip.pictures[i]) return;
    if (image.getAttribute("src") !== clip.pictures[i]) image.src = clip.pictures[i];
    Object.assign(strip.style, { left: `${left}px`, width: `${x._length}px` });
    Object.assign(image.style, { left: `${x.l2p(0)}px`, width: `${x.l2p(seconds) - x.l2p(0)}px` });
  });
}

// From a clip's own time to the clean clip's and back, where frames moved.
function mapNow() {
  const curves = clipNow().curves;
  const variant = curves && curves.variants[state.variant];
  return variant ? variant.map : null;
}
function toClean(seconds) {
  const map = mapNow(), rate = cellNow().rate;
  if (!map) return seconds;
  let best = 0;
  map.forEach((frame, t) => { if (frame !== null && frame <= seconds * rate) best = t; });
  return best / rate;
}
function fromClean(seconds) {
  const map = mapNow(), rate = cellNow().rate;
  if (!map) return seconds;
  let frame = Math.min(Math.floor(seconds * rate), map.length - 1);
  while (frame > 0 && map[frame] === null) frame -= 1;
  return (map[frame] ?? 0) / rate;
}

function placeCursor() {
  const x = axis();
  if (!active || !x) return;
  const own = active.currentTime;
  const clean = kindOf(active) === "corrupted" ? toClean(own) : own;
  const corrupted = kindOf(active) === "corrupted" ? own : fromClean(own);
  const strip = $("picture-corrupted");
  const split = mapNow() && !strip.hidden; // the corrupted clip's picture has a time of its own
  const bottom = $("stage").offsetHeight - (split ? strip.offsetHeight + 6 : 0);
  put($("cursor"), clean, 30, bottom, x);
  put($("cursor-corrupted"), corrupted, split ? strip.offsetTop : null, $("stage").offsetHeight, x);
  $("seek").value = clean;
  $("position").textContent = `${clean.toFixed(2)} s`;
}

function put(cursor, seconds, top, bottom, x) {
  const at = x.l2p(seconds);
  cursor.hidden = top === null || at < 0 || at > x._length;
  Object.assign(cursor.style, { left: `${$("curve").offsetLeft + x._offset + at}px`, top: `${top}px`, height: `${bottom - top}px` });
}

function seekTo(seconds) {
  const limit = Math.max(Math.min(seconds, clipNow().frames / cellNow().rate - 0.01), 0);
  if (!active.getAttribute("src")) return;
  active.currentTime = kindOf(active) === "corrupted" ? fromClean(limit) : limit;
  placeCursor();
}

// While something plays the cursor moves with every picture on the screen; less often where motion isn't wanted.
function tick() {
  placeCursor();
  if (active && !active.paused) requestAnimationFrame(tick);
  else ticking = false;
}

function onPlay(event) {
  const audio = event.target;
  document.querySelectorAll("audio").forEach((other) => { if (other !== audio) other.pause(); });
  active = audio;
  const row = audio.closest("tr[data-clip]");
  if (row) choose({ clip: Number(row.dataset.clip) });
  if (!ticking && !matchMedia("(prefers-reduced-motion: reduce)").matches) { ticking = true; requestAnimationFrame(tick); }
}

function swap() {
  const time = active.currentTime, playing = !active.paused;
  const clean = kindOf(active) === "corrupted" ? toClean(time) : time;
  const other = deck(kindOf(active) === "corrupted" ? "clean" : "corrupted");
  active.pause();
  active = other;
  seekTo(clean);
  if (playing) start(other);
}

function filterClips() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...list().querySelectorAll("tr[data-clip]")];
  rows.forEach((row) => {
    const text = [0, 1].map((i) => row.cells[i].dataset.value).join(" ").toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  });
  $("shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${counted(rows.length, "clip")}`;
}

// A click without a drag, on the curves or the pictures; the drawing's own events don't tell where there is no point.
function setUpSeeking() {
  let from = null;
  $("stage").addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; }, true);
  document.addEventListener("pointerup", (event) => {
    if (!from || Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 4) { from = null; return; }
    from = null;
    const box = $("curve").getBoundingClientRect(), x = axis();
    const at = event.clientX - box.left - x._offset, height = event.clientY - box.top;
    if (at < 0 || at > x._length || height < 30) return;
    const seconds = x.p2l(at), strip = $("picture-corrupted").getBoundingClientRect();
    seekTo(mapNow() && event.clientY >= strip.top && event.clientY <= strip.bottom ? toClean(seconds) : seconds);
  }, true);
  $("seek").addEventListener("input", () => seekTo(Number($("seek").value)));
}

function setUpListening() {
  deck("clean").dataset.kind = "clean";
  deck("corrupted").dataset.kind = "corrupted";
  prepare(document.querySelector(".clip-list"));
  // Something else may have been chosen while plotly was loading.
  showList();
  showVariant();
  showClip();
  filterClips();
  document.addEventListener("play", onPlay, true);
  ["timeupdate", "seeked", "pause"].forEach((name) => document.addEventListener(name, (e) => { if (e.target === active) placeCursor(); }, true));
  $("swap").addEventListener("click", swap);
  $("filter").addEventListener("input", filterClips);
  setUpSeeking();
  $("curve").on("plotly_relayout", () => { placePictures(); placeCursor(); });
  new ResizeObserver(() => requestAnimationFrame(() => { if (axis()) { placePictures(); placeCursor(); } })).observe($("stage"));
  dark.addEventListener("change", drawCurve);
  watch((changed) => {
    if (changed.has("cell")) { showList(); filterClips(); }
    if (changed.has("cell") || changed.has("variant")) showVariant();
    if (changed.has("codebook") && changed.size === 1) drawCurve();
    else showClip();
  });
}
