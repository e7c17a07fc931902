/**
 * What `podman container inspect` and `docker container inspect` say, in the words of the inputs. Both print the same shape
 * (github.com/containers/podman, `libpod/define/container_inspect.go`; the Engine API's ContainerInspect), with other defaults.
 */
import { createHash } from "node:crypto";

export interface ContainerInputs {
  readonly image: string;
  readonly entrypoint?: string[] | undefined;
  readonly command?: string[] | undefined;
  readonly environment?: Record<string, string> | undefined;
  readonly ports?: string[] | undefined;
  readonly volumes?: string[] | undefined;
  readonly networks?: string[] | undefined;
  readonly restart?: string | undefined;
  readonly labels?: Record<string, string> | undefined;
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  readonly hostname?: string | undefined;
  readonly health?: Health | undefined;
  readonly memory?: string | undefined;
  readonly cpus?: number | undefined;
  readonly pids?: number | undefined;
  readonly readOnly?: boolean | undefined;
  readonly privileged?: boolean | undefined;
  readonly capAdd?: string[] | undefined;
  readonly capDrop?: string[] | undefined;
  readonly stopTimeout?: number | undefined;
}
export interface Health {
  readonly command: string;
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
  readonly retries?: number | undefined;
  readonly startPeriod?: number | undefined;
}

type Maybe<T> = T | null | undefined;
/** The parts that are looked at. An image has `Config` only. */
export interface Inspected {
  readonly Id?: string;
  readonly Image?: string;
  readonly Path?: string;
  readonly Args?: Maybe<readonly string[]>;
  readonly State?: {
    readonly Status?: string;
    readonly Running?: boolean;
    readonly Restarting?: boolean;
    readonly Health?: Maybe<{ readonly Status?: string }>;
    readonly Healthcheck?: Maybe<{ readonly Status?: string }>;
  };
  readonly Mounts?: Maybe<
    readonly {
      readonly Type?: string;
      readonly Name?: string;
      readonly Source?: string;
      readonly Destination?: string;
      readonly RW?: boolean;
    }[]
  >;
  readonly NetworkSettings?: {
    readonly Networks?: Maybe<Readonly<Record<string, Maybe<{ readonly IPAddress?: string }>>>>;
  };
  readonly Config?: {
    readonly Hostname?: string;
    readonly User?: string;
    readonly Env?: Maybe<readonly string[]>;
    readonly Cmd?: Maybe<readonly string[]>;
    readonly Entrypoint?: Maybe<string | readonly string[]>;
    readonly Image?: string;
    readonly WorkingDir?: string;
    readonly Labels?: Maybe<Readonly<Record<string, string>>>;
    readonly Healthcheck?: Maybe<{
      readonly Test?: Maybe<readonly string[]>;
      readonly Interval?: number;
      readonly Timeout?: number;
      readonly Retries?: number;
      readonly StartPeriod?: number;
    }>;
    readonly StopTimeout?: Maybe<number>;
  };
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly PortBindings?: Maybe<
      Readonly<Record<string, Maybe<readonly { readonly HostIp?: string; readonly HostPort?: string }[]>>>
    >;
    readonly RestartPolicy?: Maybe<{ readonly Name?: string; readonly MaximumRetryCount?: number }>;
    readonly CapAdd?: Maybe<readonly string[]>;
    readonly CapDrop?: Maybe<readonly string[]>;
    readonly Privileged?: boolean;
    readonly ReadonlyRootfs?: boolean;
    readonly Memory?: number;
    readonly NanoCpus?: number;
    readonly PidsLimit?: Maybe<number>;
  };
}

/** Labels with this beginning are orch's own. */
export const ownLabels = "io.orch.";

/** What an image given by this name may be called in a list of local ones; nothing for one that is pinned by its digest. */
export function imageNames(image: string): readonly string[] {
  if (image.includes("@")) return [];
  const tagged = /:[^/]+$/.test(image) ? image : `${image}:latest`;
  return [
    tagged,
    ...["docker.io/library/", "docker.io/", "localhost/"].map((prefix) => `${prefix}${tagged}`),
  ];
}

const plainImage = (image: string): string =>
  (/[:@][^/]+$/.test(image) ? image : `${image}:latest`).replace(
    /^(?:docker\.io\/(?:library\/)?|localhost\/)/,
    "",
  );

const sorted = <T>(items: Iterable<T>): T[] => [...items].sort();
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const sameSet = (a: readonly string[], b: readonly string[]): boolean => same(sorted(a), sorted(b));
/** The given form of what means the same, else what is there. */
const kept = <T>(given: T | undefined, means: boolean, real: T): T =>
  given !== undefined && means ? given : real;

