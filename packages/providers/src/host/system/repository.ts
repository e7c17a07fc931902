/** `host:index:PackageRepository`: where packages come from: a deb822 source with its key (sources.list(5)), or a `.repo` file (dnf.conf(5), zypper(8)). */
import type { PropertyMap } from "@orch/core/model/value";
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { oneLine, overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { managerFunctions, managerProperty } from "./packages.js";
import { putFile, words } from "./report.js";

const word = (what: string) => z.string().regex(/^[^\s\0]+$/, what);
const inputs = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, "a name of letters, digits, dots, _ and -")
    .describe("Name of its file. Another one replaces."),
  url: word("an address such as https://packages.example.com/debian").describe("Where it is."),
  suites: z
    .array(word("a suite such as bookworm"))
    .min(1)
    .optional()
    .describe('apt: suites, such as ["bookworm"], or ["./"] for a flat one. Needed there.'),
  components: z
    .array(word("a component such as main"))
    .optional()
    .describe('apt: components, such as ["main"].'),
  architectures: z.array(word("an architecture such as amd64")).optional().describe("apt: only for these."),
  key: z
    .string()
    .regex(
      /^-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*-----END PGP PUBLIC KEY BLOCK-----\s*$/,
      "an armoured OpenPGP key",
    )
    .optional()
    .describe(
      "The key that signs it, armoured (`-----BEGIN PGP PUBLIC KEY BLOCK-----`). It is trusted for this repository alone.",
    ),
  trusted: z
    .boolean()
    .optional()
    .describe("Take it without a signature. Default false. For folders of one's own only."),
  description: oneLine("one line").optional().describe("dnf and zypper: its name for people."),
  enabled: z.boolean().optional().describe("Default true."),
  manager: managerProperty,
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  name: z.string().describe("Its name."),
  path: z.string().describe("Its file."),
  content: z.string().describe("What is in it."),
});
type Inputs = z.output<typeof inputs>;

const keyPath = (name: string, manager: "apt" | "rpm"): string =>
  manager === "apt" ? `/etc/apt/keyrings/orch-${name}.asc` : `/etc/pki/rpm-gpg/orch-${name}.asc`;

