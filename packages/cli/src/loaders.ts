/** Which code serves which package: the program's dynamic providers, orch's own direct providers, then Pulumi plugins. */
import type { Project } from "@orch/core/project/contract";
import type { ProviderLoader } from "@orch/core/provider/contract";
import { dynamicLoader, pluginLoader } from "@orch/providers/pulumi/index";

export function loadersFor(project: Project): ProviderLoader[] {
  const { programDir, dir } = project;
  return [dynamicLoader({ programDir }), pluginLoader({ lockDir: dir, cwd: programDir })];
}
