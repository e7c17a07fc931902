/** Completion: what the scripts are told, and a real bash that is told it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bin, type Project, project, stack } from "./kit.js";
import { filesProgram } from "./programs.js";

const urn = "urn:pulumi:dev::shop::shop:index:Site$host:index:File::page";

async function applied(): Promise<Project> {
  const made = await stack(filesProgram());
  await made.ok(["stack", "init", "prod"]);
  await made.ok(["stack", "select", "dev"]);
  await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value" });
  await made.ok(["config", "set", "aws:region", "eu-central-1"]);
  await made.ok(["plan", "--out", "a.plan"]);
  await made.ok(["apply", "a.plan", "--yes"]);
  return made;
}

const complete = async (made: Project, line: string, env: Record<string, string> = {}): Promise<string[]> => {
  const result = await made.orch(["completion", "words", "--", ...line.split(" ")], { env });
  expect(result).toMatchObject({ code: 0, stderr: "" });
  return result.stdout.split("\n").filter((word) => word !== "");
};

test("stacks, resources, runs, keys, outputs, plans, commands and flags", async () => {
  const made = await applied();
  const at = (line: string) => complete(made, line);
  expect(await at("orch stack select ")).toEqual(["dev", "prod"]);
  expect(await at("orch plan --stack p")).toEqual(["prod"]);
  expect(await at("orch state show pa")).toEqual(["page"]);
  expect(await at("orch state show urn:pulumi:dev::shop::shop:index:Site$")).toEqual([urn]);
  expect(await at("orch apply --replace urn:pulumi:dev::shop::shop:index:Site$")).toEqual([urn]);
  expect(await at("orch -s prod state show ")).toEqual([]);
  expect(await at("orch plan --stack=p")).toEqual(["--stack=prod"]);
  expect(await at("orch plan --format ")).toEqual(["text", "markdown", "json"]);
  expect(await at("orch graph --format=s")).toEqual(["--format=svg"]);
  expect(await at("orch timeline ")).toEqual(["1"]);
  expect(await at("orch explain pa")).toEqual(["page"]);
  // The script runs where the person is; the project may be told to it.
  const elsewhere = await made.orch(
    ["-C", made.dir, "completion", "words", "--", "orch", "stack", "select", "p"],
    { cwd: ".." },
  );
  expect(elsewhere).toEqual({ code: 0, stdout: "prod\n", stderr: "" });
  expect(await at("orch history ")).toEqual(["1"]);
  expect(await at("orch state show page --at ")).toEqual(["1"]);
  expect(await at("orch config get ")).toEqual(["token", "aws:region"]);
  expect(await at("orch stack output ")).toEqual(["mode", "path", "secret"]);
  expect(await at("orch apply ")).toEqual(expect.arrayContaining(["a.plan", "out/"]));
  expect(await at("orch apply ")).not.toContain("index.ts");
  expect(await at("orch st")).toEqual(["stack", "state"]);
  expect(await at("orch state s")).toEqual(["show"]);
  expect(await at("orch apply --re")).toEqual(["--refresh", "--replace"]);
  expect(await at("orch explain plan-s")).toEqual(["plan-stale"]);
  expect(await at(`orch plan --help `)).toEqual([]);
  // No key is needed: it is about names.
  expect(await complete(made, "orch state show pa", { HOME: "/nowhere" })).toEqual(["page"]);
});

test("nothing is said where nothing can be known", async () => {
  const made = project({});
  expect(await complete(made, "orch state show ")).toEqual([]);
  expect(await complete(made, "orch nonsense ")).toEqual([]);
  expect((await made.orch(["completion", "tcsh"])).code).toBe(64);
});

describe.runIf(existsSync("/bin/bash"))("bash", () => {
  let made: Project;
  /** As Tab does it: the variables of a completion, and the function that the script binds. */
  const tab = async (line: string): Promise<string[]> => {
    const script = `
orch() { '${process.execPath}' '${bin}' "$@"; }
command() { "$@"; }
${await made.ok(["completion", "bash"])}
COMP_LINE=$1; COMP_POINT=\${#COMP_LINE}
_orch
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("/bin/bash", ["-c", script, "bash", line], {
      cwd: made.dir,
      env: { ...made.env },
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    return stdout.split("\n").filter((word) => word !== "");
  };
  test("stacks, and URNs whose colons break words", async () => {
    made = await applied();
    expect(await tab("orch stack select ")).toEqual(["dev", "prod"]);
    // What is before the last colon stands there already. `$` is quoted.
    expect(await tab("orch state show urn:pulumi:dev::shop::shop:index:Site")).toEqual(
      ["Site\\$host:index:File::page", "Site::site"].sort(),
    );
  });
});
