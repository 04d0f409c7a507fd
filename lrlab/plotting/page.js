"use strict";
const touch = matchMedia("(pointer: coarse)").matches;

/** A figure where fingers scroll the page: it can be tapped, but neither dragged nor zoomed. */
const fixed = (spec) => {
  const without = (params) => (params || []).filter((each) => each.name !== "zoom");
  return { ...spec, params: without(spec.params), layer: spec.layer?.map((each) => each.params ? { ...each, params: without(each.params) } : each) };
};

/** As many columns of a legend as the width has room for. */
const fitted = (spec, width) => {
  const names = Object.values(spec.usermeta?.legend || {});
  const longest = Math.max(3, ...names.map((name) => String(name).length));
  const columns = Math.max(1, Math.floor((width - 20) / (longest * 7 + 42)));
  return { ...spec, config: { ...spec.config, legend: { ...spec.config.legend, columns } } };
};

const place = (handler, event, item, value) => {
  const box = document.getElementById("vg-tooltip-element") || document.body.appendChild(Object.assign(document.createElement("div"), { id: "vg-tooltip-element" }));
  box.className = value ? "visible" : "";
  if (!value) return;
  const table = document.createElement("table");
  for (const [name, text] of Object.entries(Object(value))) {
    const row = table.insertRow();
    Object.assign(row.insertCell(), { className: "key", textContent: name });
    row.insertCell().textContent = text;
  }
  box.replaceChildren(table);
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  box.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18}px`;
};

const draw = async (chart, spec) => {
  const options = { renderer: "svg", actions: false, tooltip: place };
  await window.vegaEmbed(chart, fitted(touch ? fixed(spec) : spec, chart.clientWidth), options);
  chart.classList.add("done");
  // the figure around it has a name and a description for whoever cannot see it
  for (const each of chart.querySelectorAll("svg, svg *")) ["role", "aria-label", "aria-roledescription", "aria-hidden"].forEach((name) => each.removeAttribute(name));
};

const specs = JSON.parse(document.getElementById("specs")?.textContent || "[]");
const charts = [...document.querySelectorAll(".chart")];
window.drawn = Promise.allSettled(charts.map((chart) => draw(chart, specs[chart.dataset.spec])));
window.drawn.then((results) => results.forEach((each) => each.reason && console.error(each.reason)));

addEventListener("click", async ({ target }) => {
  if (!target.classList?.contains("copy")) return;
  const code = target.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    target.textContent = "Selected";
  }
  document.getElementById("said").textContent = `${target.textContent}: ${code.textContent}`;
  setTimeout(() => { target.textContent = "Copy"; }, 2000);
});

const folds = () => [...document.querySelectorAll("details:not([open])")];
let opened = [];
addEventListener("beforeprint", () => { opened = folds(); opened.forEach((each) => { each.open = true; }); });
addEventListener("afterprint", () => opened.forEach((each) => { each.open = false; }));
