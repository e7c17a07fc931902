/** The providers of a command. */
import type { EngineContext } from "../engine-contract.js";
import { ProviderRegistry } from "../provider/registry.js";

export const defaultParallel = 32;

/** Providers live as long as the command: what a plan has started and configured, the apply after it uses again. */
const registries = new WeakMap<EngineContext, ProviderRegistry>();

export function registryOf(context: EngineContext): ProviderRegistry {
  let registry = registries.get(context);
  if (registry === undefined) {
    registry = new ProviderRegistry(context.loaders, {
      projectDir: context.project.programDir,
      project: context.project.name,
      stack: context.store.info.stack,
      log: (entry) => context.events({ type: "log", ...entry }),
    });
    registries.set(context, registry);
  }
  return registry;
}

/** Ends the providers that were started for this context. */
export async function closeEngine(context: EngineContext): Promise<void> {
  await registries.get(context)?.close();
  registries.delete(context);
}
