/** `host:index:Package`: one package of the system's package manager (apt, dnf, zypper). */
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { defineSystem, withActual } from "./define.js";
import { managerFunctions, managerProperty } from "./packages.js";
import { words } from "./report.js";

const packageName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*(?::[a-z0-9-]+)?$/, "a package's name such as nginx or libc6:i386");

const inputs = z.strictObject({
  name: packageName.describe("The package. Another one replaces."),
  version: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.+~:^_-]*$/, "a version such as 1.22.1-9+deb12u1")
    .optional()
    .describe(
      "Exactly this version, also an older one. Default: whatever is installed, and the newest if none is.",
    ),
  absent: z.boolean().optional().describe("True: it must not be installed. Default false."),
  hold: z
    .boolean()
    .optional()
    .describe(
      "Kept at its version when the machine is upgraded (apt-mark hold; zypper addlock; dnf versionlock).",
    ),
  purge: z
    .boolean()
    .optional()
    .describe("apt: take its configuration along when it is removed. Default false."),
  recommends: z
    .boolean()
    .optional()
    .describe("apt and zypper: also install what it recommends. Default false."),
  manager: managerProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  name: z.string().describe("The package."),
  manager: z.string().describe("Which package manager has it."),
  installed: z.boolean().describe("Is it installed?"),
  version: z.string().optional().describe("The installed version."),
  hold: z.boolean().describe("Is it kept at its version?"),
  preinstalled: z
    .boolean()
    .describe("It was installed before orch came: deleting the resource then leaves it installed."),
});

const functions = `${managerFunctions}
# The list is made once for all packages that a script looks at.
installed() {
  [ -n "\${listed:-}" ] || case $m in
    apt) listed="
$(dpkg-query -W -f='\${db:Status-Status} \${Package} \${Version}\\n\${db:Status-Status} \${Package}:\${Architecture} \${Version}\\n' | sed -n 's/^installed //p')
" || exit 1;;
    *) listed="
$(rpm -qa --qf '%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\n')
" || exit 1;;
  esac
  v=
  case $listed in *"
$1 "*) v=\${listed#*"
$1 "}; v=\${v%%"
"*};; esac
}
held() {
  case $m in
    apt) [ -n "$(apt-mark showhold "$1" 2>/dev/null)" ];;
    dnf) [ -r /etc/dnf/plugins/versionlock.list ] && grep -qE "(^|:)$1-" /etc/dnf/plugins/versionlock.list;;
    zypper) zypper --non-interactive --quiet locks 2>/dev/null | awk -F'|' -v n="$1" '{ gsub(/ /, "", $2); if ($2 == n) f = 1 } END { exit !f }';;
  esac
}
`;

