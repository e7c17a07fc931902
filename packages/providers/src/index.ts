/** Providers for orch's engine. Programs import the classes of one system instead: `@orch/providers/host`. */
export * from "./loaders.js";
