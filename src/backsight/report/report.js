"use strict";
// The slider of the report: it moves a marker in every chart and shows the numbers of its step.
// Without this script the report is whole, it shows the last observed step.

const readings = JSON.parse(document.getElementById("readings").textContent);
const form = document.getElementById("slider");
const slider = document.getElementById("step");
const shares = new Set(readings.shares);
const NS = "http://www.w3.org/2000/svg";

// A number as the rest of the report writes it.
function told(value, share) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (share) {
    return value > 0 && value < 0.01 ? String(Number(value.toPrecision(3)))
      : `${(100 * value).toFixed(0)} %`;
  }
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  const text = rounded === 0 || (size >= 1e-3 && size < 1e6)
    ? rounded.toLocaleString("en-US", { maximumFractionDigits: 6 })
    : String(rounded.toExponential()).replace("e+", "e");
  return text.replaceAll("-", "−");
}

// The charts, each with a marker of its own that is moved along the steps.
function chartsWithMarkers() {
  return [...document.querySelectorAll(".steps g[data-left]")].map((group) => {
    const place = {};
    for (const name of ["left", "right", "top", "bottom", "low", "high"]) {
      place[name] = Number(group.dataset[name]);
    }
    const marker = document.createElementNS(NS, "path");
    marker.setAttribute("class", "marker");
    group.append(marker);
    return { ...place, marker };
  });
}

function moved(chart, step) {
  const within = step >= chart.low && step <= chart.high;
  const part = (step - chart.low) / (chart.high - chart.low);
  const x = (chart.left + part * (chart.right - chart.left)).toFixed(1);
  chart.marker.setAttribute("visibility", within ? "visible" : "hidden");
  chart.marker.setAttribute("data-at", String(step));
  chart.marker.setAttribute(
    "d", `M${x} ${chart.top}V${chart.bottom}m0 0l4 7h-8z`);
}

function barWidth(bar, value) {
  const { low, high } = bar.closest("table").dataset;
  const full = Number(bar.ownerSVGElement.getAttribute("width"));
  if (typeof value !== "number" || value <= 0) return 0;
  const part = (Math.log10(value) - Number(low)) / (Number(high) - Number(low));
  return full * Math.min(Math.max(part, 0), 1);
}

function start() {
  const charts = chartsWithMarkers();
  const cells = [...document.querySelectorAll("[data-reading]")];
  const bars = [...document.querySelectorAll("[data-bar]")];
  const shown = document.getElementById("shown");

  function show() {
    const at = Number(slider.value);
    const step = readings.steps[at];
    shown.textContent = step.toLocaleString("en-US");
    slider.setAttribute("aria-valuetext", `step ${step}`);
    for (const chart of charts) moved(chart, step);
    for (const cell of cells) {
      const key = cell.dataset.reading;
      cell.textContent = told(readings.series[key][at], shares.has(key));
    }
    for (const bar of bars) {
      bar.setAttribute("width", barWidth(bar, readings.series[bar.dataset.bar][at]).toFixed(1));
    }
  }

  // The stop nearest to a step.
  function goTo(step) {
    let best = 0;
    readings.steps.forEach((each, i) => {
      if (Math.abs(each - step) < Math.abs(readings.steps[best] - step)) best = i;
    });
    slider.value = String(best);
    show();
  }

  slider.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("button[data-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => goTo(Number(button.dataset.step)));
  }
  form.hidden = false;
  show();
}

if (slider) start();

// On paper nothing can be unfolded.
window.addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
});
