/**
 * Files, folders and scripts on machines, for programs:
 *
 * ```ts
 * import * as host from "@orch/providers/host";
 *
 * const web = new host.Provider("web1", { connection: { type: "ssh", host: "web1.example.com", user: "deploy" } });
 * const site = new host.Directory("site", { path: "/srv/site", mode: "0755" }, { provider: web });
 * new host.File("index", { path: pulumi.interpolate`${site.path}/index.html`, content: "<h1>Hello</h1>\n" }, { provider: web });
 * ```
 *
 * This module imports nothing but the SDK, so that programs load fast; the provider runs inside orch.
 */
export { type Inventory, type InventoryHost, inventory } from "./inventory/index.js";
export * from "./resources/accounts.js";
export * from "./resources/command.js";
export * from "./resources/container.js";
export * from "./resources/contents.js";
export * from "./resources/files.js";
export * from "./resources/functions.js";
export * from "./resources/kernel.js";
export * from "./resources/packages.js";
export * from "./resources/provider.js";
export * from "./resources/reboot.js";
export * from "./resources/services.js";
export type {
  Become,
  Connection,
  LocalConnection,
  OnMachine,
  Overwriting,
  SshConnection,
  SshLogin,
} from "./resources/shared.js";
