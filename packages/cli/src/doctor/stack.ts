/** What can be looked at of a project and its stack: files, backend, key, what runs have left. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { toFailure } from "@orch/core/model/failure";
import {
  type ContextOptions,
  chooseBackend,
  type FoundProject,
  openBackend,
  openStackContext,
  readStackFile,
  type StackContext,
  selectedStack,
} from "@orch/core/project/index";
import { duration } from "../render/text.js";
import { type Check, check, failed, ok, skipped, warn } from "./check.js";
import { disk, sdk } from "./machine.js";
import { credentials, direct, noStack, plugins, providersOf } from "./providers.js";

/** A backend whose clock differs more than this makes times in the history useless; much more, and leases fall early. In ms. */
const clockWarns = 5_000;
const clockFails = 20_000;

export async function projectChecks(
  project: FoundProject,
  options: ContextOptions,
  offline: boolean,
): Promise<Check[]> {
  const found: Check[] = [ok("project", `${project.name}, ${project.file}`)];
  found.push(...(await check("sdk", async () => sdk(project.programDir))));
  found.push(...(await check("disk", () => disk(project.dir))));
  const reached = await backendChecks(project, options, offline);
  found.push(...reached.checks);
  const later = ["stack", "key", "unfinished steps", "locks", "plugins"];
  if (reached.stacks === undefined) {
    const why = reached.checks.some(({ status }) => status === "fail")
      ? "the backend can't be read"
      : "offline";
    found.push(...later.map((name) => skipped(name, why)));
    return found;
  }
  const stack =
    options.stack ??
    (await selectedStack(project)) ??
    (reached.stacks.length === 1 ? reached.stacks[0] : undefined);
  if (stack === undefined) {
    found.push(
      reached.stacks.length === 0
        ? warn("stack", "the project has none yet", "orch stack init dev")
        : warn("stack", "none is selected", `orch stack select ${reached.stacks[0]}`),
      ...noStack(later.slice(1)),
    );
    return found;
  }
  if (!reached.stacks.includes(stack)) {
    found.push(
      failed("stack", `there is no stack ${stack}`, "`orch stack ls` lists those that there are."),
      ...noStack(later.slice(1)),
    );
    return found;
  }
  found.push(...(await stackChecks(project, { ...options, stack }, offline)));
  return found;
}

async function backendChecks(
  project: FoundProject,
  options: ContextOptions,
  offline: boolean,
): Promise<{ readonly checks: Check[]; readonly stacks?: readonly string[] }> {
  let stacks: readonly string[] | undefined;
  const checks = await check("backend", async () => {
    const choice = await chooseBackend(project);
    const file = /^sqlite:(.+)$/s.exec(choice.url)?.[1];
    if (offline && file === undefined) return [skipped("backend", "offline"), skipped("clock", "offline")];
    const backend = await openBackend(project, options);
    try {
      const began = performance.now();
      stacks = (await backend.listStacks(project.name)).map(({ stack }) => stack);
      const took = performance.now() - began;
      const from = choice.by === "default" ? "the default" : `by ${choice.place}`;
      const reached = ok("backend", `${backend.description} (${from}) answered in ${Math.ceil(took)} ms`);
      const again = performance.now();
      const clock = await backend.clock();
      const here = Date.now() - (performance.now() - again) / 2;
      const folder = file === undefined ? undefined : dirname(resolve(choice.dir, file));
      return [
        reached,
        clock === undefined ? ok("clock", "the backend's is this machine's") : clockCheck(clock - here),
        ...(folder === undefined || folder.startsWith(project.dir) || !existsSync(folder)
          ? []
          : [await disk(folder)]),
      ];
    } finally {
      await backend.close();
    }
  });
  return { checks, ...(stacks === undefined ? {} : { stacks }) };
}

/** `ahead`: by how many ms the backend's clock is before this machine's. */
export function clockCheck(ahead: number): Check {
  const off = Math.abs(ahead);
  if (off < clockWarns) return ok("clock", `within ${Math.max(1, Math.ceil(off / 1000))} s of the backend's`);
  const text = `this machine's clock is ${duration(off)} ${ahead > 0 ? "behind" : "ahead of"} the backend's`;
  const next = "Set it right (timedatectl set-ntp true): locks between machines are told by time.";
  return off < clockFails ? warn("clock", text, next) : failed("clock", text, next);
}

async function stackChecks(
  project: FoundProject,
  options: ContextOptions & { readonly stack: string },
  offline: boolean,
): Promise<Check[]> {
  const { stack } = options;
  const found: Check[] = [];
  const rest = ["unfinished steps", "locks", "plugins"];
  const file = await readStackFile(project, stack).catch((error: unknown) => toFailure(error));
  if ("reason" in file)
    return [
      failed("stack", `${stack}: ${file.message}`, ...(file.next ?? [])),
      ...["key", ...rest].map((name) => skipped(name, "the stack's settings can't be read")),
    ];
  found.push(ok("stack", `${stack}, ${file.exists ? file.yaml.path : "without a settings file"}`));
  if (offline && file.encryption !== undefined && "url" in file.encryption)
    return [...found, ...["key", ...rest].map((name) => skipped(name, "offline: the key is a service's"))];
  if (file.encryption === undefined && file.pulumiSalt === undefined)
    return [
      ...found,
      warn("key", "the stack's settings hold none", `Restore ${file.yaml.path} from version control.`),
      ...rest.map((name) => skipped(name, "the stack can't be opened without its key")),
    ];
  let context: StackContext | undefined;
  found.push(
    ...(await check("key", async () => {
      // Decrypts every secret of the configuration, too.
      context = await openStackContext(options);
      const secrets = Object.values(context.config.values).filter(({ secret }) => secret).length;
      const { encryption } = file;
      const by =
        encryption === undefined ? "passphrase" : "url" in encryption ? encryption.url : encryption.kind;
      return ok("key", `opens the stack's secrets (${by}; ${secrets} in its settings)`);
    })),
  );
  if (context === undefined)
    return [...found, ...rest.map((name) => skipped(name, "the stack can't be opened"))];
  const { store, config } = context;
  try {
    const { resources, unfinished } = await store.snapshot();
    const locks = await store.locks();
    const dead = locks.filter(({ alive }) => !alive);
    const providers = providersOf(resources);
    const open = unfinished.filter(({ runId }) => !locks.some((lock) => lock.alive && lock.runId === runId));
    found.push(
      open.length === 0
        ? ok("unfinished steps", "none")
        : warn("unfinished steps", `${open.length} of runs that were cut off`, "orch resume"),
      dead.length > 0
        ? warn(
            "locks",
            `${dead.length} of runs that do not live any more (they fall when another run begins)`,
            "`orch unlock` lists them.",
          )
        : ok(
            "locks",
            locks.length === 0
              ? "none is held"
              : `${locks.length} held by runs at work: ${[...new Set(locks.map(({ who }) => who))].join(", ")}`,
          ),
      ...(await check("providers", async () => {
        const { served, checks } = await direct(project, providers);
        return [...(await plugins(project, providers, served)), ...checks];
      })),
      ...credentials(providers, config),
    );
  } finally {
    await store.close();
    await context.close();
  }
  return found;
}
