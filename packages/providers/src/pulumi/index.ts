/**
 * Pulumi plugins as providers: `pulumi-resource-*` executables and the SDK's dynamic-provider host. Light to load: gRPC and tar come
 * with the first plugin that is started or installed.
 */
export { cachedSha256, fileSha256 } from "./checksum.js";
export { type DynamicLoaderOptions, dynamicLoader, dynamicPackage } from "./dynamic.js";
export { type InstallOptions, type InstallResult, installPlugin } from "./install.js";
export { loadPlugin, type PluginLoaderOptions, pluginLoader } from "./loader.js";
export {
  findPlugin,
  type InstalledPlugin,
  listPlugins,
  type PluginPlaces,
  pluginMissing,
  pluginPlaces,
} from "./locate.js";
export {
  type LockedPlugin,
  type LockOptions,
  lockFileName,
  lockPlugins,
  type PluginLock,
  readLock,
  verifyLocked,
  writeLock,
} from "./lock.js";
export { type Platform, platformName, thisPlatform } from "./platform.js";
export type { PluginProvider } from "./provider.js";
