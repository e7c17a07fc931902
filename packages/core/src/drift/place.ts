/** Where an object is, as far as orch can tell without knowing its system. */
import { getPath } from "../model/path.js";
import type { ResourceState } from "../model/resource.js";

/** A namespace, the folder of a path, the parent of a directory entry, else the component that it belongs to. */
export function placeOf({
  inputs,
  id,
  parent,
}: Pick<ResourceState, "inputs" | "id" | "parent">): string | undefined {
  for (const path of [["metadata", "namespace"], ["namespace"]]) {
    const namespace = getPath(inputs, path);
    if (typeof namespace === "string" && namespace !== "") return namespace;
  }
  return folderOf(id ?? "") ?? parent;
}

/** `/etc/app` of `/etc/app/a.conf`; `OU=x,DC=y` of `CN=a,OU=x,DC=y`. */
function folderOf(id: string): string | undefined {
  // RFC 4514: a comma within a name is escaped.
  const parent = /^[A-Za-z][\w.-]*=(?:\\.|[^,\\])*,(.+)$/s.exec(id)?.[1];
  if (parent !== undefined) return parent;
  const slash = id.lastIndexOf("/");
  return slash < 0 ? undefined : id.slice(0, slash) || "/";
}
