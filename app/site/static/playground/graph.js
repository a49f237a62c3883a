// A workflow's steps, as they run.
import { $, getJson, getPages, make } from "./page.js";
import { state } from "./state.js";

export function showGraph() {
  const workflow = state.wire === "chats" && state.workflows.find((each) => each.id === $("workflow").value);
  $("graph").hidden = !workflow;
  if (!workflow) return $("graph").replaceChildren();
  const row = {};
  const depth = (step) => row[step.id] ??= 1 + Math.max(-1, ...(step.dependsOn ?? []).map((id) => depth(workflow.steps.find((each) => each.id === id))));
  const rows = [];
  for (const step of workflow.steps) (rows[depth(step)] ??= []).push(step);
  $("graph").replaceChildren(...rows.map((steps) => make("div", "row", ...steps.map(box))));
}

function box(step) {
  const element = make("div", "step", step.name ?? step.id, make("small", "", step.tool ?? (step.prompt ? "model" : "text")));
  Object.assign(element.dataset, { step: step.id, speaks: !step.tool });
  return element;
}

const boxes = () => [...$("graph").querySelectorAll(".step")];

// A call's id begins with its step's.
export function mark(id, how) {
  const found = boxes().find((each) => id?.startsWith(`${each.dataset.step}_`));
  if (found) found.className = `step ${how}`;
}

export function markAnswering() {
  const silent = boxes().filter((each) => each.dataset.speaks === "true");
  if (silent.length === 1) silent[0].className = "step running";
}

// What was not heard of by the end was skipped, but for the step that answered.
export async function settleGraph(failed) {
  if (!boxes().length || !state.chat) return;
  const { runs } = await getJson(`/api/chats/${state.chat}/workflow-runs?limit=1`);
  if (!runs.length) return;
  for (const step of await getPages(`/api/workflow-runs/${runs[0].id}`, "steps")) {
    const found = boxes().find((each) => each.dataset.step === step.id);
    if (found) found.className = `step ${step.status}`;
  }
  if (failed) breakOff();
}

// What runs when an answer fails, or is stopped, comes to no end.
export function breakOff() {
  for (const each of boxes()) if (each.classList.contains("running")) each.className = "step failed";
}
