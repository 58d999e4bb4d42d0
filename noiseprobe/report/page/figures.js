// The interactive figures: delta against what varies, the mean curve of a cell's variant, its regions.

// Okabe and Ito's palette without its yellow, in an order for lines; the dark one is lighter.
const LINES_LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1a1c1f"];
const LINES_DARK = ["#56b4e9", "#f0a13a", "#3fc79a", "#e08fc0", "#f0e442", "#4f9bd9", "#e9eaec"];
const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const REGIONS = ["peak", "assimilation", "offset", "recovery"];
const BEFORE = 2, AFTER = 4; // seconds shown around the noise
const dark = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = {
  displayModeBar: innerWidth < 720 ? false : "hover",
  responsive: true, displaylogo: false, doubleClick: "reset",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
};
let whole = false;

function axisStyle(colors, more) {
  return { gridcolor: colors.grid, zerolinecolor: colors.line, linecolor: colors.line, tickcolor: colors.line, fixedrange: false, title: { standoff: 8 }, ...more };
}

function layout(colors, more) {
  const narrow = innerWidth < 720;
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 58, r: 12, t: 30, b: 44 },
    font: { family: "system-ui, sans-serif", size: narrow ? 11 : 12.5, color: colors.ink },
    hoverlabel: { bgcolor: colors.panel, bordercolor: colors.line, font: { color: colors.ink } },
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", font: { size: narrow ? 10.5 : 12 } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colors.soft, activecolor: colors.accent }, dragmode: narrow ? false : "zoom", ...more,
  };
}

function drawEffect() {
  const colors = theme(), palette = dark.matches ? LINES_DARK : LINES_LIGHT;
  const effect = DATA.effects[cellNow().scoring];
  // Lines stand a little apart, so that their bars don't hide each other.
  const aside = (x, i) => {
    if (!effect.ticks.length) return x;
    const share = 0.006 * (i - (effect.lines.length - 1) / 2);
    const low = effect.ticks[0], high = effect.ticks[effect.ticks.length - 1];
    return effect.log ? x * (high / low) ** share : x + (high - low) * share;
  };
  const traces = effect.lines.map((line, i) => ({
    x: line.x.map((x) => aside(x, i)), y: line.y, name: line.name || "delta", type: "scatter", mode: effect.axis ? "lines+markers" : "markers",
    error_y: { type: "data", array: line.half, thickness: 1.3, width: 3 },
    line: { color: palette[i % palette.length], width: 1.8, dash: DASHES[Math.floor(i / palette.length) % DASHES.length] },
    marker: { size: 7, symbol: SYMBOLS[i % SYMBOLS.length], color: palette[i % palette.length] },
    customdata: line.variant.map((v, j) => [v, line.songs[j], line.half[j] === null ? "–" : `± ${line.half[j].toFixed(3)}`]),
    hovertemplate: "%{customdata[0]}<br>%{y:+.3f} %{customdata[2]} nats, %{customdata[1]} songs<extra>%{fullData.name}</extra>",
  }));
  const x = { title: { text: effect.axis || "" }, automargin: true };
  if (effect.log) Object.assign(x, { type: "log", tickvals: effect.ticks });
  else if (effect.ticks.length) Object.assign(x, { type: "linear", tickvals: effect.ticks.length < 12 ? effect.ticks : undefined });
  else Object.assign(x, { type: "category", categoryorder: "array", categoryarray: effect.categories });
  const all = effect.lines.flatMap((line) => line.songs);
  const range = (n) => (Math.min(...n) === Math.max(...n) ? `${n[0]}` : `${Math.min(...n)} to ${Math.max(...n)}`);
  $("effect-n").textContent = `${range(effect.lines.flatMap((l) => l.clips))} clips of ${range(all)} songs, ${cellNow().scoring} scoring.`;
  return Plotly.react("effect", traces, layout(colors, {
    xaxis: axisStyle(colors, x), yaxis: axisStyle(colors, { title: { text: "delta (nats)" }, zeroline: true, zerolinecolor: colors.soft, zerolinewidth: 1.2, automargin: true }),
    showlegend: traces.length > 1, margin: { l: 58, r: 12, t: traces.length > 1 ? 34 : 12, b: 44 },
    height: traces.length > 8 ? 380 + 14 * traces.length : undefined,
  }), CONFIG);
}

