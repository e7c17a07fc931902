export * from "./contract.js";
export { createCrypter, newDataKey } from "./crypter.js";
export * from "./keys/index.js";
export { openSqliteBackend, type SqliteOptions } from "./sqlite.js";
