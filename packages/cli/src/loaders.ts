/** Which code serves which package: the program's dynamic providers, orch's own direct providers, then Pulumi plugins. */
import type { Project } from "@orch/core/project/contract";
import type { ProviderLoader } from "@orch/core/provider/contract";
import { hostLoader } from "@orch/providers/host/index";
import { dynamicLoader } from "@orch/providers/pulumi/dynamic";
import { pluginLoader } from "@orch/providers/pulumi/loader";

/** Packages that orch serves itself, unless the project file's `providers` says `plugin`. */
const direct: Readonly<Record<string, () => ProviderLoader>> = { host: hostLoader };

export function loadersFor(project: Project): ProviderLoader[] {
  const { programDir, dir, settings } = project;
  return [
    dynamicLoader({ programDir }),
    ...Object.entries(direct)
      .filter(([name]) => settings.providers[name] !== "plugin")
      .map(([, loader]) => loader()),
    pluginLoader({ lockDir: dir, cwd: programDir }),
  ];
}
