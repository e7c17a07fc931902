/** The package `activedirectory`: a domain's users, groups, units and computers, over LDAP. */
import type { LoadContext } from "@orch/core/provider/contract";
import { z } from "zod";
import { createProvider, defineProvider } from "../direct/index.js";
import { LdapConnection } from "../ldap/connection.js";
import { Directory } from "../ldap/directory.js";
import { connectionConfig, connectionSettings } from "../ldap/settings.js";
import { computer, group, organizationalUnit, user } from "./kinds.js";
import { groupMembers, membership } from "./members.js";

export const activedirectory = defineProvider({
  name: "activedirectory",
  version: "0.1.0",
  description:
    "Users, groups, memberships, organizational units and computer accounts of an Active Directory domain.",
  config: z.strictObject(connectionConfig),
  open: (config, { projectDir }) => new Directory(new LdapConnection(connectionSettings(config, projectDir))),
  close: (directory) => directory.connection.close(),
  resources: [user, group, membership, groupMembers, organizationalUnit, computer],
});

export const create = (context: LoadContext) => createProvider(activedirectory, context);