export const package_ = defineSystem({
  type: "host:index:Package",
  importId: "its name",
  description: "A package of the system's package manager: apt, dnf or zypper.",
  inputs,
  outputs,
  replaceOn: ["name", "manager"],
  stables: ["name", "manager", "preinstalled"],
  predict: ({ inputs: given, prior }) => ({
    name: given.name ?? "",
    installed: given.absent !== true,
    ...(given.absent === true || given.version === undefined ? {} : { version: given.version }),
    ...(typeof given.hold === "boolean" ? { hold: given.hold } : {}),
    ...(prior?.outputs.manager === undefined ? {} : { manager: prior.outputs.manager }),
    ...(prior?.outputs.preinstalled === undefined ? {} : { preinstalled: prior.outputs.preinstalled }),
  }),
  idOf: ({ name }) => name,
  fromId: (name) => (packageName.safeParse(name).success ? { name } : undefined),
  title: (name) => `the package ${name}`,
  mayDiffer: "all",
  exclusive: "packages",
  functions,
  list: `manager ''; case $m in apt) dpkg-query -W -f='\${Package}\\t\${Version}\\n';; *) rpm -qa --qf '%{NAME}\\t%{VERSION}-%{RELEASE}\\n';; esac`,
  check: ({ inputs: given }) => ({
    inputs: given,
    failures:
      given.absent === true && (given.version !== undefined || given.hold === true)
        ? [
            {
              path: given.version === undefined ? "hold" : "version",
              message: "a package that must be absent has neither a version nor a hold",
              expected: "nothing",
              found: given.version === undefined ? "true" : "a version",
            },
          ]
        : [],
  }),

  look: ({ inputs: { name = "", manager = "" } }) => `
    manager ${words(manager)}; installed ${words(name)}; put manager "$m"; put version "$v"
    if held ${words(name)}; then put hold yes; fi`,
  observe(found, at) {
    const version = found.text("version");
    const installed = version !== "";
    const hold = found.has("hold");
    const { name = "", absent, version: wanted } = at.inputs;
    if (at.imported && !installed) return undefined;
    // Not there although it should be: gone. There although it should not be: a change.
    if (!installed && absent !== true && Object.keys(at.outputs).length > 0) return undefined;
    return {
      inputs: {
        ...withActual(at, { hold, ...(wanted === undefined && !at.imported ? {} : { version }) }),
        ...(absent === undefined ? {} : { absent: !installed }),
      },
      outputs: {
        name,
        manager: found.text("manager"),
        installed,
        ...(installed ? { version } : {}),
        hold,
        preinstalled: at.outputs.preinstalled ?? installed,
      },
    };
  },
  apply({ inputs: given, now }) {
    const { name, version, absent, hold, purge, recommends, manager = "" } = given;
    const { installed = false, version: has, hold: held = false } = now?.outputs ?? {};
    const lines: string[] = [];
    const lift = (): void => {
      if (held) lines.push(holdScript(name, version ?? has ?? "", false));
    };
    if (absent) {
      if (installed) {
        lift();
        lines.push(removeScript(name, purge ?? false));
      }
    } else if (!installed || (version !== undefined && version !== has)) {
      lift();
      lines.push(installScript(name, version, recommends ?? false));
      if (hold ?? held) lines.push(holdScript(name, version ?? "", true));
    } else if (hold !== undefined && hold !== held) lines.push(holdScript(name, has ?? "", hold));
    return { script: lines.length === 0 ? "" : [`manager ${words(manager)}`, ...lines].join("\n") };
  },
  applied: (made, { now, last, inputs: { name, version, absent } }) => ({
    ...made,
    name,
    ...(absent || version === undefined ? {} : { version: made.version ?? version }),
    preinstalled: last ? last.outputs.preinstalled : (now?.outputs.installed ?? false),
  }),
  remove: ({ inputs: { name, absent, purge, manager = "" }, outputs: { preinstalled } }) =>
    absent || preinstalled
      ? undefined
      : `manager ${words(manager)}; installed ${words(name)}
         if [ -n "$v" ]; then
           if held ${words(name)}; then ${holdScript(name, "", false)}; fi
           ${removeScript(name, purge ?? false)}
         fi`,
});

/** apt knows what its lists have; they are only fetched anew where they lack what is wanted. */
function installScript(name: string, version: string | undefined, recommends: boolean): string {
  const n = words(name);
  const aptWord = version === undefined ? n : words(`${name}=${version}`);
  const rpmWord = version === undefined ? n : words(`${name}-${version.replace(/^\d+:/, "")}`);
  const known =
    version === undefined
      ? `apt-cache policy -- ${n} | grep -q '^  Candidate: [^(]'`
      : `apt-cache madison -- ${n} | awk -F'|' -v v=${words(version)} '{ gsub(/ /, "", $2); if ($2 == v) f = 1 } END { exit !f }'`;
  const missing =
    version === undefined
      ? `refuse name 'a package of that machine'"'"'s repositories' ${n}`
      : `refuse version "one of: $(apt-cache madison -- ${n} | awk -F'|' '{ gsub(/ /, "", $2); print $2 }' | sort -u | tr '\\n' ' ')" ${words(version)}`;
  return `case $m in
    apt)
      if ! ${known}; then do_apt update; ${known} || ${missing}; fi
      do_apt install --allow-downgrades --allow-change-held-packages ${recommends ? "" : "--no-install-recommends "}-- ${aptWord};;
    dnf) ${version === undefined ? `do_dnf install -- ${n}` : `do_dnf install -- ${rpmWord} || do_dnf downgrade -- ${rpmWord}`};;
    zypper) do_zypper install --oldpackage ${recommends ? "" : "--no-recommends "}-- ${version === undefined ? n : words(`${name}=${version}`)};;
  esac`;
}
const removeScript = (name: string, purge: boolean): string => `case $m in
    apt) do_apt ${purge ? "purge" : "remove"} -- ${words(name)};;
    dnf) do_dnf remove -- ${words(name)};;
    zypper) do_zypper remove -- ${words(name)};;
  esac`;
const holdScript = (name: string, version: string, hold: boolean): string => `case $m in
    apt) apt-mark ${hold ? "hold" : "unhold"} -- ${words(name)};;
    dnf) do_dnf versionlock ${hold ? "add" : "delete"} ${words(hold && version ? `${name}-${version.replace(/^\d+:/, "")}` : name)};;
    zypper) do_zypper ${hold ? "addlock" : "removelock"} ${words(name)};;
  esac`;
