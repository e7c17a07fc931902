/** The loader of the package `ldap`. Importing this loads none of it. */
import type { ProviderLoader } from "@orch/core/provider/contract";
import { directLoader } from "../direct/loader.js";

export const ldapLoader = (): ProviderLoader => directLoader({ ldap: () => import("./provider.js") });
