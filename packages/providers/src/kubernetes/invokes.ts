/** Functions of the package that the SDK's own components need. */
import { execFile } from "node:child_process";
import { fail } from "@orch/core/model/failure";
import type { PropertyMap, Value } from "@orch/core/model/value";
import type { InvokeResponse } from "@orch/core/provider/contract";
import { parseAllDocuments, type Tags } from "yaml";
import { plain } from "../direct/secrets.js";
import { usePlugin } from "./kinds.js";
import { isObject, type JsonObject, textAt } from "./object.js";

export async function invoke(token: string, args: PropertyMap, signal: AbortSignal): Promise<InvokeResponse> {
  const given = plain(args);
  switch (token) {
    case "kubernetes:yaml:decode":
      return objects(decode(required(given, "text", token), textAt(given, "defaultNamespace")));
    case "kubernetes:kustomize:directory":
      return objects(decode(await kustomize(required(given, "directory", token), signal), undefined));
    case "kubernetes:helm:template":
      return fail({
        reason: "unsupported",
        message: "Charts of helm.v3 are rendered by Pulumi's Kubernetes plugin, not by the direct provider.",
        found: token,
        next: [usePlugin, "Or render the chart with `helm template` and give the file to yaml.ConfigFile."],
      });
    default:
      return fail({
        reason: "invoke-failed",
        message: `The package kubernetes has no function ${token}`,
        expected: "kubernetes:yaml:decode, kubernetes:kustomize:directory",
        found: token,
      });
  }
}

const objects = (result: readonly JsonObject[]): InvokeResponse => ({
  result: { result: result as unknown as Value },
  failures: [],
});

function required(args: unknown, name: string, token: string): string {
  return (
    textAt(args, name) ??
    fail({
      reason: "invoke-failed",
      message: `${token} needs ${name}.`,
      path: name,
      expected: "a text",
      found: "nothing",
    })
  );
}

/** What YAML 1.1 has and JSON has not. A date stays the text that it was, as Kubernetes reads it. */
const notJson = new Set(
  ["timestamp", "intTime", "floatTime", "binary", "omap", "pairs", "set"].map(
    (name) => `tag:yaml.org,2002:${name}`,
  ),
);

/**
 * The objects of a file with one or many documents; lists are taken apart. YAML 1.1, in which `yes` is true, as Kubernetes' own parser has it.
 * @throws `invoke-failed` with line and column.
 */
export function decode(text: string, defaultNamespace: string | undefined): readonly JsonObject[] {
  const documents = parseAllDocuments(text, {
    version: "1.1",
    merge: true,
    customTags: (tags: Tags) =>
      tags.filter(
        (tag) =>
          typeof tag === "string" || (!notJson.has(tag.tag) && !("format" in tag && tag.format === "TIME")),
      ),
  });
  const found: JsonObject[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error) {
      return fail({
        reason: "invoke-failed",
        message: `The manifest is not valid YAML: ${error.message.split("\n")[0]}`,
        expected: "YAML documents, each a Kubernetes object",
      });
    }
    const value = document.toJS() as unknown;
    if (value === null || value === undefined) continue;
    found.push(...takeApart(value));
  }
  return found.map((object) => {
    const metadata = object.metadata as JsonObject | undefined;
    if (defaultNamespace === undefined || textAt(metadata, "namespace")) return object;
    return { ...object, metadata: { ...metadata, namespace: defaultNamespace } };
  });
}

function takeApart(value: unknown): readonly JsonObject[] {
  if (!isObject(value) || typeof value.kind !== "string" || typeof value.apiVersion !== "string") {
    return fail({
      reason: "invoke-failed",
      message: "A document of the manifest is not a Kubernetes object.",
      expected: "an object with apiVersion and kind",
      found: isObject(value) ? `an object with ${Object.keys(value).join(", ")}` : typeof value,
    });
  }
  if (value.kind.endsWith("List") && Array.isArray(value.items)) return value.items.flatMap(takeApart);
  return [value];
}

/** The SDK's kustomize.Directory, by whichever of the two programs is here. */
async function kustomize(directory: string, signal: AbortSignal): Promise<string> {
  const run = (command: string, args: readonly string[]): Promise<string | undefined> =>
    new Promise((done, broken) => {
      execFile(command, [...args], { signal, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        if (error === null) done(stdout);
        else if (error.code === ("ENOENT" as never)) done(undefined);
        else broken(Object.assign(error, { said: stderr.trim() }));
      });
    });
  const built = await run("kustomize", ["build", directory])
    .then((text) => text ?? run("kubectl", ["kustomize", directory]))
    .catch((error: { said?: string }) =>
      fail({
        reason: "invoke-failed",
        message: `The folder ${directory} can't be built with kustomize.`,
        found: (error.said ?? "").slice(0, 1000),
      }),
    );
  return (
    built ??
    fail({
      reason: "unsupported",
      message: "kustomize.Directory needs the program kustomize or kubectl, and neither is in PATH.",
      next: ["Install one of them.", usePlugin],
    })
  );
}
