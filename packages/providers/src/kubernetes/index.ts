import type { ProviderLoader } from "@orch/core/provider/contract";

/** Serves the package `kubernetes` from the API server itself. Its modules are loaded when the package is first used. */
export function kubernetesLoader(): ProviderLoader {
  return {
    name: "direct",
    async load(descriptor, context) {
      if (descriptor.name !== "kubernetes" || descriptor.parameterization !== undefined) return undefined;
      const { KubernetesProvider } = await import("./provider.js");
      return new KubernetesProvider(context, descriptor);
    },
  };
}
