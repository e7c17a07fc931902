import { defineConfig } from "vitest/config";
import { alias } from "./test/alias.js";

/** Everything that needs only npm packages. Tests against real systems are in vitest.lab.config.ts. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/lab/**", "**/node_modules/**", "**/dist/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
