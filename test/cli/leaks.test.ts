/**
 * Secrets stay secret: a whole life of a stack through the real command line, with three secrets that come in by three ways. Every
 * byte that orch wrote or printed, and every argument of every process while it ran, is searched for them, plainly and in base64
 * (each alignment), hexadecimal and URL encoding; plan files also unpacked, the state also row by row.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { type Project, project, type Result } from "./kit.js";

/** With characters that every encoding changes. */
const makeSecret = (name: string): string => `${name}/${randomBytes(21).toString("base64url")}+%=&`;
const secrets = { config: makeSecret("c"), output: makeSecret("o"), content: makeSecret("f") };

function encodings(secret: string): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(secret);
  const found = new Map<string, string>([
    ["plain", secret],
    ["hex", bytes.toString("hex")],
    ["HEX", bytes.toString("hex").toUpperCase()],
    ["URL", encodeURIComponent(secret)],
    ["form", new URLSearchParams({ "": secret }).toString().slice(1)],
  ]);
  for (const offset of [0, 1, 2]) {
    // Characters that other bytes share in are left out.
    const [start, end] = [offset === 0 ? 0 : offset + 1, Math.floor(((offset + bytes.length) * 8) / 6)];
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    found.set(`base64 at ${offset}`, padded.toString("base64").slice(start, end));
    found.set(`base64url at ${offset}`, padded.toString("base64url").slice(start, end));
  }
  return new Map([...found].map(([name, text]) => [name, Buffer.from(text)]));
}
const needles = Object.entries(secrets).flatMap(([name, secret]) =>
  [...encodings(secret)].map(([encoding, bytes]) => ({ what: `${name} (${encoding})`, bytes })),
);

const leaksIn = (bytes: Buffer): string[] =>
  needles.filter((needle) => bytes.includes(needle.bytes)).map(({ what }) => what);

test("the search finds what it looks for", () => {
  for (const secret of Object.values(secrets)) {
    for (const before of ["", "x", "xy"]) {
      const text = `${before}${secret}tail`;
      expect(leaksIn(Buffer.from(text)).length).toBeGreaterThan(0);
      expect(leaksIn(Buffer.from(Buffer.from(text).toString("base64"))).length).toBeGreaterThan(0);
      expect(leaksIn(Buffer.from(Buffer.from(text).toString("hex"))).length).toBeGreaterThan(0);
      expect(leaksIn(Buffer.from(encodeURIComponent(text))).length).toBeGreaterThan(0);
    }
  }
  expect(leaksIn(Buffer.from("nothing here"))).toEqual([]);
});

const program = {
  "Pulumi.yaml": "name: leaks\nruntime: nodejs\n",
  "index.ts": `
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const token = config.requireSecret("token");
const outside = join(process.cwd(), "..", "outside");
const content = pulumi.secret(readFileSync(join(outside, "content"), "utf8"));

class Account extends pulumi.dynamic.Resource {
  declare readonly password: pulumi.Output<string>;
  constructor(name: string, props: pulumi.Inputs, opts?: pulumi.CustomResourceOptions) {
    super({
      async create(inputs: any) {
        return { id: "account-1", outs: { ...inputs, password: require("node:fs").readFileSync(inputs.outside + "/output", "utf8") } };
      },
      async diff(_id: string, olds: any, news: any) { return { changes: olds.size !== news.size || olds.token !== news.token }; },
      async update(_id: string, olds: any, news: any) { return { outs: { ...news, password: olds.password } }; },
      async delete() {},
    }, name, { password: undefined, ...props }, { ...opts, additionalSecretOutputs: ["password"] });
  }
}
/** Says in its error all that it knows. */
class Gossip extends pulumi.dynamic.Resource {
  constructor(name: string, props: pulumi.Inputs, opts?: pulumi.CustomResourceOptions) {
    super({
      async create(inputs: any) {
        throw new Error("the server refused " + inputs.token + " and " + inputs.password + " and " + inputs.content);
      },
    }, name, props, opts);
  }
}
const size = existsSync(join(outside, "larger")) ? 2 : 1;
const account = new Account("account", { token, outside, size });
const file = new host.File("file", {
  path: join(process.cwd(), "out.txt"),
  content: pulumi.interpolate\`first\\n\${content}\\nsize \${size}\\n\`,
  mode: "0600",
});
if (existsSync(join(outside, "gossip"))) new Gossip("gossip", { token, password: account.password, content });
pulumi.log.info("a program that behaves");
export const password = account.password;
export const joined = pulumi.interpolate\`https://me:\${token}@example.com\`;
export const nested = { list: [content], plain: file.path };
`,
};

let made: Project;
let base: string;
const findings: string[] = [];
const searched = { files: 0, plans: 0, outputs: 0, arguments: 0 };

/** Files that hold a secret because they must: what the program manages, and what it reads. */
const own = (path: string): boolean =>
  path === join(base, "project", "out.txt") ||
  path.startsWith(join(base, "outside")) ||
  path.endsWith("/node_modules");

