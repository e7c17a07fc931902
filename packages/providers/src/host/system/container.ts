/** `host:index:Container`: a container of the machine's own, through the command line of podman or docker. */
import { fail } from "@orch/core/model/failure";
import { hasSecret } from "@orch/core/model/value";
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { overwriteProperty } from "./common.js";
import { makeContainer } from "./container-create.js";
import {
  type ContainerInputs,
  fingerprint,
  type Inspected,
  imageNames,
  observed,
  ownLabels,
  stateOf,
} from "./container-inspect.js";
import { defineSystem, withActual } from "./define.js";
import { words } from "./report.js";

/** What podman and docker both take as a name. */
const name = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, "a name of letters, digits, _ . and -");
const text = (what: string) => z.string().regex(/^[^\n\r\0]+$/, what);
const seconds = (what: string) => z.int().min(0).optional().describe(`${what}, in seconds.`);
const tools = ["podman", "docker"] as const;

const health = z.strictObject({
  command: text("a command in one line").describe("What the container's shell runs; exit code 0 is healthy."),
  interval: seconds("Time between two checks"),
  timeout: seconds("How long one check may take"),
  retries: z.int().min(1).optional().describe("So many failed checks make it unhealthy."),
  startPeriod: seconds("How long it may take to start, before failed checks count"),
});

const inputs = z.strictObject({
  name: name.describe("Its name. Another one is another container: it replaces."),
  image: text("an image's name").describe(
    "By tag (`registry.example.com/app:1.2`) or pinned (`…@sha256:…`). A tag is not looked up in its registry while planning.",
  ),
  pull: z
    .enum(["missing", "always", "never"])
    .optional()
    .describe("When the image is fetched, before anything else is touched. Default missing."),
  entrypoint: z.array(z.string()).min(1).optional().describe("In place of the image's own entry point."),
  command: z.array(z.string()).optional().describe("Program and arguments. Default: the image's."),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and _"), z.string())
    .optional()
    .describe("Variables, beside those of the image. May be secret: they never stand in an argument."),
  ports: z
    .array(
      z
        .string()
        .regex(
          /^(?:(?:\[[0-9a-fA-F:]+\]|\d+(?:\.\d+){3}):)?\d{1,5}:\d{1,5}(?:\/(?:tcp|udp|sctp))?$/,
          "`[address:]port of the machine:port of the container[/udp]`, such as 127.0.0.1:8080:80",
        ),
    )
    .optional()
    .describe("`[address:]port of the machine:port of the container[/udp]`."),
  volumes: z
    .array(
      z
        .string()
        .regex(
          /^[^:\n\0]+:\/[^:\n\0]*(?::[A-Za-z,]+)?$/,
          "`folder or volume:/path in the container[:ro]`, such as /srv/data:/data",
        ),
    )
    .optional()
    .describe("`folder or volume:/path in the container[:ro]`. A volume that is not there is made."),
  networks: z
    .array(text("a network's name"))
    .min(1)
    .optional()
    .describe("Networks that are there, or `host` or `none`. Default: the tool's own."),
  restart: z
    .string()
    .regex(
      /^(?:no|always|unless-stopped|on-failure(?::\d+)?)$/,
      "no, always, unless-stopped, on-failure or on-failure:5",
    )
    .optional()
    .describe("When it is started again after it has ended. Default no."),
  labels: z
    .record(z.string().regex(/^[^=\s]+$/, "a label's name"), z.string())
    .optional()
    .describe("Labels."),
  user: text("a user").optional().describe("User, or `user:group`, in the container. Default: the image's."),
  workdir: z.string().startsWith("/").optional().describe("Folder that it starts in. Default: the image's."),
  hostname: text("a name").optional().describe("Its host name. Default: its id."),
  health: health.optional().describe("A health check in place of the image's."),
  memory: z
    .string()
    .regex(/^\d+[bkmg]?$/, "a number of bytes, or with k, m or g, such as 512m")
    .optional()
    .describe("Most memory, such as 512m. Default: no limit."),
  cpus: z.number().positive().optional().describe("Most processors, such as 1.5. Default: no limit."),
  pids: z.int().min(1).optional().describe("Most processes. Default: the tool's."),
  readOnly: z.boolean().optional().describe("Its own files can't be changed. Default false."),
  privileged: z.boolean().optional().describe("As free as a process of the machine's root. Default false."),
  capAdd: z
    .array(text("a capability"))
    .optional()
    .describe("Capabilities beside the usual ones, such as NET_ADMIN."),
  capDrop: z.array(text("a capability")).optional().describe("Capabilities that it lacks; `ALL`."),
  stopTimeout: seconds("How long it may take to end before it is killed"),
  options: z
    .array(text("an option"))
    .optional()
    .describe("More options for `create`, as one would type them. Drift of these is not seen by itself."),
  state: z.enum(["running", "stopped"]).default("running").describe("Default running."),
  wait: z
    .int()
    .min(0)
    .optional()
    .describe(
      "So many seconds it may take to become healthy; needs a health check. Default: it is not waited for.",
    ),
  triggers: z.array(z.unknown()).optional().describe("Any values; when one changes, it is restarted."),
  tool: z.enum(tools).optional().describe("Default: podman where the machine has it, else docker."),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  name: z.string().describe("Its name."),
  containerId: z.string().describe("The id that the tool gave it: another one each time it is made."),
  imageId: z.string().describe("The image that it runs."),
  localImageId: z.string().optional().describe("What the tag means on that machine by now."),
  tool: z.string().describe("`podman` or `docker`."),
  status: z.string().describe("`running`, `exited`, `created` …"),
  health: z
    .string()
    .optional()
    .describe("`healthy`, `unhealthy`, `starting`; absent without a health check."),
  addresses: z.record(z.string(), z.string()).describe("Its address in each of its networks."),
  settings: z.string().describe("A hash of all that it was made with."),
  expected: z.string().optional().describe("The same, right after orch made it."),
  token: z.string().optional().describe("Which step of orch's made it."),
});

