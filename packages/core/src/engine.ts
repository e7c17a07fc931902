/** The engine: composes program, plan, execution and state for its callers. One function per thing that a person wants done. */
export { type ApplyOptions, apply } from "./engine/apply.js";
export { drift } from "./engine/drift.js";
export { modulesOf } from "./engine/imports.js";
export { plan } from "./engine/plan.js";
export { closeEngine } from "./engine/providers.js";
export { resumeRun } from "./engine/resume.js";