export function renderDeb822({
  name,
  url,
  suites = [],
  components = [],
  architectures = [],
  key,
  trusted,
  enabled,
}: Inputs): string {
  const fields: readonly (readonly [string, string])[] = [
    ["Types", "deb"],
    ["URIs", url],
    ["Suites", suites.join(" ")],
    ["Components", components.join(" ")],
    ["Architectures", architectures.join(" ")],
    ["Signed-By", key === undefined ? "" : keyPath(name, "apt")],
    ["Trusted", trusted ? "yes" : ""],
    ["Enabled", enabled === false ? "no" : ""],
  ];
  return `# Written by orch.\n${fields
    .filter(([, value]) => value !== "")
    .map(([field, value]) => `${field}: ${value}\n`)
    .join("")}`;
}
export function renderRepo({ name, url, key, trusted, description, enabled }: Inputs): string {
  const lines = [
    "# Written by orch.",
    `[${name}]`,
    `name=${description ?? name}`,
    `baseurl=${url}`,
    `enabled=${enabled === false ? 0 : 1}`,
    `gpgcheck=${trusted ? 0 : 1}`,
    ...(key === undefined ? [] : [`gpgkey=file://${keyPath(name, "rpm")}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** What a file of either kind says, as inputs; false and empty where it is silent. */
export function parseRepository(content: string): Partial<Inputs> {
  const fields = new Map(
    content
      .split("\n")
      .filter((line) => !line.startsWith("#"))
      .flatMap((line) => {
        const match = /^([A-Za-z-]+)\s*[:=]\s*(.*?)\s*$/.exec(line);
        return match ? [[(match[1] as string).toLowerCase(), match[2] as string] as const] : [];
      }),
  );
  const list = (field: string): string[] => (fields.get(field) ?? "").split(/\s+/).filter(Boolean);
  const deb = fields.has("uris");
  return {
    url: fields.get(deb ? "uris" : "baseurl") ?? "",
    ...(deb
      ? { suites: list("suites"), components: list("components"), architectures: list("architectures") }
      : { description: fields.get("name") ?? "" }),
    trusted: deb ? fields.get("trusted") === "yes" : fields.get("gpgcheck") === "0",
    enabled: deb ? fields.get("enabled") !== "no" : fields.get("enabled") !== "0",
  };
}

const functions = `${managerFunctions}
repofile() {
  manager "$2"
  case $m in
    apt) f=/etc/apt/sources.list.d/$1.sources; k=/etc/apt/keyrings/orch-$1.asc;;
    dnf) f=/etc/yum.repos.d/$1.repo; k=/etc/pki/rpm-gpg/orch-$1.asc;;
    zypper) f=/etc/zypp/repos.d/$1.repo; k=/etc/pki/rpm-gpg/orch-$1.asc;;
  esac
}
`;

export const packageRepository = defineSystem({
  type: "host:index:PackageRepository",
  importId: "its name",
  description:
    "A repository of packages with the key that signs it. It is fetched once before it stays: what the package manager refuses is taken back.",
  inputs,
  outputs,
  replaceOn: ["name", "manager"],
  stables: ["name", "path"],
  idOf: ({ name }) => name,
  fromId: (name) => (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name) ? { name } : undefined),
  title: (name) => `the repository ${name}`,
  mayDiffer: ["overwrite", "manager"],
  guarded: ["url", "suites", "components", "architectures", "trusted", "enabled", "key"],
  exclusive: "packages",
  functions,
  check: ({ inputs: given }) => ({ inputs: given, failures: checkTrust(given) }),

  look: ({ inputs: { name = "", manager = "" } }) => `
    repofile ${words(name, manager)}
    if [ -e "$f" ]; then put path "$f"; blob content <"$f" || exit 1; fi
    if [ -e "$f" ] && [ -e "$k" ]; then blob key <"$k" || exit 1; fi`,
  observe(found, at) {
    const content = found.text("content");
    const { name = "" } = at.inputs;
    const actual = parseRepository(content);
    const key = found.text("key");
    const seen = withActual(at, { ...actual, key });
    return {
      inputs: {
        ...seen,
        // What somebody has added although the program leaves it to its default.
        ...(at.inputs.enabled === undefined && actual.enabled === false ? { enabled: false } : {}),
        ...(at.inputs.trusted === undefined && actual.trusted ? { trusted: true } : {}),
      },
      outputs: { name, path: found.text("path"), content },
    };
  },
  apply({ inputs: given }) {
    const { name, manager = "", key, suites } = given;
    const q = words;
    return {
      script: `
        repofile ${q(name, manager)}
        old=; [ ! -e "$f" ] || { old=$f.orch-old; cp -p -- "$f" "$old"; }
        undo() { if [ -n "$old" ]; then mv -f -- "$old" "$f"; else rm -f -- "$f"; fi; }
        case $m in
          apt)
            ${suites === undefined ? "refuse suites 'at least one suite, because the machine has apt' nothing" : ""}
            ${key === undefined ? "" : putFile(keyPath(name, "apt"), key, "644")}
            ${putFile(`/etc/apt/sources.list.d/${name}.sources`, renderDeb822(given), "644")}
            if ! e=$(do_apt -o Dir::Etc::sourcelist="$f" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any update 2>&1); then
              undo; printf '%s\\n' "$e" >&2
              refuse url 'a repository that apt takes' "$(printf '%s\\n' "$e" | grep '^[EW]:' | head -n 1)"
            fi;;
          *)
            ${key === undefined ? "" : `${putFile(keyPath(name, "rpm"), key, "644")}\n rpm --import ${q(keyPath(name, "rpm"))}`}
            case $m in
              dnf) ${putFile(`/etc/yum.repos.d/${name}.repo`, renderRepo(given), "644")}
                e=$(do_dnf --disablerepo='*' --enablerepo=${q(name)} makecache 2>&1) || bad=1;;
              zypper) ${putFile(`/etc/zypp/repos.d/${name}.repo`, renderRepo(given), "644")}
                e=$(do_zypper refresh -- ${q(name)} 2>&1) || bad=1;;
            esac
            if [ -n "\${bad:-}" ]; then
              undo; printf '%s\\n' "$e" >&2
              refuse url "a repository that $m takes" "$(printf '%s\\n' "$e" | tail -n 1)"
            fi;;
        esac
        [ -z "$old" ] || rm -f -- "$old"`,
    };
  },
  remove: ({ inputs: { name, manager = "" } }) => `repofile ${words(name, manager)}; rm -f -- "$f" "$k"`,
});

function checkTrust(given: PropertyMap) {
  if (given.trusted === true && given.key !== undefined)
    return [
      {
        path: "trusted",
        message: "trusted takes a repository without a signature: it makes no sense with a key",
        expected: "one of key and trusted",
        found: "both",
      },
    ];
  return [];
}