/** What makes a container another one, besides its name. */
const settings = [
  ...([
    "image",
    "entrypoint",
    "command",
    "environment",
    "ports",
    "volumes",
    "networks",
    "restart",
    "labels",
  ] as const),
  ...(["user", "workdir", "hostname", "health", "memory", "cpus", "pids", "readOnly", "privileged"] as const),
  ...(["capAdd", "capDrop", "stopTimeout", "options"] as const),
];
type Given = z.output<typeof inputs>;

/**
 * `pick` chooses the tool; `scan` looks at the named containers at once, whatever their number, and leaves what it found in variables:
 * `every` looks with all tools that are there.
 */
const functions = `
pick() {
  c=$1
  if [ -z "$c" ]; then c=podman; have podman || c=docker; fi
  have "$c" || { bad="no program \${1:-podman or docker} on that machine"; return 1; }
}
scan() {
  bad= seen= imgs=; want=$1; shift; found=
  if [ "$want" = every ]; then
    tools=; for c in podman docker; do if have "$c"; then tools="$tools $c"; fi; done
  else pick "$want" || return 0; tools=$c; fi
  for c in $tools; do
    if ! present=$("$c" ps -a --format '{{.Names}}' 2>/dev/null); then bad=$("$c" ps -a 2>&1 || :); bad=\${bad:-"$c ps failed"}; continue; fi
    found=yes some=
    for n; do if printf '%s\\n' "$present" | grep -qxF -- "$n"; then some="$some $n"; fi; done
    [ -n "$some" ] || continue
    seen="$seen
$("$c" container inspect --format "$c {{.Name}} {{json .}}" -- $some 2>/dev/null)"
    imgs="$imgs
$("$c" images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' 2>/dev/null)"
  done
  if [ -n "$found" ]; then bad=; fi
}
there() { "$c" container inspect --format x -- "$1" >/dev/null 2>&1; }
runs() { [ "$("$c" container inspect --format '{{.State.Running}}' -- "$1" 2>/dev/null)" = true ]; }
`;

/** The tool that it was made with stays, whatever else is installed later. What is imported may be any tool's. */
const toolOf = (
  given: { readonly tool?: string | undefined },
  outputs: { readonly tool?: string | undefined },
): string => given.tool ?? outputs.tool ?? "";
const variable = (tool: string): string => tool || "any";

