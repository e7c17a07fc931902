/** The loader of the package `rest`. Importing this loads nothing of it. */
import type { ProviderLoader } from "@orch/core/provider/contract";
import { directLoader } from "../direct/loader.js";

/** Serves the package `rest`. */
export const restLoader = (): ProviderLoader => directLoader({ rest: () => import("./provider.js") });
