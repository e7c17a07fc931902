/** Finding and reading the project file: `orch.yaml`, or the `Pulumi.yaml` of a Pulumi program as it is. */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { fail } from "../model/failure.js";
import { defaultsOf } from "./config-values.js";
import type { Project } from "./contract.js";
import { driftRules, driftSettings } from "./drift-rules.js";
import { isName, projectNameRule } from "./names.js";
import { checkYaml, failAt, parseYaml, type YamlFile } from "./yaml-file.js";

const orchNames = ["orch.yaml", "orch.yml"] as const;
const pulumiNames = ["Pulumi.yaml", "Pulumi.yml"] as const;

const settings = {
  backend: z.string("must be text such as sqlite:.orch/state.db").optional(),
  pluginMirrors: z.array(z.string("must be a folder, a file or a URL")).optional(),
  providers: z.record(z.string(), z.enum(["plugin", "direct"], 'must be "plugin" or "direct"')).optional(),
  drift: driftSettings.optional(),
};

const text = z.string("must be text");
const runtime = z.union(
  [text, z.looseObject({ name: text, options: z.record(z.string(), z.unknown()).optional() })],
  "must be nodejs, or a map with the name nodejs",
);
const shared = {
  name: z.string("is missing, or not text: the project's name").refine(isName, projectNameRule),
  description: text.nullish(),
  main: text.nullish(),
  config: z.record(z.string(), z.unknown(), "must be a map of configuration keys").nullish(),
};

/** What orch reads of a Pulumi.yaml; the rest of the file belongs to Pulumi. */
const pulumiFile = z.looseObject({
  ...shared,
  runtime,
  stackConfigDir: text.nullish(),
  orch: z.strictObject(settings).optional(),
});
const orchFile = z.strictObject({
  ...shared,
  runtime: runtime.optional(),
  stackConfigDir: text.nullish(),
  ...settings,
});

export interface FoundProject extends Project {
  /** Absolute folder of the stacks' settings files. */
  readonly stackConfigDir: string;
}

/** The project that `cwd` lies in: the nearest project file upward. Fails with `project-missing` or `project-invalid`. */
export async function findProject(cwd: string): Promise<FoundProject> {
  const start = resolve(cwd);
  for (let dir = start; ; dir = dirname(dir)) {
    const name = [...orchNames, ...pulumiNames].find((candidate) => existsSync(join(dir, candidate)));
    if (name !== undefined) return readProject(join(dir, name));
    if (dirname(dir) === dir) break;
  }
  return fail({
    reason: "project-missing",
    message: `There is no project here: neither ${start} nor a folder above it has an orch.yaml or a Pulumi.yaml.`,
    next: ["Change to the project's folder, or name it with --cwd.", "Make a new project with `orch new`."],
  });
}

/** Reads one project file. */
export async function readProject(path: string): Promise<FoundProject> {
  const yaml = parseYaml(path, await readFile(path, "utf8"), "project-invalid");
  const isOrch = (orchNames as readonly string[]).includes(basename(path));
  const { content, own, at } = isOrch ? readOrch(yaml) : readPulumi(yaml);
  checkRuntime(yaml, content.runtime);

  const dir = dirname(path);
  return {
    name: content.name,
    ...(content.description ? { description: content.description } : {}),
    dir,
    file: path,
    ...programOf(yaml, dir, content.main ?? undefined),
    stackConfigDir: resolve(dir, content.stackConfigDir ?? "."),
    settings: {
      ...(own.backend === undefined ? {} : { backend: own.backend }),
      pluginMirrors: own.pluginMirrors ?? [],
      providers: own.providers ?? {},
      ...(own.drift ? { drift: driftRules(own.drift, yaml, [...at, "drift"]) } : {}),
    },
    defaultConfig: defaultsOf(yaml, content.name),
  };
}

function readOrch(yaml: YamlFile) {
  const content = checkYaml(yaml, orchFile);
  return { content, own: content, at: [] };
}
function readPulumi(yaml: YamlFile) {
  const content = checkYaml(yaml, pulumiFile);
  return { content, own: content.orch ?? {}, at: ["orch"] };
}

function checkRuntime(yaml: YamlFile, runtime: z.output<typeof pulumiFile>["runtime"] | undefined): void {
  const name = typeof runtime === "object" ? runtime.name : (runtime ?? "nodejs");
  if (name === "nodejs") return;
  failAt(yaml, typeof runtime === "object" ? ["runtime", "name"] : ["runtime"], {
    message: `orch runs programs in TypeScript and JavaScript; it can't run ${JSON.stringify(name)}`,
    expected: "nodejs",
    found: name,
    next: ["Set `runtime: nodejs`, with a program in TypeScript or JavaScript."],
  });
}

/** As Pulumi reads `main`: a folder with the program, or its entry file. */
function programOf(
  yaml: YamlFile,
  dir: string,
  main: string | undefined,
): Pick<Project, "programDir" | "entry"> {
  if (main === undefined || main === "") return { programDir: dir };
  const path = resolve(dir, main);
  if (!existsSync(path)) {
    return failAt(yaml, ["main"], {
      message: `there is no ${main} in ${dir}`,
      expected: "a folder with the program, or its entry file",
      found: main,
    });
  }
  return statSync(path).isDirectory()
    ? { programDir: path }
    : { programDir: dirname(path), entry: basename(path) };
}
