import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));

/** Tests run against the sources, so that a failing line is a source line and no build is needed before them. */
export const alias = [
  { find: /^@orch\/core$/, replacement: `${packages}core/src/index.ts` },
  { find: /^@orch\/core\/(.*)$/, replacement: `${packages}core/src/$1.ts` },
  { find: /^@orch\/providers$/, replacement: `${packages}providers/src/index.ts` },
  {
    find: /^@orch\/providers\/(host|dns|powerdns|postgres|rest|scim|ldap|activedirectory)$/,
    replacement: `${packages}providers/src/$1/resources.ts`,
  },
  { find: /^@orch\/providers\/(.*)$/, replacement: `${packages}providers/src/$1.ts` },
];
