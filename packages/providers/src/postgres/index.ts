/** The loader of direct packages. Importing this loads none of them. */
import type { ProviderLoader } from "@orch/core/provider/contract";
import { directLoader } from "../direct/loader.js";

/** Serves the package `postgres`. */
export const postgresLoader = (): ProviderLoader => directLoader({ postgres: () => import("./provider.js") });
