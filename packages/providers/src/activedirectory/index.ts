/** The loader of the package `activedirectory`. Importing this loads none of it. */
import type { ProviderLoader } from "@orch/core/provider/contract";
import { directLoader } from "../direct/loader.js";

export const activedirectoryLoader = (): ProviderLoader =>
  directLoader({ activedirectory: () => import("./provider.js") });