function searchFiles(after: string): void {
  for (const entry of readdirSync(base, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || own(path) || path.includes("/node_modules/")) continue;
    const bytes = readFileSync(path);
    searched.files++;
    const texts: Buffer[] = [bytes];
    // A plan file has a line of text before its packed part.
    const packed = bytes.indexOf(Buffer.from([0x1f, 0x8b, 0x08]));
    if (path.endsWith(".plan")) {
      const plan = gunzipSync(bytes.subarray(packed));
      if (plan.includes("account")) searched.plans++;
      texts.push(plan);
    }
    if (path.endsWith("state.db")) texts.push(rowsOf(path));
    for (const text of texts)
      for (const leak of leaksIn(text)) findings.push(`${after}: ${leak} in ${path.slice(base.length)}`);
  }
}

/** As rows, where a value is in one piece: in the file it may go over several pages. */
function rowsOf(path: string): Buffer {
  const database = new DatabaseSync(path, { readOnly: true });
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").all() as {
    name: string;
  }[];
  const rows = tables.flatMap(({ name }) => database.prepare(`select * from "${name}"`).all());
  database.close();
  return Buffer.from(JSON.stringify(rows));
}

function searchArguments(during: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(`/proc/${pid}/cmdline`);
    } catch {
      // It has ended since.
      continue;
    }
    searched.arguments++;
    for (const leak of leaksIn(bytes)) findings.push(`${during}: ${leak} in the arguments of process ${pid}`);
  }
}

async function orch(args: readonly string[], input?: string): Promise<Result> {
  const command = `orch ${args.join(" ")}`;
  const timer = setInterval(() => searchArguments(command), 150);
  try {
    const env = { TMPDIR: join(base, "tmp"), XDG_CACHE_HOME: join(base, "cache") };
    const result = await made.orch(args, { env, ...(input === undefined ? {} : { input }) });
    for (const [where, text] of [
      ["standard output", result.stdout],
      ["standard error", result.stderr],
    ] as const) {
      searched.outputs++;
      for (const leak of leaksIn(Buffer.from(text))) findings.push(`${command}: ${leak} in ${where}`);
    }
    searchFiles(command);
    return result;
  } finally {
    clearInterval(timer);
  }
}
async function ok(args: readonly string[], input?: string): Promise<string> {
  const result = await orch(args, input);
  expect(result, `orch ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout;
}

afterAll(() => {
  console.log(
    `searched for ${needles.length} forms of 3 secrets: ${searched.files} files, ${searched.outputs} outputs, ${searched.arguments} command lines of processes`,
  );
});

test("nothing that orch writes or prints holds a secret", async () => {
  made = project(program);
  base = dirname(made.dir);
  for (const folder of ["outside", "tmp", "cache"]) mkdirSync(join(base, folder));
  const outside = (name: string, text = ""): void => writeFileSync(join(base, "outside", name), text);
  outside("content", secrets.content);
  outside("output", secrets.output);

  await ok(["stack", "init", "dev"]);
  await ok(["config", "set", "token", "--secret"], secrets.config);
  await ok(["config", "ls"]);
  await ok(["config", "ls", "--json"]);
  await ok(["plan", "--diff"]);
  await ok(["plan", "--json"]);
  await ok(["plan", "--out", "first.plan", "--verbose"]);
  expect(await ok(["apply", "first.plan", "--yes", "--verbose"])).toContain("account");
  expect(readFileSync(made.path("out.txt"), "utf8")).toContain(secrets.content);
  for (const json of [[], ["--json"]]) {
    for (const name of ["account", "file"]) await ok(["state", "show", name, ...json]);
    await ok(["state", "ls", ...json]);
    expect(await ok(["stack", "output", ...json])).toContain("[secret]");
  }
  await ok(["stack", "output", "joined"]);
  await ok(["graph"]);
  // Somebody changes one line of the file: the difference has the secret beside it.
  writeFileSync(made.path("out.txt"), `other\n${secrets.content}\nsize 1\n`);
  for (const json of [[], ["--json"], ["--diff"]]) await orch(["drift", ...json]);
  await ok(["plan", "--refresh", "--diff"]);
  outside("larger");
  await ok(["plan", "--diff", "--json"]);
  await ok(["apply", "--yes", "--refresh", "--diff", "--json", "--events", "events.ndjson"]);
  await ok(["refresh", "--yes"]);
  outside("gossip");
  const failed = await orch(["apply", "--yes", "--verbose"]);
  expect(failed.code).toBe(1);
  expect(failed.stdout + failed.stderr).toContain("the server refused [secret]");
  await orch(["apply", "--yes", "--json", "--events", "events.ndjson"]);
  for (const json of [[], ["--json"]]) {
    await ok(["show", "plan", "first.plan", ...json]);
    await ok(["history", ...json]);
    await ok(["history", "2", ...json]);
    await ok(["state", "diff", "1", "2", ...json]);
  }
  await ok(["secrets", "rotate"]);
  // The stack can still be read after it, by its new key only.
  expect(await ok(["stack", "output"])).toContain("[secret]");
  await ok(["destroy", "--yes", "--diff"]);
  expect([...new Set(findings)]).toEqual([]);
  expect(searched.plans).toBeGreaterThan(0);
}, 600_000);
