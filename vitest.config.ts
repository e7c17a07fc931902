import { defineConfig } from "vitest/config";
import { alias } from "./test/alias.js";
import { reporters } from "./test/reporters.js";

/**
 * Everything. The tests in test/lab need more than npm packages: where that is not installed they are skipped and say what
 * is missing; `npm run test:lab` installs it and then skips nothing.
 */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/fixtures/**"],
    reporters: reporters("test"),
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
