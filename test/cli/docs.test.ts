/** Every command explains itself, and docs/cli.md knows all of them. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import commands from "../../packages/cli/src/commands/index.js";
import { commandIds } from "../../packages/cli/src/route.js";

interface Explained {
  readonly summary?: string;
  readonly description?: string;
  readonly examples?: readonly string[];
  readonly flags?: Readonly<Record<string, { readonly summary?: string; readonly hidden?: boolean }>>;
}

const docs = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");

test("the table of commands is complete", () => {
  expect(Object.keys(commands).sort()).toEqual([...commandIds].sort());
});

describe.each(Object.entries(commands as Readonly<Record<string, unknown>>))("orch %s", (id, command) => {
  const { summary, description, examples, flags } = command as Explained;
  test("has a summary, examples, and its exit codes", () => {
    expect(summary).toMatch(/\.$/);
    expect(examples?.length).toBeGreaterThan(0);
    expect(description).toMatch(/Exit codes: /);
    for (const flag of Object.values(flags ?? {})) expect(flag.summary).toMatch(/[.?]$/);
  });
  test("is in docs/cli.md with its flags", () => {
    const row = docs.split("\n").find((line) => line.startsWith(`| \`orch ${id.replace(":", " ")}`));
    expect(row).toBeDefined();
    for (const flag of Object.keys(flags ?? {})) expect(row).toContain(`--${flag}`);
  });
});