// One closed outline for each stretch that has values.
function band(time, mean, half, color, axis) {
  const x = [], y = [];
  let start = 0;
  const close = (stop) => {
    if (stop <= start) return;
    const own = [...Array(stop - start).keys()].map((i) => i + start);
    x.push(...own.map((t) => time[t]), ...own.slice().reverse().map((t) => time[t]), null);
    y.push(...own.map((t) => mean[t] + half[t]), ...own.slice().reverse().map((t) => mean[t] - half[t]), null);
  };
  mean.forEach((value, t) => {
    if (value === null || half[t] === null) { close(t); start = t + 1; }
  });
  close(mean.length);
  return { x, y, yaxis: axis, type: "scatter", mode: "lines", line: { width: 0 }, fill: "toself", fillcolor: faded(color, 0.2), hoverinfo: "skip", showlegend: false };
}

function shading(spans, rate, colors) {
  return spans.map(([on, off]) => ({ type: "rect", xref: "x", yref: "paper", x0: on / rate, x1: off / rate, y0: 0, y1: 1, fillcolor: colors.shade, line: { width: 0 }, layer: "below" }));
}

function near(spans, rate, seconds) {
  if (!spans.length) return [0, seconds];
  return [Math.max(spans[0][0] / rate - BEFORE, 0), Math.min(spans[spans.length - 1][1] / rate + AFTER, seconds)];
}

function drawProfile() {
  const colors = theme(), cell = cellNow(), own = variantNow();
  const packed = cell.profiles[state.variant];
  const row = state.codebook === "mean" ? cell.codebooks : state.codebook;
  const of = (name) => unpack(packed[name])[row];
  const mean = { clean: of("clean_mean"), corrupted: of("corrupted_mean"), delta: of("delta_mean") };
  const time = mean.clean.map((_, t) => t / cell.rate);
  const line = (name, color, axis, dash, text) => ({
    x: time, y: mean[name], yaxis: axis, name: text, type: "scatter", mode: "lines", line: { color, width: 1.4, dash },
    hovertemplate: `%{x:.2f} s: %{y:.3f}<extra>${text}</extra>`,
  });
  const traces = [
    band(time, mean.clean, of("clean_half"), colors.clean), band(time, mean.corrupted, of("corrupted_half"), colors.corrupted),
    line("clean", colors.clean, "y", "solid", "clean"), line("corrupted", colors.corrupted, "y", "solid", "corrupted"),
    band(time, mean.delta, of("delta_half"), colors.delta, "y2"), line("delta", colors.delta, "y2", "solid", "delta"),
    { x: time, y: of("changed").map((v) => (v === null ? null : 100 * v)), yaxis: "y3", name: "changed codes", type: "scatter", mode: "lines", line: { color: colors.soft, width: 1.2 }, showlegend: false, hovertemplate: "%{x:.2f} s: %{y:.0f} %<extra>changed codes</extra>" },
  ];
  const seconds = time.length / cell.rate;
  $("profile-n").textContent = `${own.name}, ${counted(own.clips, "clip")} of ${counted(own.songs, "song")}, ${cell.scoring} scoring, `
    + `${state.codebook === "mean" ? "mean of the codebooks" : `codebook ${state.codebook}`}.`;
  return Plotly.react("profile", traces, layout(colors, {
    xaxis: axisStyle(colors, { title: { text: "time in the clean clip (s)" }, range: whole ? [0, seconds] : near(own.spans, cell.rate, seconds), anchor: "y3", zeroline: false }),
    yaxis: axisStyle(colors, { title: { text: "nll (nats)" }, domain: [0.58, 1], zeroline: false }),
    yaxis2: axisStyle(colors, { title: { text: "delta (nats)" }, domain: [0.16, 0.54], zeroline: true, zerolinecolor: colors.soft }),
    yaxis3: axisStyle(colors, { title: { text: "codes" }, domain: [0, 0.12], range: [-4, 104], tickvals: [0, 100], ticktext: ["0 %", "100"], zeroline: false }),
    shapes: shading(own.spans, cell.rate, colors), hovermode: "x",
  }), CONFIG);
}

