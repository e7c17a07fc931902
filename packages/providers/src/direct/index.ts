export * from "./asset.js";
export * from "./define.js";
export * from "./loader.js";
export { createProvider } from "./provider.js";
export { packageSchema } from "./schema.js";
