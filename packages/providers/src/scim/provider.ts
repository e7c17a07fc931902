/** The package `scim`: users and groups of services that speak SCIM 2.0. Loaded when a program first uses one. */
import { createRequire } from "node:module";
import type { LoadContext, Provider } from "@orch/core/provider/contract";
import { createProvider, defineProvider } from "../direct/index.js";
import { scimConfig } from "./config.js";
import { group } from "./group.js";
import { groupMember } from "./member.js";
import { ScimSession } from "./session.js";
import { user } from "./user.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export const scimProvider = defineProvider({
  name: "scim",
  version,
  description: "Users and groups of services that speak SCIM 2.0 (RFC 7643, RFC 7644).",
  config: scimConfig,
  replaceOn: ["url"],
  open: (config) => new ScimSession(config),
  close: (session) => session.close(),
  resources: [user, group, groupMember],
});

export const create = (context: LoadContext): Provider => createProvider(scimProvider, context);
