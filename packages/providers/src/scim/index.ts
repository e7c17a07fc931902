/** The loader of the package `scim`. Importing this loads nothing of it. */
import type { ProviderLoader } from "@orch/core/provider/contract";
import { directLoader } from "../direct/loader.js";

/** Serves the package `scim`. */
export const scimLoader = (): ProviderLoader => directLoader({ scim: () => import("./provider.js") });
