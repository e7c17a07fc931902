/** What `npm run demo:onboarding` shows (stacks/onboarding/demo.mjs): the stack's story in one go, on the lab's systems. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Attribute, Change } from "ldapts";
import { onboardingStack, startCompany } from "./company.js";

/** Tells it line by line. 0: all was as it should be. */
export async function story(say: (text: string) => void): Promise<number> {
  const bold = (text: string) =>
    process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[1m${text}\x1b[0m` : text;
  const heading = (text: string) =>
    say(`\n${bold(`── ${text} ${"─".repeat(Math.max(3, 76 - text.length))}`)}`);
  const started = Date.now();
  say("Starting a domain controller, a SCIM server, PocketBase, PostgreSQL and a file server …");
  const company = await startCompany();
  // Nothing of it may stay behind when this is interrupted.
  const end = async () => {
    await company.remove();
    stack?.remove();
  };
  let stack: Awaited<ReturnType<typeof onboardingStack>> | undefined;
  process.once("SIGINT", () => void end().then(() => process.exit(130)));
  try {
    stack = await onboardingStack(company);
    const { orch: run, directory } = stack;
    const orch = async (args: readonly string[], { expected = 0, tail = Number.POSITIVE_INFINITY } = {}) => {
      say(`\n${bold(`$ orch ${args.join(" ")}`)}`);
      const { code, all } = await run(...args);
      const lines = all.trimEnd().split("\n");
      if (lines.length > tail) say(`  … ${lines.length - tail} lines`);
      say(lines.slice(-tail).join("\n"));
      if (code !== expected)
        throw new Error(`orch ${args.join(" ")} ended with ${code}, and ${expected} was to be expected`);
    };
    const edit = (login: string, change: (text: string) => string) => {
      const file = join(directory, "people", `${login}.yaml`);
      writeFileSync(file, change(readFileSync(file, "utf8")));
    };

    heading("Three people come");
    say(readFileSync(join(directory, "people", "ada.yaml"), "utf8").replace(/^/gm, "  "));
    await orch(["apply", "--yes"], { tail: 30 });
    say(readFileSync(join(company.folder, "welcome", "ada.txt"), "utf8").replace(/^/gm, "  | "));

    heading("Max moves from sales to development: exactly what differs");
    edit("max", (text) => text.replace("role: seller", "role: developer"));
    await orch(["plan"]);
    await orch(["apply", "--yes"], { tail: 1 });

    heading("Somebody gives Grace a group by hand, and takes another away");
    const grace = `CN=Grace Hopper,OU=Engineering,${company.domain.base}`;
    const domain = await company.domain.connect();
    for (const [operation, group] of [
      ["add", "Sales"],
      ["delete", "VPN"],
    ] as const)
      await domain.modify(
        `CN=${group},OU=Groups,${company.domain.base}`,
        new Change({ operation, modification: new Attribute({ type: "member", values: [grace] }) }),
      );
    await orch(["drift"], { expected: 2 });
    await orch(["apply", "--yes", "--refresh"], { tail: 1 });
    await domain.modify(
      `CN=Sales,OU=Groups,${company.domain.base}`,
      new Change({
        operation: "delete",
        modification: new Attribute({ type: "member", values: [grace] }),
      }),
    );
    await domain.unbind();
    await orch(["drift"]);

    heading("Ada leaves; her last day is 2026-12-31");
    edit("ada", (text) => `${text}status: leaving\nlastDay: 2026-12-31\n`);
    await orch(["plan"]);
    await orch(["apply", "--yes"], { tail: 1 });
    await orch(["config", "set", "today", "2027-01-01"]);
    await orch(["plan"]);
    await orch(["apply", "--yes"], { tail: 1 });

    heading("Her home folder's days are over; the archive stays");
    await orch(["config", "set", "today", "2027-01-15"]);
    await orch(["apply", "--yes"]);

    heading("Ada comes back");
    edit("ada", (text) => text.replace("status: leaving\nlastDay: 2026-12-31", "rehired: 2027-02-01"));
    await orch(["config", "set", "today", "2027-02-01"]);
    await orch(["plan"]);
    await orch(["apply", "--yes"], { tail: 1 });
    await orch(["plan", "--refresh", "--detailed-exitcode"]);

    say(
      `\n${bold(`Done in ${Math.round((Date.now() - started) / 1000)} s.`)} Next: stacks/onboarding/README.md`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await end();
  }
}