const bytesOf = (memory: string): number =>
  Number.parseInt(memory, 10) * ({ k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[memory.slice(-1)] ?? 1);
const canonicalPort = (port: string): string =>
  `${port.replace(/^0\.0\.0\.0:/, "")}${port.includes("/") ? "" : "/tcp"}`;
const canonicalVolume = (volume: string): string => {
  const [source = "", target = "", options = ""] = volume.split(":");
  return `${source.replace(/(.)\/$/, "$1")}:${target.replace(/(.)\/$/, "$1")}${options.split(",").includes("ro") ? ":ro" : ""}`;
};
const canonicalCapability = (name: string): string => name.toUpperCase().replace(/^CAP_/, "");

const portsOf = ({ HostConfig }: Inspected): string[] =>
  Object.entries(HostConfig?.PortBindings ?? {}).flatMap(([inside, bindings]) =>
    (bindings ?? []).map(({ HostIp = "", HostPort = "" }) => {
      const address =
        HostIp === "" || HostIp === "0.0.0.0" ? "" : `${HostIp.includes(":") ? `[${HostIp}]` : HostIp}:`;
      return `${address}${HostPort}:${inside.replace(/\/tcp$/, "")}`;
    }),
  );
/** Without the nameless volumes that an image asks for. */
const volumesOf = ({ Mounts }: Inspected): string[] =>
  (Mounts ?? []).flatMap(({ Type, Name = "", Source = "", Destination = "", RW }) =>
    (Type === "bind" || Type === "volume") && !/^[0-9a-f]{64}$/.test(Name)
      ? [`${Type === "volume" ? Name : Source}:${Destination}${RW === false ? ":ro" : ""}`]
      : [],
  );
const networksOf = ({ HostConfig, NetworkSettings }: Inspected): string[] => {
  const mode = HostConfig?.NetworkMode ?? "";
  if (/^(?:host|none|container:.*|slirp4netns|pasta)$/.test(mode)) return [mode];
  return sorted(Object.keys(NetworkSettings?.Networks ?? {}));
};
const restartOf = ({ HostConfig }: Inspected): string => {
  const { Name, MaximumRetryCount = 0 } = HostConfig?.RestartPolicy ?? {};
  return `${Name || "no"}${Name === "on-failure" && MaximumRetryCount > 0 ? `:${MaximumRetryCount}` : ""}`;
};
const environmentOf = (real: Maybe<Inspected>): Record<string, string> =>
  Object.fromEntries(
    (real?.Config?.Env ?? []).map((one) => {
      const at = one.indexOf("=");
      return at < 0 ? [one, ""] : [one.slice(0, at), one.slice(at + 1)];
    }),
  );
const entrypointOf = ({ Config }: Inspected): readonly string[] =>
  typeof Config?.Entrypoint === "string"
    ? Config.Entrypoint.split(" ").filter(Boolean)
    : (Config?.Entrypoint ?? []);
const secondsOf = (nanoseconds: number | undefined): number => (nanoseconds ?? 0) / 1e9;
function healthOf({ Config }: Inspected): Required<Health> | undefined {
  const check = Config?.Healthcheck;
  const [kind, ...command] = check?.Test ?? [];
  if (!check || kind === undefined || kind === "NONE") return undefined;
  return {
    command: command.join(" "),
    interval: secondsOf(check.Interval),
    timeout: secondsOf(check.Timeout),
    retries: check.Retries ?? 0,
    startPeriod: secondsOf(check.StartPeriod),
  };
}

export const stateOf = ({ State }: Inspected): "running" | "stopped" =>
  State?.Running || State?.Restarting ? "running" : "stopped";

/** Of a map, the keys that were given, as they really are; all that are not the image's or the tool's own where none is given. */
function mapped(
  given: Record<string, string> | undefined,
  real: Record<string, string>,
  usual: Record<string, string>,
  never: (key: string) => boolean,
): Record<string, string> | undefined {
  const keys = given
    ? Object.keys(given)
    : Object.keys(real).filter((key) => !never(key) && real[key] !== usual[key]);
  const entries = keys.flatMap((key) =>
    Object.hasOwn(real, key) ? [[key, real[key] as string] as const] : [],
  );
  return given === undefined && entries.length === 0 ? undefined : Object.fromEntries(entries);
}
/** Variables that podman and docker set themselves. */
const usualVariables = new Set(["PATH", "TERM", "HOME", "HOSTNAME", "container"]);

/**
 * The inputs as the container really is. Where something given means what is there, it stays as given; on an import what the image
 * and the tool set themselves is left out.
 */
export function observed(
  given: Partial<ContainerInputs>,
  real: Inspected,
  imported: boolean,
  image: Inspected | undefined,
): { [K in keyof ContainerInputs]?: ContainerInputs[K] | undefined } {
  const { Config = {}, HostConfig = {} } = real;
  const usual = <T>(value: T, empty: boolean): T | undefined => (imported && empty ? undefined : value);
  const realImage = Config.Image ?? "";
  const sameImage =
    given.image !== undefined &&
    (plainImage(given.image) === plainImage(realImage) ||
      (/^(?:sha256:)?[0-9a-f]{12,64}$/.test(given.image) &&
        (real.Image ?? "").replace(/^sha256:/, "").startsWith(given.image.replace(/^sha256:/, ""))));
  const entrypoint = [...entrypointOf(real)];
  const command = [...(Config.Cmd ?? [])];
  // The tools take one word as entry point: what follows it stands before the command.
  const words = given.entrypoint && [...given.entrypoint, ...(given.command ?? [])];
  const sameWords = words?.join(" ") === [...entrypoint, ...command].join(" ");
  const ports = portsOf(real);
  const volumes = volumesOf(real);
  const networks = networksOf(real);
  const health = healthOf(real);
  const capabilities = (list: Maybe<readonly string[]>): string[] => (list ?? []).map(canonicalCapability);
  // podman says all that its defaults lack as dropped.
  const dropped = capabilities(HostConfig.CapDrop);
  const wantedDrops = given.capDrop?.map(canonicalCapability) ?? [];
  const added = capabilities(HostConfig.CapAdd);
  const memory = HostConfig.Memory ?? 0;
  const cpus = (HostConfig.NanoCpus ?? 0) / 1e9;
  const pids = HostConfig.PidsLimit ?? 0;
  return {
    image: kept(given.image, sameImage, realImage),
    entrypoint: usual(
      kept(given.entrypoint, sameWords, entrypoint),
      same(entrypoint, image ? entrypointOf(image) : []),
    ),
    command: usual(
      sameWords ? (given.command ?? []) : kept(given.command, same(given.command, command), command),
      same(command, image?.Config?.Cmd ?? []),
    ),
    environment: mapped(given.environment, environmentOf(real), environmentOf(image), (key) =>
      usualVariables.has(key),
    ),
    ports: usual(
      kept(given.ports, sameSet((given.ports ?? []).map(canonicalPort), ports.map(canonicalPort)), ports),
      ports.length === 0,
    ),
    volumes: usual(
      kept(given.volumes, sameSet((given.volumes ?? []).map(canonicalVolume), volumes), volumes),
      volumes.length === 0,
    ),
    networks: usual(
      kept(given.networks, sameSet(given.networks ?? [], networks), networks),
      networks.length === 0 || same(networks, ["podman"]) || same(networks, ["bridge"]),
    ),
    restart: usual(restartOf(real), restartOf(real) === "no"),
    labels: mapped(given.labels, { ...Config.Labels }, { ...image?.Config?.Labels }, (key) =>
      key.startsWith(ownLabels),
    ),
    user: usual(Config.User ?? "", (Config.User ?? "") === (image?.Config?.User ?? "")),
    workdir: usual(
      Config.WorkingDir || "/",
      (Config.WorkingDir || "/") === (image?.Config?.WorkingDir || "/"),
    ),
    hostname: usual(Config.Hostname ?? "", (real.Id ?? "").startsWith(Config.Hostname || "?")),
    health:
      usual(
        health &&
          given.health &&
          (Object.fromEntries(
            Object.keys(given.health).map((key) => [key, health[key as keyof Health]]),
          ) as unknown as Health),
        true,
      ) ?? (imported && health && !same(health, image && healthOf(image)) ? health : undefined),
    memory: usual(
      kept(given.memory, given.memory !== undefined && bytesOf(given.memory) === memory, String(memory)),
      memory === 0,
    ),
    cpus: usual(cpus, cpus === 0),
    pids: usual(pids, true),
    readOnly: usual(HostConfig.ReadonlyRootfs ?? false, !HostConfig.ReadonlyRootfs),
    privileged: usual(HostConfig.Privileged ?? false, !HostConfig.Privileged),
    capAdd: usual(
      kept(given.capAdd, sameSet((given.capAdd ?? []).map(canonicalCapability), added), added),
      added.length === 0,
    ),
    capDrop: usual(
      kept(
        given.capDrop,
        wantedDrops.every((one) => dropped.includes(one) || one === "ALL"),
        dropped,
      ),
      true,
    ),
  };
}

/** A hash of all that a container was made with: the same for two that were made alike. Nothing that its running changes is in it. */
export function fingerprint(real: Inspected): string {
  const { Config = {}, HostConfig = {}, Id = "" } = real;
  const { HOSTNAME: _own, ...environment } = environmentOf(real);
  const parts = [
    (real.Image ?? "").replace(/^sha256:/, ""),
    [...entrypointOf(real), "", ...(Config.Cmd ?? [])],
    sorted(Object.entries(environment).map((pair) => pair.join("="))),
    sorted(
      Object.entries(Config.Labels ?? {}).flatMap(([key, value]) =>
        key.startsWith(ownLabels) ? [] : [`${key}=${value}`],
      ),
    ),
    sorted(portsOf(real)),
    sorted(volumesOf(real)),
    networksOf(real),
    restartOf(real),
    [
      Config.User ?? "",
      Config.WorkingDir ?? "",
      Id.startsWith(Config.Hostname || "?") ? "" : Config.Hostname,
    ],
    healthOf(real) ?? null,
    [HostConfig.Memory ?? 0, HostConfig.NanoCpus ?? 0, HostConfig.PidsLimit ?? 0],
    [HostConfig.ReadonlyRootfs ?? false, HostConfig.Privileged ?? false],
    [sorted(HostConfig.CapAdd ?? []), sorted(HostConfig.CapDrop ?? [])],
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
