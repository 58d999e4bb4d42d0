// Tables and choices at once; then plotly, which takes a second, and the figures one by one, so that the page can be
// read and scrolled meanwhile.

function loadPlotly() {
  const script = document.createElement("script");
  script.textContent = $("plotly").textContent;
  document.head.append(script);
}

setUpChoices();
setUpTables();
performance.mark("noiseprobe-usable");
addEventListener("load", () => {
  const steps = [loadPlotly, setUpFigures, setUpListening, () => {
    performance.mark("noiseprobe-ready");
    document.documentElement.dataset.ready = "true";
  }];
  const next = () => {
    steps.shift()();
    if (steps.length) setTimeout(next);
  };
  setTimeout(next);
});
