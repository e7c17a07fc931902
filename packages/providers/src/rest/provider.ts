/** The package `rest`: objects of any JSON API. Loaded when a program first uses one. */
import { createRequire } from "node:module";
import type { LoadContext, Provider } from "@orch/core/provider/contract";
import { createProvider, defineProvider } from "../direct/index.js";
import { restConfig } from "./config.js";
import { restObject } from "./object.js";
import { RestSession } from "./session.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export const restProvider = defineProvider({
  name: "rest",
  version,
  description: "Objects of any JSON API, described by the program.",
  config: restConfig,
  replaceOn: ["url"],
  open: (config) => new RestSession(config),
  close: (session) => session.close(),
  resources: [restObject],
});

export const create = (context: LoadContext): Provider => createProvider(restProvider, context);