function drawRegions() {
  const colors = theme(), cell = cellNow();
  const many = cell.variants.length;
  const traces = cell.variants.map((variant, i) => {
    const chosen = i === state.variant;
    const there = REGIONS.map((region, r) => ({ ...cell.regions[i][region], r })).filter((m) => m.mean !== null);
    return {
      x: there.map((m) => m.r + (many > 1 ? 0.62 * (i / (many - 1) - 0.5) : 0)), y: there.map((m) => m.mean), name: variant.label, type: "scatter", mode: "markers",
      error_y: { type: "data", array: there.map((m) => m.half), thickness: chosen ? 2 : 1.2, width: 0 },
      marker: { size: chosen ? 11 : 7, color: chosen ? colors.corrupted : colors.soft, opacity: chosen ? 1 : 0.65 },
      customdata: there.map((m) => [m.songs, m.half === null ? "–" : `± ${m.half.toFixed(3)}`, REGIONS[m.r]]),
      hovertemplate: "%{customdata[2]}: %{y:+.3f} %{customdata[1]} nats, %{customdata[0]} songs<extra>%{fullData.name}</extra>", showlegend: false,
    };
  });
  const own = cell.regions[state.variant];
  const shift = many > 1 ? 0.62 * (state.variant / (many - 1) - 0.5) : 0;
  const songs = { x: [], y: [], text: [], type: "scatter", mode: "markers", showlegend: false, marker: { size: 4.5, color: colors.corrupted, opacity: 0.5 }, hovertemplate: "%{text}: %{y:+.3f} nats<extra></extra>" };
  REGIONS.forEach((region, r) => Object.entries(own[region].of).forEach(([song, value], i, all) => {
    songs.x.push(r + shift + (all.length > 1 ? 0.07 * (2 * ((i * 0.618) % 1) - 1) : 0));
    songs.y.push(value);
    songs.text.push(song);
  }));
  $("regions-n").textContent = `Chosen: ${variantNow().name}, ${counted(variantNow().songs, "song")}, ${cell.scoring} scoring.`;
  return Plotly.react("regions", [songs, ...traces], layout(colors, {
    xaxis: axisStyle(colors, { tickvals: REGIONS.map((_, r) => r), ticktext: REGIONS, range: [-0.5, 3.5], zeroline: false, showgrid: false }),
    yaxis: axisStyle(colors, { title: { text: "delta (nats)" }, zeroline: true, zerolinecolor: colors.soft, automargin: true }),
    margin: { l: 58, r: 12, t: 12, b: 32 },
  }), CONFIG);
}

function setUpFigures() {
  drawEffect();
  drawProfile();
  drawRegions();
  const zoom = (all) => {
    whole = all;
    $("near").setAttribute("aria-pressed", String(!all));
    $("whole").setAttribute("aria-pressed", String(all));
    drawProfile();
  };
  $("near").addEventListener("click", () => zoom(false));
  $("whole").addEventListener("click", () => zoom(true));
  watch((changed) => {
    if (changed.has("cell")) drawEffect();
    if (changed.has("cell") || changed.has("variant")) drawRegions();
    if (["cell", "variant", "codebook"].some((key) => changed.has(key))) drawProfile();
  });
  dark.addEventListener("change", () => { drawEffect(); drawProfile(); drawRegions(); });
}
