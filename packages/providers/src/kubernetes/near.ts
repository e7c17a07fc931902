/** Names that a server has and that are like one it does not know: asked for only once it has said so. */
import { closest } from "@orch/core/state/closest";
import type { KubernetesApi } from "./api.js";
import { type Kind, kindText } from "./kinds.js";
import { isObject, type Json, listAt, textAt } from "./object.js";

/** `apps/v1 Deployment`: of the same API those with a name that is near; of one that is not served, the kind in those that are. */
export async function kindsLike(
  api: KubernetesApi,
  kind: Kind,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const kindsOf = async (apiVersion: string): Promise<readonly string[]> => {
    const list = await api.look(`${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}`, signal);
    const all = listAt(list, "resources").filter((one) => !(textAt(one, "name") ?? "/").includes("/"));
    return [...new Set(all.map((one) => textAt(one, "kind") ?? ""))];
  };
  const own = closest(kind.kind, await kindsOf(kind.apiVersion));
  if (own.length > 0) return own.map((near) => kindText({ apiVersion: kind.apiVersion, kind: near }));
  const groups = listAt(await api.look("/apis", signal), "groups");
  const versions = groups.flatMap((group) =>
    listAt(group, "versions").map((version) => textAt(version, "groupVersion") ?? ""),
  );
  // The same group in another version, or one that is spelt much the same.
  const near = [
    ...versions.filter((version) => kind.group !== "" && version.startsWith(`${kind.group}/`)),
    ...closest(kind.apiVersion, ["v1", ...versions]),
  ];
  for (const apiVersion of new Set(near)) {
    const [found] = closest(kind.kind, await kindsOf(apiVersion), 1);
    if (found !== undefined) return [kindText({ apiVersion, kind: found })];
  }
  return [];
}

/**
 * The fields that there are in place of one that is not, from the server's OpenAPI document; empty where it does not tell. `path`: as the server names it:
 * `spec.template.spec.containers[name="web"].imagee`. Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
 */
export async function fieldsBeside(
  api: KubernetesApi,
  { apiVersion, group, version, kind }: Kind,
  path: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const document = await api.look(`/openapi/v3/${group === "" ? "api" : "apis"}/${apiVersion}`, signal);
  const schemas =
    isObject(document) && isObject(document.components) ? document.components.schemas : undefined;
  if (!isObject(schemas)) return [];
  const resolved = (schema: Json | undefined): Json | undefined => {
    const direct = textAt(schema, "$ref") ?? listAt(schema, "allOf").map((one) => textAt(one, "$ref"))[0];
    const name = direct?.replace("#/components/schemas/", "");
    return name === undefined || !Object.hasOwn(schemas, name) ? schema : schemas[name];
  };
  const isKind = (schema: Json | undefined): boolean =>
    listAt(schema, "x-kubernetes-group-version-kind").some(
      (one) =>
        textAt(one, "group") === group && textAt(one, "version") === version && textAt(one, "kind") === kind,
    );
  let schema: Json | undefined = Object.values(schemas).find(isKind);
  const steps = path.match(/\[[^\]]*\]|[^.[\]]+/g) ?? [];
  for (const step of steps.slice(0, -1)) {
    if (!isObject(schema)) return [];
    const properties: Json | undefined = schema.properties;
    const next: Json | undefined = step.startsWith("[")
      ? schema.items
      : isObject(properties)
        ? properties[step]
        : schema.additionalProperties;
    schema = resolved(next);
  }
  return isObject(schema) && isObject(schema.properties) ? Object.keys(schema.properties) : [];
}
