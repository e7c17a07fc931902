export * from "./contract.js";
export { openSqliteBackend, type SqliteOptions } from "./sqlite.js";
