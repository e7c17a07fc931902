/** The package `ldap`: entries of any directory. */
import type { LoadContext } from "@orch/core/provider/contract";
import { z } from "zod";
import { createProvider, defineProvider } from "../direct/index.js";
import { LdapConnection } from "./connection.js";
import { Directory } from "./directory.js";
import { entry } from "./entry.js";
import { membership } from "./membership.js";
import { connectionConfig, connectionSettings } from "./settings.js";

export const ldap = defineProvider({
  name: "ldap",
  version: "0.1.0",
  description: "Entries of LDAP directories: users, groups, and whatever else a directory holds.",
  config: z.strictObject(connectionConfig),
  open: (config, { projectDir }) => new Directory(new LdapConnection(connectionSettings(config, projectDir))),
  close: (directory) => directory.connection.close(),
  resources: [entry, membership],
});

export const create = (context: LoadContext) => createProvider(ldap, context);
