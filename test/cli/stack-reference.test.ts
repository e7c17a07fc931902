/** What one stack gives out, used by another: of the same project and of another one, in the same backend. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Project, project, stack } from "./kit.js";

const network = (size: string) => ({
  "orch.yaml": "name: network\n",
  "index.ts": `
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";
const file = new host.File("subnet", { path: process.cwd() + "/subnet", content: "10.0.0.0/${size}\\n" });
export const subnet = file.content;
export const nested = { ids: [1, 2, 3] };
export const password = pulumi.secret("correct horse battery staple");
`,
});

const app = (reference: string, secret = true) => ({
  "orch.yaml": "name: app\n",
  "index.ts": `
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";
const network = new pulumi.StackReference("${reference}");
new host.File("hosts", {
  path: process.cwd() + "/hosts",
  content: pulumi.interpolate\`\${network.requireOutput("subnet")}\${network.getOutput("nested").apply((n: any) => n.ids.length)}\\n\`,
});
${secret ? `new host.File("secret", { path: process.cwd() + "/secret", mode: "0600", content: network.requireOutput("password") });` : ""}
`,
});

async function applied(
  reference: string,
  secret: boolean,
): Promise<{ net: Project; web: Project; env: Record<string, string> }> {
  const net = project(network("24"));
  const env = { ORCH_BACKEND: `sqlite:${join(net.dir, "shared.db")}` };
  await net.ok(["stack", "init", "prod"], { env });
  await net.ok(["apply", "--yes"], { env });
  const web = project(app(reference, secret));
  await web.ok(["stack", "init", "prod"], { env });
  return { net, web, env };
}

test("a stack of another project: values, and nothing to do while they stay", async () => {
  const { net, web, env } = await applied("organization/network/prod", false);
  const plan = await web.ok(["plan"], { env });
  expect(plan).toContain("10.0.0.0/24");
  await web.ok(["apply", "--yes"], { env });
  const again = await web.orch(["plan", "--detailed-exitcode"], { env });
  expect(again.stdout).not.toContain("to read");
  expect(again.code).toBe(0);
  net.write(network("16"));
  await net.ok(["apply", "--yes"], { env });
  const changed = await web.orch(["plan", "--detailed-exitcode"], { env });
  expect(changed.code).toBe(2);
  expect(changed.stdout).toContain("10.0.0.0/16");
  await web.ok(["apply", "--yes"], { env });
  expect((await web.orch(["drift"], { env })).code).toBe(0);
  await web.ok(["destroy", "--yes"], { env });
});

test("another project's secrets need its key: they are named, not given", async () => {
  const { web, env } = await applied("network/prod", true);
  const plan = await web.orch(["plan"], { env });
  expect(plan.code).toBe(1);
  expect(plan.stdout + plan.stderr).toMatch(/secret outputs that can't be read here.*password/s);
  expect(plan.stderr).toContain("The stack network/prod gives out no password, which the program requires.");
});

test("a stack of the same project, secrets with it", async () => {
  const made = await stack({ ...network("24") });
  await made.ok(["apply", "--yes"]);
  made.write({ "index.ts": app("dev")["index.ts"] });
  await made.ok(["stack", "init", "second"]);
  const plan = await made.ok(["plan"]);
  expect(plan).not.toContain("battery");
  await made.ok(["apply", "--yes"]);
  const state = await made.ok(["state", "show", "secret"]);
  expect(state).toContain("[secret]");
  expect(state).not.toContain("battery");
});

test("one that is not there is refused with the names that are near", async () => {
  const { web, env } = await applied("organization/network/prdo", false);
  const plan = await web.orch(["plan"], { env });
  expect(plan.code).toBe(1);
  expect(plan.stderr).toMatch(/error\[stack-unknown\].*prdo.*Did you mean organization\/network\/prod\?/s);
});
