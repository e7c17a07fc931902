/** What serves the stack's resources: plugins, direct providers, and where the clouds' own code looks for credentials. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { formatPath } from "@orch/core/model/path";
import type { ResourceState } from "@orch/core/model/resource";
import { isProviderType, packageOf } from "@orch/core/model/urn";
import type { FoundProject, StackConfig } from "@orch/core/project/index";
import { loadersFor } from "@orch/providers/loaders";
import {
  cachedSha256,
  dynamicPackage,
  findPlugin,
  platformName,
  pluginPlaces,
  readLock,
  thisPlatform,
} from "@orch/providers/pulumi/index";
import { type Check, failed, ok, skipped, warn } from "./check.js";

/** Those that the stack's resources were made with. */
export const providersOf = (resources: readonly ResourceState[]): readonly ResourceState[] =>
  resources.filter(({ type, deposed }) => isProviderType(type) && deposed === undefined);

/** Is each there, and is it what the lock says? Nothing is started. `served`: packages that orch serves itself. */
export async function plugins(
  project: FoundProject,
  providers: readonly ResourceState[],
  served: ReadonlySet<string>,
): Promise<Check[]> {
  const places = pluginPlaces();
  const lock = await readLock(project.dir);
  const wanted = new Map<
    string,
    { readonly name: string; readonly version?: string; readonly sum?: string }
  >();
  for (const row of providers) {
    const { name, version } = row.package ?? { name: packageOf(row.type) };
    if (version !== undefined && !served.has(name) && name !== dynamicPackage)
      wanted.set(`${name} ${version}`, { name, version });
  }
  for (const { name, version, sha256 } of lock?.plugins ?? []) {
    const sum = sha256[platformName(thisPlatform())];
    wanted.set(`${name} ${version}`, { name, version, ...(sum === undefined ? {} : { sum }) });
  }
  if (wanted.size === 0) return [ok("plugins", "the stack needs none")];
  return Promise.all(
    [...wanted.values()].map(async ({ name, version, sum }) => {
      const title = `plugin ${name}`;
      const plugin = findPlugin({ name, ...(version === undefined ? {} : { version }) }, places);
      if (plugin === undefined)
        return failed(title, `${name} ${version} is not here`, `orch plugin install ${name} ${version}`);
      if (sum === undefined)
        return lock === undefined
          ? ok(title, `${version}, ${plugin.path}`)
          : warn(title, `${version} is not pinned for this platform in orch.lock.json`, "orch plugin lock");
      const is = await cachedSha256(plugin.path, places.cache);
      return is === sum
        ? ok(title, `${version}, as in orch.lock.json (${plugin.path})`)
        : failed(
            title,
            `${plugin.path} is not what orch.lock.json pins: expected SHA-256 ${sum}, found ${is}`,
            `orch plugin install ${name} ${version} --reinstall`,
          );
    }),
  );
}

/** The configuration of providers within orch, by their own checks, which ask nobody. */
export async function direct(
  project: FoundProject,
  providers: readonly ResourceState[],
): Promise<{ readonly served: ReadonlySet<string>; readonly checks: Check[] }> {
  const served = new Set<string>();
  const loaders = loadersFor(project).filter(({ name }) => name === "direct");
  const context = { projectDir: project.programDir, project: project.name, stack: "", log: () => {} };
  const found: Check[] = [];
  for (const row of providers) {
    const descriptor = row.package ?? { name: packageOf(row.type) };
    for (const loader of loaders) {
      const provider = await loader.load(descriptor, context);
      if (provider === undefined) continue;
      served.add(descriptor.name);
      try {
        const { urn, type, name, inputs } = row;
        const { failures } = await provider.checkConfig({ urn, type, name, newInputs: inputs });
        const title = `provider ${name}`;
        found.push(
          failures.length === 0
            ? ok(title, `${descriptor.name}: its configuration is valid`)
            : failed(
                title,
                failures
                  .map(({ path, message }) => (path === "" ? message : `${formatPath([path])}: ${message}`))
                  .join("; "),
                `Correct it in the program or with \`orch config set ${descriptor.name}:…\`.`,
              ),
        );
      } finally {
        await provider.close();
      }
      break;
    }
  }
  return { served, checks: found };
}

interface Cloud {
  readonly packages: readonly string[];
  /** Environment variables, one of which is enough. */
  readonly variables: readonly string[];
  /** Relative to the home folder. */
  readonly files: readonly string[];
  /** Configuration keys. */
  readonly keys: readonly string[];
}

/** Where the vendors' code looks, by their documentation. */
const clouds: readonly Cloud[] = [
  {
    packages: ["aws", "aws-native", "awsx"],
    variables: [
      ...["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"],
      ...["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    ],
    files: [".aws/credentials", ".aws/config"],
    keys: ["accessKey", "profile", "sharedCredentialsFiles"],
  },
  {
    packages: ["azure", "azure-native", "azuread"],
    variables: ["ARM_CLIENT_ID", "ARM_USE_MSI", "ARM_USE_OIDC", "AZURE_CLIENT_ID"],
    files: [".azure/azureProfile.json"],
    keys: ["clientId", "useMsi", "useOidc"],
  },
  {
    packages: ["gcp", "google-native"],
    variables: ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN"],
    files: [".config/gcloud/application_default_credentials.json"],
    keys: ["credentials", "accessToken"],
  },
  {
    packages: ["kubernetes"],
    variables: ["KUBECONFIG", "KUBERNETES_SERVICE_HOST"],
    files: [".kube/config"],
    keys: ["kubeconfig"],
  },
];

/** Is there anything that could be a credential? What it is, and whether it works, is not looked at. */
export function credentials(
  providers: readonly ResourceState[],
  config: StackConfig,
  env: NodeJS.ProcessEnv = process.env,
): Check[] {
  const configured = Object.keys(config.values);
  const rows = new Map(providers.map((row) => [row.package?.name ?? packageOf(row.type), row]));
  const used = new Set([...rows.keys(), ...configured.map((key) => key.slice(0, key.indexOf(":")))]);
  return clouds.flatMap(({ packages, variables, files, keys }) => {
    const mine = packages.filter((name) => used.has(name));
    const [first] = mine;
    if (first === undefined) return [];
    const title = `credentials ${first}`;
    const found = [
      ...variables.filter((name) => env[name]),
      ...files.filter((file) => existsSync(join(homedir(), file))).map((file) => `~/${file}`),
      ...mine.flatMap((name) =>
        keys.flatMap((key) => [
          ...(configured.includes(`${name}:${key}`) ? [`the configuration ${name}:${key}`] : []),
          ...(rows.get(name)?.inputs[key] === undefined ? [] : [`the provider's own ${key}`]),
        ]),
      ),
    ];
    const [one] = found;
    return one === undefined
      ? [
          warn(
            title,
            `nothing that ${first} could log in with was found`,
            `Set one of ${variables.slice(0, 3).join(", ")}, or log in with the vendor's own tool.`,
          ),
        ]
      : [ok(title, `${one} is there; it was not tried`)];
  });
}

export const noStack = (names: readonly string[]): Check[] =>
  names.map((name) => skipped(name, "there is no stack to look at"));
