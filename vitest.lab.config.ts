import { defineConfig } from "vitest/config";
import { alias } from "./test/alias.js";
import { reporters } from "./test/reporters.js";

/** Tests against real systems (sshd, Pulumi plugins). `npm run test:lab` installs what they need first. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ["test/lab/**/*.test.ts"],
    reporters: reporters("lab"),
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
