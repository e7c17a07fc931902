/** Finds the code of direct packages. A package's modules (and what they import) are loaded when it is first used. */
import type { ProviderLoader } from "@orch/core/provider/contract";
import type { createProvider } from "./provider.js";

/** What a package's module gives: its definition, made afresh per provider instance where it keeps something. */
export interface DirectPackage {
  readonly create: (context: Parameters<typeof createProvider>[1]) => ReturnType<typeof createProvider>;
}

/** A loader for packages by name; each is imported on first use. */
export function directLoader(
  packages: Readonly<Record<string, () => Promise<DirectPackage>>>,
): ProviderLoader {
  return {
    name: "direct",
    async load(descriptor, context) {
      if (descriptor.parameterization !== undefined || !Object.hasOwn(packages, descriptor.name))
        return undefined;
      const { create } = await (packages[descriptor.name] as () => Promise<DirectPackage>)();
      return create(context);
    },
  };
}
