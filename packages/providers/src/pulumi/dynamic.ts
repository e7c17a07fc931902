/**
 * The dynamic-provider host inside `@pulumi/pulumi`: serves resources whose provider is code of the program itself. The SDK sends that code as the
 * property `__provider` (a secret one when the code holds secrets) with every request; it is an input like any other, so a
 * change of the code is a change of the resource.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import type { ProviderLoader } from "@orch/core/provider/contract";
import { pluginEnvironment } from "./environment.js";

/** The package of `pulumi-nodejs:dynamic:Resource` and `pulumi-nodejs:dynamic/xyz:Type`. */
export const dynamicPackage = "pulumi-nodejs";

export interface DynamicLoaderOptions {
  /** Folder of the program, from which it and its providers resolve modules; default the project's. */
  readonly programDir?: string;
}

/**
 * Runs the host of the program's own SDK, with the Node that runs orch, in the program's folder: what a provider requires is
 * found as in the program. Rejects with `plugin-missing` when the program has no SDK, with `plugin-start` when the host does not come up.
 */
export function dynamicLoader(options: DynamicLoaderOptions = {}): ProviderLoader {
  return {
    name: "dynamic",
    async load(descriptor, context) {
      if (descriptor.name !== dynamicPackage) return undefined;
      const folder = options.programDir ?? context.projectDir;
      const script = hostScript(folder);
      const { startPlugin } = await import("./plugin.js");
      const { pluginProvider } = await import("./provider.js");
      const plugin = await startPlugin(
        descriptor,
        {
          command: process.execPath,
          args: [script],
          cwd: folder,
          env: {
            ...pluginEnvironment(context),
            PULUMI_NODEJS_PROJECT: context.project,
            PULUMI_NODEJS_STACK: context.stack,
          },
          rootDir: dirname(script),
          outputLevel: "info",
        },
        context,
      );
      return pluginProvider(plugin, { source: "dynamic", path: script }, context);
    },
  };
}

function hostScript(folder: string): string {
  try {
    return createRequire(join(folder, "index.js")).resolve("@pulumi/pulumi/cmd/dynamic-provider");
  } catch (error) {
    throw new OrchError(
      {
        reason: "plugin-missing",
        message: "The program has no @pulumi/pulumi, which serves its dynamic resources.",
        expected: "@pulumi/pulumi/cmd/dynamic-provider",
        found: existsSync(join(folder, "node_modules"))
          ? "other packages only"
          : `no node_modules in ${folder}`,
        next: [`npm install @pulumi/pulumi (in ${folder})`],
      },
      { cause: error },
    );
  }
}
