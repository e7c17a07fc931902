/** The loader of direct packages. Importing this loads none of them. */
import type { ProviderLoader } from "@orch/core/provider/contract";
import { directLoader } from "../direct/loader.js";

/** Serves the package `dns`. */
export const dnsLoader = (): ProviderLoader => directLoader({ dns: () => import("./provider.js") });
