"use strict";
(async () => {
  const element = (id) => document.getElementById(id);
  const figures = JSON.parse(element("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // Each has a contrast of 3 : 1 or more with its background.
  const palettes = {
    light: {
      paper: "#ffffff", ink: "#1c2126", soft: "#59636e", rule: "#e3e6e9", on: "#ffffff",
      host_pss: "#0b5cad", host_rss: "#8a6100", host_uss: "#00735a", shm: "#a03e78",
      device_used: "#5b3fa8", torch_reserved: "#b3471b", torch_allocated: "#00735a",
      attempt: "#7a5200", stall: "#b3261e", epoch: "#7d8791", note: "#59636e",
      c0: "#0b5cad", c1: "#b3471b", c2: "#00735a", c3: "#8e3f86",
      c4: "#7f6000", c5: "#2e6f8e", c6: "#a32d4b", c7: "#59636e",
    },
    dark: {
      paper: "#1c2024", ink: "#e7eaed", soft: "#a3adb8", rule: "#343b42", on: "#14171a",
      host_pss: "#7db7f2", host_rss: "#e6b84d", host_uss: "#5ed0a8", shm: "#eb94c6",
      device_used: "#b7a1f5", torch_reserved: "#f5986b", torch_allocated: "#5ed0a8",
      attempt: "#f0c35c", stall: "#ff9a8f", epoch: "#87919c", note: "#a3adb8",
      c0: "#7db7f2", c1: "#f5986b", c2: "#5ed0a8", c3: "#d9a0e0",
      c4: "#e6c64d", c5: "#8fd0e8", c6: "#f2919f", c7: "#a3adb8",
    },
  };

  const unpacked = async (text) => {
    // Two million signs: a call for each would take a tenth of the time to the first chart.
    const signs = atob(text), bytes = new Uint8Array(signs.length);
    for (let n = 0; n < signs.length; n += 1) bytes[n] = signs.charCodeAt(n);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  const coloured = (value, palette) => {
    if (typeof value === "string" && value[0] === "@") return palette[value.slice(1)] ?? palette.note;
    if (Array.isArray(value)) {
      return typeof value[0] === "number" ? value : value.map((one) => coloured(one, palette));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, one]) => [key, names.has(key) ? one : coloured(one, palette)]),
      );
    }
    return value;
  };
  // What the job named stays as it is, also where it looks like a colour of ours.
  const names = new Set(["name", "labels", "text", "ids", "parents", "x", "y", "hovertemplate"]);

  const LINE = 20, LETTER = 6.5, SIGN = 64;

  const layoutOf = (figure, palette, place) => {
    const own = coloured(figure.layout, palette);
    const axes = Object.fromEntries(
      Object.entries(own)
        .filter(([key]) => /^[xy]axis/.test(key))
        .map(([key, axis]) => [key, {
          gridcolor: palette.rule, linecolor: palette.rule, zerolinecolor: palette.rule,
          // A change of the colours or of the width must not undo a zoom.
          uirevision: "kept", ...axis,
        }]),
    );
    // The legend stands below, in as many lines as the width asks for.
    const entries = figure.data.filter((one) => one.name && one.showlegend !== false);
    const longest = Math.max(8, ...entries.map((one) => one.name.length));
    const entry = Math.min(LETTER * longest + SIGN, place.clientWidth - 8);
    const columns = Math.max(1, Math.floor((place.clientWidth - 8) / entry));
    const below = entries.length > 1 ? LINE * Math.ceil(entries.length / columns) + 18 : 0;
    const height = Number(place.dataset.height) + below;
    place.style.height = `${height}px`;
    if (axes.xaxis?.type === "date") axes.xaxis.nticks = Math.max(3, Math.floor(place.clientWidth / 110));
    const epochs = (own.annotations ?? []).filter((one) => one.name === "epoch");
    const crowded = epochs.length * 70 > place.clientWidth;
    for (const one of epochs) one.visible = !crowded;
    return {
      ...own, ...axes, height, width: place.clientWidth,
      margin: { ...own.margin, b: own.margin.b + below },
      legend: {
        orientation: "h", traceorder: "normal", entrywidth: entry - SIGN + 12, xref: "container", x: 0,
        yref: "container", y: 0, yanchor: "bottom", itemclick: "toggle",
        itemdoubleclick: "toggleothers", uirevision: "kept",
      },
      uirevision: "kept",
      paper_bgcolor: palette.paper, plot_bgcolor: palette.paper,
      font: { family: "system-ui, sans-serif", size: 12, color: palette.ink },
      hoverlabel: { bgcolor: palette.paper, bordercolor: palette.soft, font: { color: palette.ink } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: palette.soft, activecolor: palette.ink },
    };
  };

  const configOf = (figure, place) => ({
    displaylogo: false, showTips: false, doubleClick: "reset", locale: "en-US",
    displayModeBar: figure.layout.dragmode === "zoom" && place.clientWidth > 560 ? "hover" : false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  });

  // One after another, in the page's order, each shown before the next is begun: what is in sight
  // does not wait for what is far below.
  let drawing = 0;
  const draw = async () => {
    const mine = drawing += 1;
    for (const [name, figure] of Object.entries(figures)) {
      const place = element(`chart-${name}`);
      const palette = palettes[dark.matches ? "dark" : "light"];
      const layout = layoutOf(figure, palette, place);
      await Plotly.react(place, coloured(figure.data, palette), layout, configOf(figure, place));
      if (place.getBoundingClientRect().top < window.innerHeight) marked("shown");
      await new Promise((next) => setTimeout(next));
      // The colours or the width have changed meanwhile.
      if (mine !== drawing) return;
    }
    marked("drawn");
  };

  const marked = (what) => {
    document.documentElement.dataset[what] = Math.round(performance.now());
  };

  const tell = (error) => {
    for (const place of document.querySelectorAll(".chart")) {
      place.style.height = "auto";
      place.textContent = `This browser cannot draw the chart (${error.message}); what it shows stands below.`;
    }
  };
  const again = () => draw().catch(tell);

  let width = window.innerWidth, waiting = 0;
  const resized = () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(again, 100);
  };

  try {
    const library = document.createElement("script");
    library.textContent = await unpacked(element("plotly").textContent);
    document.body.append(library);
    element("plotly").remove();
    dark.addEventListener("change", again);
    window.addEventListener("resize", resized);
    await draw();
  } catch (error) {
    tell(error);
  }
})();
