/** Which code serves which package: the program's dynamic providers, orch's own direct providers, then Pulumi plugins. */
import type { Project } from "@orch/core/project/contract";
import type { ProviderLoader } from "@orch/core/provider/contract";
import { activedirectoryLoader } from "./activedirectory/index.js";
import { dnsLoader } from "./dns/index.js";
import { hostLoader } from "./host/index.js";
import { kubernetesLoader } from "./kubernetes/index.js";
import { ldapLoader } from "./ldap/index.js";
import { postgresLoader } from "./postgres/index.js";
import { powerdnsLoader } from "./powerdns/index.js";
import { dynamicLoader } from "./pulumi/dynamic.js";
import { pluginLoader } from "./pulumi/loader.js";
import { restLoader } from "./rest/index.js";
import { scimLoader } from "./scim/index.js";

/** Packages that orch serves itself, unless the project file's `providers` says `plugin`. */
const direct: Readonly<Record<string, () => ProviderLoader>> = {
  dns: dnsLoader,
  ldap: ldapLoader,
  activedirectory: activedirectoryLoader,
  host: hostLoader,
  kubernetes: kubernetesLoader,
  postgres: postgresLoader,
  powerdns: powerdnsLoader,
  rest: restLoader,
  scim: scimLoader,
};

/** The packages that need no plugin in this project. */
export const servedByOrch = ({ settings }: Pick<Project, "settings">): ReadonlySet<string> =>
  new Set(Object.keys(direct).filter((name) => settings.providers[name] !== "plugin"));

/** For `EngineContext.loaders`: asked in this order, the first that knows a package serves it. */
export function loadersFor(project: Project): ProviderLoader[] {
  const { programDir, dir } = project;
  const served = servedByOrch(project);
  return [
    dynamicLoader({ programDir }),
    ...Object.entries(direct)
      .filter(([name]) => served.has(name))
      .map(([, loader]) => loader()),
    pluginLoader({ lockDir: dir, cwd: programDir, others: [...served] }),
  ];
}
