/** The systems of a small company, all real, and a copy of stacks/onboarding that is configured for them. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LabPocketbase, startPocketbase } from "./pocketbase.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { type LabSamba, startSamba } from "./samba.js";
import { type LabScim, startScim } from "./scim.js";
import { type LabSshd, startSshd } from "./sshd.js";
import { type LabStack, labStack } from "./stack.js";

/** What `describeLab` and `install.mjs` call the systems. */
export const companyNeeds = ["samba", "scim", "pocketbase", "postgres", "sshd"];

export interface Company {
  readonly domain: LabSamba;
  readonly suite: LabScim;
  readonly inventory: LabPocketbase;
  readonly database: LabPostgres;
  readonly files: LabSshd;
  /** The file server's folder with homes, letters and archives. */
  readonly folder: string;
  /** Everything that must not be seen anywhere, by what it is. */
  readonly secrets: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

export async function startCompany(): Promise<Company> {
  const folder = mkdtempSync(join(tmpdir(), "orch-lab-files-"));
  const started: { remove(): unknown }[] = [
    { remove: () => rmSync(folder, { recursive: true, force: true }) },
  ];
  const remove = async () => {
    for (const each of started.splice(0)) await each.remove();
  };
  const keep = <T extends object>(system: T, end: (system: T) => unknown): T => {
    started.push({ remove: () => end(system) });
    return system;
  };
  try {
    const [domain, suite, inventory, database, files] = await Promise.all([
      startSamba().then((it) => keep(it, () => it.remove())),
      startScim().then((it) => keep(it, () => it.stop())),
      startPocketbase().then((it) => keep(it, () => it.remove())),
      startPostgres().then((it) => keep(it, () => it.remove())),
      startSshd().then((it) => keep(it, () => it.remove())),
    ]);
    const secrets = {
      directoryPassword: domain.admin.password,
      suiteToken: suite.token,
      inventoryToken: inventory.token,
      databaseUrl: database.url(),
      filesKey: files.privateKeyPem,
      passwordSeed: randomBytes(16).toString("hex"),
    };
    return { domain, suite, inventory, database, files, folder, secrets, remove };
  } catch (failure) {
    await remove();
    throw failure;
  }
}

/** A copy of the stack with a configured stack `lab` in it. `over` goes before the company's own settings. */
export async function onboardingStack(
  company: Company,
  over: Readonly<Record<string, string>> = {},
): Promise<LabStack> {
  const stack = labStack("../../../stacks/onboarding");
  const { domain, suite, inventory, files, folder } = company;
  const project = join(stack.directory, "orch.yaml");
  writeFileSync(project, readFileSync(project, "utf8").replace("DC=example,DC=com", domain.base));
  mkdirSync(join(folder, "home"), { recursive: true });
  await stack.succeed("stack", "init", "lab");
  const values: Readonly<Record<string, string>> = {
    directoryUrl: domain.ldapsUrl,
    directoryCa: domain.ca,
    directoryUser: domain.admin.bindDn,
    directoryBase: domain.base,
    suiteUrl: suite.url,
    inventoryUrl: inventory.url,
    filesHost: files.host,
    filesPort: String(files.port),
    filesUser: files.user,
    filesHostKey: files.knownHostsLine.split(" ").slice(1).join(" "),
    filesFolder: folder,
    today: "2026-12-10",
    ...over,
  };
  for (const [key, value] of Object.entries(values)) await stack.succeed("config", "set", key, value);
  for (const [key, value] of Object.entries(company.secrets)) {
    const run = await stack.orchWith(value, "config", "set", key, "--secret");
    if (run.code !== 0) throw new Error(run.all);
  }
  return stack;
}
