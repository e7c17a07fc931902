/** `host:index:Sysctl`: a parameter of the kernel, now and after the next start (sysctl.d(5)). */
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { removeFile, reportFile } from "./file-content.js";
import { putFile, words } from "./report.js";

const keyText = /^[A-Za-z0-9_-]+([./][A-Za-z0-9_:@-]+)+$/;
const inputs = z.strictObject({
  key: z
    .string()
    .regex(keyText, "a parameter's name such as net.ipv4.ip_forward")
    .describe("The parameter. Another one replaces."),
  value: z
    .union([z.string().regex(/^[^\n\r\0]+$/, "a value in one line"), z.number()])
    .describe("Its value; several numbers are separated by spaces."),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  key: z.string().describe("The parameter."),
  value: z.string().describe("What the kernel has now."),
  path: z.string().describe("The file that sets it at the next start."),
  previous: z
    .string()
    .optional()
    .describe("What it was before orch set it; it gets that back when it is deleted."),
});

const pathOf = (key: string): string => `/etc/sysctl.d/90-orch-${key.replaceAll("/", "-")}.conf`;
const contentOf = (key: string, value: string | number): string => `# Set by orch.\n${key} = ${value}\n`;
const plain = (value: string | number): string => String(value).trim().replace(/\s+/g, " ");

export const sysctl = defineSystem({
  type: "host:index:Sysctl",
  importId: "the parameter, such as `net.ipv4.ip_forward`",
  description: "A parameter of the kernel: its value now, and a file in /etc/sysctl.d for the next start.",
  inputs,
  outputs,
  replaceOn: ["key"],
  stables: ["key", "path", "previous"],
  predict: ({ inputs: given, prior }) => ({
    key: given.key ?? "",
    path: typeof given.key === "string" ? pathOf(given.key) : "",
    ...(typeof given.value === "string" || typeof given.value === "number"
      ? { value: plain(given.value) }
      : {}),
    ...(prior?.outputs.previous === undefined ? {} : { previous: prior.outputs.previous }),
  }),
  idOf: ({ key }) => key,
  fromId: (key) => (keyText.test(key) ? { key } : undefined),
  title: (key) => `the kernel parameter ${key}`,
  mayDiffer: "all",

  look: ({ inputs: { key = "" } }) => `
    v=$(sysctl -n -- ${words(key)} 2>&1) || { case $v in *denied*) echo "$v"; exit 1;; esac; exit 0; }
    printf %s "$v" | blob value
    ${reportFile(pathOf(key), "file")}`,
  observe(found, at) {
    const { key = "", value: wanted } = at.inputs;
    const now = plain(found.text("value"));
    const { previous } = at.outputs;
    // Set for now, but not for the next start: not as wanted.
    const kept = at.imported || wanted === undefined || found.text("file") === contentOf(key, wanted);
    const same = wanted !== undefined && plain(wanted) === now;
    return {
      inputs: withActual(at, {
        value: same && kept ? wanted : same ? `${now} (not in ${pathOf(key)})` : now,
      }),
      outputs: {
        key,
        value: now,
        path: pathOf(key),
        ...(previous === undefined ? {} : { previous }),
      },
    };
  },
  apply({ inputs: { key, value } }) {
    return {
      script: `
        v=$(sysctl -n -- ${words(key)} 2>&1) || refuse key 'a parameter of that kernel' ${words(key)}
        o=$(sysctl -w -- ${words(`${key}=${value}`)} 2>&1) || { printf '%s\\n' "$o" >&2
          case $o in *denied*|*ermitted*) exit 1;; esac
          refuse value 'a value that the kernel takes' ${words(String(value))}; }
        ${putFile(pathOf(key), contentOf(key, value), "644")}`,
    };
  },
  applied: (made, { now, last }) => {
    const previous = last ? last.outputs.previous : now?.outputs.value;
    return { ...made, ...(previous === undefined ? {} : { previous }) };
  },
  remove: ({ inputs: { key }, outputs: { previous } }) =>
    [
      removeFile(pathOf(key)),
      ...(previous === undefined ? [] : [`sysctl -w -- ${words(`${key}=${previous}`)}`]),
    ].join("\n"),
});
