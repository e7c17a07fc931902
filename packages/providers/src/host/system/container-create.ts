/** Shell text that makes a container, in place of a former one of its name where there is one. */
import { type ContainerInputs, type Health, ownLabels } from "./container-inspect.js";
import { words } from "./report.js";

/** What only says how it is made. */
export interface Making extends ContainerInputs {
  readonly name: string;
  readonly pull?: "missing" | "always" | "never" | undefined;
  readonly options?: string[] | undefined;
  readonly state: "running" | "stopped";
  readonly wait?: number | undefined;
}

/**
 * For a script in which `pick` has chosen the tool. The image comes first: while it can't be had, nothing else is touched. Then the former
 * container is stopped and put aside under another name, and goes when the new one runs; else it comes back, and runs again if it did.
 * So it does, too, when a script was killed in between: the next one finds it aside. Variables go by a file that only the login may read
 * while the tool runs, those with several lines by the tool's own environment: neither is an argument.
 */
export function makeContainer(given: Making, replaces: boolean, token: string | undefined): string {
  const { name, image, pull = "missing", state, wait = 0, networks = [], environment = {} } = given;
  const [n, old, i] = [words(name), words(`${name}.orch-old`), words(image)];
  const variables = Object.entries(environment);
  const [long, short] = [
    variables.filter(([, value]) => value.includes("\n")),
    variables.filter(([, value]) => !value.includes("\n")),
  ];
  const file = short.map(([key, value]) => `${key}=${value}`);
  const pullScript = `e=$("$c" pull -q -- ${i} 2>&1) || { printf '%s\n' "$e" >&2
      refuse image 'an image that can be fetched' "$(printf %s "$e" | tail -n 1 | tr '\\t' ' ')"; }`;
  const haveImage = `"$c" image inspect -- ${i} >/dev/null 2>&1`;
  const [first, ...others] = networks;
  return `
    ${
      pull === "always"
        ? pullScript
        : pull === "never"
          ? `${haveImage} || refuse image 'an image that the machine has (pull: never)' ${i}`
          : `${haveImage} || { ${pullScript}; }`
    }
    (
      set +e; aside= ran= made= d=
      back() {
        code=$?; trap - EXIT INT HUP TERM
        [ -z "$d" ] || rm -rf -- "$d"
        if [ -n "$made" ]; then "$c" rm -f -v -- ${n} >/dev/null 2>&1; fi
        if [ -n "$aside" ]; then
          "$c" rename ${old} ${n}
          if [ -n "$ran" ]; then "$c" start -- ${n} >/dev/null; fi
          echo 'the former container is back' >&2
        fi
        [ "$code" -ne 0 ] || code=1
        exit "$code"
      }
      trap back EXIT; trap 'exit 130' INT HUP; trap 'exit 143' TERM
      if there ${old}; then
        # An earlier try was cut off: what it made instead is not known to run.
        if there ${n}; then "$c" rm -f -v -- ${n} >/dev/null || exit; fi
        aside=yes ran=yes
      ${
        replaces
          ? `else
        if runs ${n}; then ran=yes; "$c" stop -- ${n} >/dev/null || exit; fi
        if ! "$c" rename ${n} ${old}; then [ -z "$ran" ] || "$c" start -- ${n} >/dev/null; trap - EXIT; exit 1; fi
        aside=yes`
          : ""
      }
      fi
      d=$(umask 077; mktemp -d) || exit
      ( umask 077; printf '%s' ${words(file.map((line) => `${line}\n`).join(""))} >"$d/variables" ) || exit
      (
        ${long.map(([key, value]) => `export ${key}=${words(value)}`).join("\n")}
        "$c" create ${words(...options(given, token, first))} \\
          ${file.length > 0 ? '--env-file "$d/variables"' : ""} ${words(...long.flatMap(([key]) => ["-e", key]))} \\
          -- ${words(image, ...(given.entrypoint?.slice(1) ?? []), ...(given.command ?? []))} >"$d/out"
      ) || exit
      made=yes
      ${others.map((network) => `"$c" network connect ${words(network)} ${n} || exit`).join("\n")}
      ${
        state === "running"
          ? `"$c" start -- ${n} >/dev/null || exit
      sleep 0.5 2>/dev/null || sleep 1
      ${wait > 0 ? healthy(n, wait) : ""}
      if ! runs ${n} && [ ${words(given.restart ?? "no")} = no ]; then
        "$c" logs --tail 20 -- ${n} >&2
        refuse command 'a program that keeps running' "$("$c" container inspect --format 'exit code {{.State.ExitCode}}' -- ${n})"
      fi`
          : ""
      }
      trap - EXIT INT HUP TERM; rm -rf -- "$d"
      if [ -n "$aside" ]; then "$c" rm -f -- ${old} >/dev/null; fi
      exit 0
    )`;
}

/** podman's own checks need systemd's timers, and are asked for here; docker's run by themselves. */
const healthy = (n: string, wait: number): string => `t=0
      until if [ "$c" = podman ]; then "$c" healthcheck run ${n} >/dev/null 2>&1; else
          [ "$("$c" container inspect --format '{{.State.Health.Status}}' -- ${n})" = healthy ]; fi; do
        if [ "$t" -ge ${wait} ] || ! runs ${n}; then
          "$c" logs --tail 20 -- ${n} >&2
          refuse health ${words(`healthy within ${wait} s`)} 'a container that is not'
        fi
        sleep 1; t=$((t + 1))
      done`;

function options(given: Making, token: string | undefined, network: string | undefined): string[] {
  const { health, stopTimeout, readOnly, privileged, capAdd, capDrop, entrypoint } = given;
  const each = (flag: string, values: readonly string[] = []): string[] =>
    values.flatMap((one) => [flag, one]);
  const one = (flag: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [flag, String(value)];
  const labels = Object.entries({
    ...given.labels,
    ...(token === undefined ? {} : { [`${ownLabels}token`]: token }),
  });
  return [
    ...["--name", given.name],
    ...one("--entrypoint", entrypoint?.[0]),
    ...each("-p", given.ports),
    ...each("-v", given.volumes),
    ...one("--network", network),
    ...one("--restart", given.restart),
    ...each(
      "--label",
      labels.map((pair) => pair.join("=")),
    ),
    ...one("--user", given.user),
    ...one("--workdir", given.workdir),
    ...one("--hostname", given.hostname),
    ...(health ? healthOptions(health) : []),
    ...one("--memory", given.memory),
    ...one("--cpus", given.cpus),
    ...one("--pids-limit", given.pids),
    ...(readOnly ? ["--read-only"] : []),
    ...(privileged ? ["--privileged"] : []),
    ...each("--cap-add", capAdd),
    ...each("--cap-drop", capDrop),
    ...one("--stop-timeout", stopTimeout),
    ...(given.options ?? []),
  ];
}

const healthOptions = ({ command, interval, timeout, retries, startPeriod }: Health): string[] => [
  ...["--health-cmd", command],
  ...(interval === undefined ? [] : ["--health-interval", `${interval}s`]),
  ...(timeout === undefined ? [] : ["--health-timeout", `${timeout}s`]),
  ...(retries === undefined ? [] : ["--health-retries", String(retries)]),
  ...(startPeriod === undefined ? [] : ["--health-start-period", `${startPeriod}s`]),
];
