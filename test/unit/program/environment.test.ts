import { expect, test } from "vitest";
import { program, resultOf, run } from "./harness.js";

test("a program gets the environment, but nothing that is for orch alone", async () => {
  const mine = { AWS_ACCESS_KEY_ID: "AKIA", GITHUB_TOKEN: "ghp", ORCH_HOME: "/home" };
  const own = {
    ORCH_BACKEND: "postgres://u:p@db/orch",
    ORCH_PASSPHRASE: "hunter2",
    ORCH_PASSPHRASE_FILE: "/key",
    ORCH_KEY_FILE: "/key",
    ORCH_WEBHOOK_URL: "https://chat.example/secret",
    ORCH_WEBHOOK_SECRET: "s",
    ORCH_SLACK_WEBHOOK_URL: "https://hooks.example/secret",
  };
  const before = { ...process.env };
  Object.assign(process.env, mine, own);
  try {
    const names = [...Object.keys(mine), ...Object.keys(own)];
    const ran = await run(
      program({
        "index.ts": `export const seen = ${JSON.stringify(names)}.filter((name) => process.env[name] !== undefined);\n`,
      }),
    );
    expect(resultOf(ran).outputs.seen).toEqual(Object.keys(mine));
  } finally {
    process.env = before;
  }
});
