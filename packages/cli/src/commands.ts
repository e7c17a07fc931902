/**
 * Every command and the file it lives in, so that running one loads one. `orch help` and completion, which need all of them,
 * use commands/index.ts.
 */
import type { CommandClass } from "./command.js";
import type { CommandId } from "./route.js";

type Load = () => Promise<{ readonly default: CommandClass }>;

export const commands: Readonly<Record<CommandId, Load>> = {
  new: () => import("./commands/new.js"),
  plan: () => import("./commands/plan.js"),
  apply: () => import("./commands/apply.js"),
  destroy: () => import("./commands/destroy.js"),
  refresh: () => import("./commands/refresh.js"),
  undo: () => import("./commands/undo.js"),
  drift: () => import("./commands/drift.js"),
  comment: () => import("./commands/comment.js"),
  resume: () => import("./commands/resume.js"),
  login: () => import("./commands/login.js"),
  logout: () => import("./commands/logout.js"),
  whoami: () => import("./commands/whoami.js"),
  unlock: () => import("./commands/unlock.js"),
  graph: () => import("./commands/graph.js"),
  history: () => import("./commands/history.js"),
  timeline: () => import("./commands/timeline.js"),
  "show:plan": () => import("./commands/show/plan.js"),
  explain: () => import("./commands/explain.js"),
  "stack:init": () => import("./commands/stack/init.js"),
  "stack:ls": () => import("./commands/stack/ls.js"),
  "stack:select": () => import("./commands/stack/select.js"),
  "stack:rm": () => import("./commands/stack/rm.js"),
  "stack:output": () => import("./commands/stack/output.js"),
  "stack:import": () => import("./commands/stack/import.js"),
  "stack:export": () => import("./commands/stack/export.js"),
  "config:set": () => import("./commands/config/set.js"),
  "config:get": () => import("./commands/config/get.js"),
  "config:rm": () => import("./commands/config/rm.js"),
  "config:ls": () => import("./commands/config/ls.js"),
  "secrets:rotate": () => import("./commands/secrets/rotate.js"),
  "secrets:change-provider": () => import("./commands/secrets/change-provider.js"),
  "state:ls": () => import("./commands/state/ls.js"),
  "state:show": () => import("./commands/state/show.js"),
  "state:diff": () => import("./commands/state/diff.js"),
  "state:pull": () => import("./commands/state/pull.js"),
  "state:push": () => import("./commands/state/push.js"),
  "state:migrate": () => import("./commands/state/migrate.js"),
  "plugin:ls": () => import("./commands/plugin/ls.js"),
  "plugin:install": () => import("./commands/plugin/install.js"),
  "plugin:lock": () => import("./commands/plugin/lock.js"),
  "plugin:rm": () => import("./commands/plugin/rm.js"),
};
