/** `host:index:Archive`: a folder that is what an archive holds. */
import { Asset, type PropertyMap, reveal } from "@orch/core/model/value";
import { z } from "zod";
import { asset } from "../../direct/index.js";
import { connectionProperty } from "../connection.js";
import { contentBytes, resolveContent } from "../content.js";
import { groupProperty, ownerProperty, pathProperty } from "../properties.js";
import { overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { words } from "./report.js";

const formats = ["tar", "tar.gz", "tar.xz", "tar.zst", "tar.bz2", "zip"] as const;
const inputs = z.strictObject({
  path: pathProperty,
  source: asset()
    .optional()
    .describe("The archive as an asset of the program's: a file or a URL that orch reads and sends over."),
  url: z
    .url({ protocol: /^(https?|file)$/, error: "an http, https or file address" })
    .optional()
    .describe("Where the machine itself fetches the archive. Needs `sha256`."),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits in small letters")
    .optional()
    .describe("SHA-256 of the archive; another one is refused. Follows from `source`."),
  format: z.enum(formats).optional().describe("Default: by the ending of the file's name."),
  strip: z
    .int()
    .min(0)
    .optional()
    .describe("Leave away so many folders at the beginning of each name (not for zip). Default 0."),
  owner: ownerProperty.optional(),
  group: groupProperty.optional(),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  path: z.string().describe("The folder."),
  sha256: z.string().describe("SHA-256 of the archive that it was unpacked from."),
  url: z.string().optional().describe("Where the machine fetched it."),
  owner: z.string().describe("The user that the folder belongs to."),
  group: z.string().describe("The group that the folder belongs to."),
});

/** Beside the files: what was unpacked. */
const marker = ".orch-archive";

const endings: readonly (readonly [RegExp, (typeof formats)[number]])[] = [
  [/\.(tar\.gz|tgz)$/i, "tar.gz"],
  [/\.(tar\.xz|txz)$/i, "tar.xz"],
  [/\.(tar\.zst|tzst)$/i, "tar.zst"],
  [/\.(tar\.bz2|tbz2?)$/i, "tar.bz2"],
  [/\.tar$/i, "tar"],
  [/\.zip$/i, "zip"],
];
const byName = (name: string): string | undefined => endings.find(([end]) => end.test(name))?.[1];

export const archive = defineSystem({
  type: "host:index:Archive",
  importId: "its path",
  description:
    "A folder with what an archive holds, owned whole: it is unpacked beside its place and then moved there, in place of the old one.",
  inputs,
  outputs,
  replaceOn: ["path"],
  stables: ["path"],
  idOf: ({ path }) => path,
  fromId: (path) => (pathProperty.safeParse(path).success ? { path } : undefined),
  title: (path) => `the archive in ${path}`,
  mayDiffer: ["source", "url", "format", "strip", "owner", "group", "overwrite"],
  exclusive: ({ path }) => path,

  async check({ inputs: given, session }) {
    const bad = (path: string, message: string, expected: string, found: string) => ({
      inputs: given,
      failures: [{ path, message, expected, found }],
    });
    const one = "exactly one of source and url";
    if ((given.source === undefined) === (given.url === undefined))
      return bad("source", `the archive needs ${one}`, one, given.source === undefined ? "none" : "both");
    if (given.url !== undefined && given.sha256 === undefined)
      return bad("sha256", "an archive from a url needs its sha256", "the SHA-256 of the archive", "nothing");
    let next: PropertyMap = given;
    if (given.source !== undefined) {
      const resolved = await resolveContent(
        { source: given.source },
        session?.context.projectDir ?? process.cwd(),
      );
      if (resolved.failures.length > 0) return { inputs: given, failures: resolved.failures };
      const source = reveal(resolved.inputs.source ?? null);
      if (source instanceof Asset && source.hash !== undefined) {
        if (typeof given.sha256 === "string" && given.sha256 !== source.hash)
          return bad("sha256", "the source has another SHA-256", given.sha256, source.hash);
        next = { ...given, source: resolved.inputs.source ?? null, sha256: source.hash };
      }
    }
    const source = reveal(next.source ?? null);
    const name =
      typeof next.url === "string"
        ? new URL(next.url).pathname
        : source instanceof Asset && source.source.kind === "file"
          ? source.source.path
          : source instanceof Asset && source.source.kind === "uri"
            ? source.source.uri
            : undefined;
    const format = next.format ?? (name === undefined ? undefined : byName(name));
    if (format === undefined && name !== undefined)
      return bad("format", "the name does not say the format", `one of ${formats.join(", ")}`, name);
    return { inputs: format === undefined ? next : { ...next, format } };
  },
  effect: ({ path }) => (path[0] === "source" ? "unseen" : undefined),

  look: ({ inputs: { path = "" } }) => `
    if [ -d ${words(path)} ]; then
      if [ -e ${words(`${path}/${marker}`)} ]; then read -r s r <${words(`${path}/${marker}`)}; put sha256 "$s"
      elif [ -n "$(ls -A -- ${words(path)})" ]; then put sha256 unknown; fi
      put owner "$(ls -ld -- ${words(path)} | awk '{ print $3 " " $4 }')"; put numbers "$(ls -ldn -- ${words(path)} | awk '{ print $3 " " $4 }')"
    elif [ -e ${words(path)} ]; then echo ${words(`${path} is no folder`)}; exit 1; fi`,
  observe(found, at) {
    const { path = "" } = at.inputs;
    const sha256 = found.text("sha256");
    if (sha256 === "") return undefined; // An empty folder is none of an archive's.
    const { url } = at.inputs;
    const [owner = "", group = ""] = found.text("owner").split(" ");
    const [uid, gid] = found.text("numbers").split(" ");
    return {
      inputs: withActual(at, {
        sha256,
        owner: at.inputs.owner === uid ? uid : owner,
        group: at.inputs.group === gid ? gid : group,
      }),
      outputs: { path, sha256, ...(url === undefined ? {} : { url }), owner, group },
    };
  },
  async apply({ inputs: given, now, last, call }) {
    const { path, url, source, sha256, format, strip = 0, owner, group } = given;
    const settings = JSON.stringify([format, strip]);
    const before = last && JSON.stringify([last.inputs.format, last.inputs.strip ?? 0]);
    const ownership =
      owner === undefined && group === undefined
        ? ""
        : `chown -R -- ${words(`${owner ?? ""}${group === undefined ? "" : `:${group}`}`)} `;
    if (now?.outputs.sha256 === sha256 && (before === undefined || before === settings))
      return { script: ownership === "" ? "" : `${ownership}${words(path)}` };
    const at = path.lastIndexOf("/");
    const temporary = `${path.slice(0, at)}/.${path.slice(at + 1)}.orch-new`;
    const bytes = source && (await contentBytes({ source }, call.session.context.projectDir, call.signal));
    const get =
      url === undefined
        ? 'cat >"$a"'
        : url.startsWith("file:")
          ? `cp -- ${words(decodeURIComponent(new URL(url).pathname))} "$a"`
          : `if have curl; then curl -fsSL --retry 3 -o "$a" -- ${words(url)}; elif have wget; then wget -q -O "$a" -- ${words(url)}; else refuse url 'a machine with curl or wget' 'neither'; fi`;
    const unpack =
      format === "zip"
        ? 'have unzip || refuse format "a machine with unzip" "none"; unzip -q "$a" -d "$n"'
        : `tar -x ${{ "tar.gz": "-z", "tar.xz": "-J", "tar.zst": "--zstd", "tar.bz2": "-j", tar: "" }[format ?? "tar"]} -f "$a" -C "$n"${strip > 0 ? ` --strip-components=${strip}` : ""} --no-same-owner`;
    return {
      ...(bytes === undefined ? {} : { stdin: bytes }),
      script: `
        n=${words(temporary)}; p=${words(path)}
        rm -rf -- "$n"; mkdir -p -- "$n"
        a=$(mktemp); trap 'rm -rf -- "$a" "$n"' EXIT
        ${get}
        h=$( (sha256sum -- "$a" || shasum -a 256 -- "$a") 2>/dev/null | cut -c1-64)
        [ "$h" = ${words(sha256 ?? "")} ] || refuse sha256 ${words(sha256 ?? "")} "$h"
        ( ${unpack} ) || refuse ${url === undefined ? "source" : "url"} ${words(`an archive of the format ${format}`)} 'one that can not be unpacked'
        printf '%s\\n' ${words(sha256 ?? "")} >"$n/${marker}"
        chmod 755 -- "$n"
        ${ownership === "" ? "" : `${ownership}"$n"`}
        if [ -e "$p" ]; then rm -rf -- "$n.old"; mv -- "$p" "$n.old"; fi
        mv -- "$n" "$p"
        rm -rf -- "$n.old"`,
    };
  },
  remove: ({ inputs: { path } }) =>
    `if [ -e ${words(`${path}/${marker}`)} ]; then rm -rf -- ${words(path)}; fi`,
});