export const container = defineSystem({
  type: "host:index:Container",
  importId: "its name",
  description:
    "A container, through podman or docker. One whose settings change is made anew; the former one comes back where the new one does not start.",
  inputs,
  outputs,
  replaceOn: ["name", "tool"],
  stables: ["name"],
  idOf: (given) => given.name,
  check: ({ inputs: given }) => ({
    inputs: given,
    failures: [
      ...settings
        .filter((key) => key !== "environment" && hasSecret(given[key]))
        .map((key) => ({
          path: key,
          message: `${key} is an argument of a program on the machine, where everybody there can read it`,
          expected: "nothing secret; what is secret goes into `environment`",
          found: "a secret",
        })),
      ...(given.wait !== undefined && given.wait !== 0 && given.health === undefined
        ? [
            {
              path: "wait",
              message: "waiting for a healthy container needs to know what healthy means",
              expected: "`health` beside it",
              found: "none",
            },
          ]
        : []),
    ],
  }),
  fromId: (id) => (name.safeParse(id).success ? { name: id } : undefined),
  title: (id) => `the container ${id}`,
  mayDiffer: ["pull", "state", "wait", "triggers", "options", "tool", "overwrite", "stopTimeout"],
  unshown: ["environment"],
  exclusive: (given) => `container ${given.name}`,
  functions,
  list: `f=; for c in podman docker; do
      if have "$c" && l=$("$c" ps -a --format '{{.Names}}\t{{.Image}}' 2>/dev/null); then f=yes; printf '%s\\n' "$l"; fi
    done
    [ -n "$f" ] || { echo 'neither podman nor docker answers on that machine' >&2; exit 1; }`,
  predict: ({ inputs: given, prior }) => ({
    name: given.name as string,
    ...(given.tool === undefined ? {} : { tool: given.tool }),
    ...(given.tool === undefined && prior?.outputs.tool !== undefined ? { tool: prior.outputs.tool } : {}),
  }),
  effect: ({ path: [top] }) =>
    (settings as readonly unknown[]).includes(top)
      ? { effect: "update", reason: "the container is made anew" }
      : top === "triggers"
        ? { effect: "update", reason: "it is restarted" }
        : undefined,
  outputChanges: ({ oldOutputs: { imageId, localImageId, settings: now, expected } }) => [
    ...(typeof localImageId === "string" && localImageId !== imageId
      ? [{ path: "imageId", reason: "the tag means another image on that machine by now" }]
      : []),
    ...(expected !== undefined && expected !== now
      ? [{ path: "settings", reason: "it is another container than orch made, with other settings" }]
      : []),
  ],

  madeBy: (now, token) => now.outputs.token === token,
  prepare(ats) {
    const byTool = Map.groupBy(ats, (at) => (at.imported ? "every" : toolOf(at.inputs, at.outputs)));
    return [...byTool]
      .map(([tool, some]) => {
        const v = variable(tool);
        return `scan ${words(tool, ...some.map((at) => at.inputs.name ?? ""))}
          bad_${v}=$bad seen_${v}=$seen imgs_${v}=$imgs`;
      })
      .join("\n");
  },
  look({ inputs: given, outputs: last, imported }) {
    const { name: one = "", image } = given;
    const v = variable(imported ? "every" : toolOf(given, last));
    const tags = image === undefined ? [] : imageNames(image);
    return `
      if [ -n "$bad_${v}" ]; then printf '%s\\n' "$bad_${v}"; exit 1; fi
      j=$(printf '%s\\n' "$seen_${v}" | sed -n ${words(`s|^\\([a-z]*\\) /\\{0,1\\}${one.replaceAll(".", "\\.")} |\\1 |p`)} | head -n 1)
      if [ -n "$j" ]; then
        c=\${j%% *}; put tool "$c"; printf '%s\\n' "\${j#* }" | blob json
        ${
          tags.length === 0
            ? ""
            : `put local "$(printf '%s\\n' "$imgs_${v}" | awk ${tags.map((tag, i) => `-v t${i}=${words(tag)}`).join(" ")} '${tags.map((_, i) => `$1 == t${i}`).join(" || ")} { print $2; exit }')"`
        }
        ${
          imported
            ? `i=$("$c" container inspect --format '{{.Image}}' -- ${words(one)}) && "$c" image inspect --format '{{json .}}' -- "$i" 2>/dev/null | blob image`
            : ""
        }
      fi`;
  },
  observe(found, at) {
    const real = JSON.parse(found.text("json")) as Inspected;
    // podman prints a list of one.
    const [image] =
      found.text("image") === "" ? [] : ([JSON.parse(found.text("image"))].flat() as Inspected[]);
    const { expected } = at.outputs;
    const status = real.State?.Status ?? "";
    const healthy = real.State?.Health?.Status ?? real.State?.Healthcheck?.Status;
    const token = real.Config?.Labels?.[`${ownLabels}token`];
    const local = found.text("local");
    const plainId = (id: string | undefined): string => (id ?? "").replace(/^sha256:/, "");
    return {
      inputs: withActual(at, {
        ...observed(at.inputs as Partial<ContainerInputs>, real, at.imported, image),
        state: stateOf(real),
      }) as Partial<ContainerInputs>,
      outputs: {
        name: at.inputs.name ?? "",
        containerId: real.Id ?? "",
        imageId: plainId(real.Image),
        ...(local === "" ? {} : { localImageId: plainId(local) }),
        tool: found.text("tool"),
        status,
        ...(healthy ? { health: healthy } : {}),
        addresses: Object.fromEntries(
          Object.entries(real.NetworkSettings?.Networks ?? {}).flatMap(([network, one]) =>
            one?.IPAddress ? [[network, one.IPAddress]] : [],
          ),
        ),
        settings: fingerprint(real),
        ...(expected === undefined ? {} : { expected }),
        ...(token === undefined ? {} : { token }),
      },
    };
  },
  apply({ inputs: given, now, last, token }) {
    const { name: one, state } = given;
    const tool = `pick ${words(toolOf(given, now?.outputs ?? last?.outputs ?? {}))} || { echo "$bad" >&2; exit 1; }`;
    if (last && now && !given.overwrite && last.outputs.containerId !== now.outputs.containerId)
      fail({
        reason: "conflict",
        message: `The container ${one} was made anew behind orch's back since it was last read`,
        expected: `the container ${last.outputs.containerId.slice(0, 12)}`,
        found: `the container ${now.outputs.containerId.slice(0, 12)}`,
        next: ["Look at it: orch drift", "Then plan with what is really there: orch plan --refresh"],
      });
    if (now === undefined || isAnother(given, now, last))
      return { script: `${tool}\n${makeContainer(given, now !== undefined, token)}` };
    const triggered =
      last !== undefined &&
      JSON.stringify(last.inputs.triggers ?? []) !== JSON.stringify(given.triggers ?? []);
    const running = (now.inputs as Partial<Given>).state === "running";
    const verb = state === "stopped" ? running && "stop" : running ? triggered && "restart" : "start";
    return { script: verb ? `${tool}\n"$c" ${verb} -- ${words(one)}` : "" };
  },
  applied: (made) => ({ ...made, expected: made.settings }),
  remove: ({ inputs: given, outputs: last }) => `
    pick ${words(toolOf(given, last))} || { echo "$bad" >&2; exit 1; }
    for n in ${words(given.name, `${given.name}.orch-old`)}; do
      if e=$("$c" rm -f -v -- "$n" 2>&1); then :; else
        case $e in *[Nn]'o such container'*|*'no container with'*) ;; *) printf '%s\n' "$e" >&2; exit 1;; esac
      fi
    done`,
});

/** Does what is there have to be made anew to be what is wanted? */
function isAnother(
  given: Given,
  now: { readonly inputs: object; readonly outputs: z.input<typeof outputs> },
  last: { readonly inputs: Given; readonly outputs: z.output<typeof outputs> } | undefined,
): boolean {
  const real = now.inputs as Partial<Given>;
  const { localImageId, imageId, settings: hash } = now.outputs;
  return (
    (localImageId !== undefined && localImageId !== imageId) ||
    (last?.outputs.expected !== undefined && last.outputs.expected !== hash) ||
    settings.some((key) => {
      const wanted = JSON.stringify(given[key]);
      // What was wanted and no longer is: the image's own again.
      const before = last && JSON.stringify(last.inputs[key]);
      return wanted === undefined
        ? before !== undefined
        : wanted !== JSON.stringify(real[key]) || (last !== undefined && before !== wanted);
    })
  );
}
