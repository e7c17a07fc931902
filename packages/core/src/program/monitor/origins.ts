/** What a child tells of where values come from, taken out of the properties that it sends. */
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import type { Origin } from "../../model/resource.js";
import { isArray, type Value } from "../../model/value.js";
import { fromProtoValue } from "../../wire/struct.js";
import { originsKey } from "../protocol.js";

/** Undefined where the child tells nothing. Whatever is not as a child of ours writes it is left out. */
export function takeOrigins(properties: Struct | undefined): readonly Origin[] | undefined {
  const fields = properties?.getFieldsMap();
  const field = fields?.get(originsKey);
  if (fields === undefined || field === undefined) return undefined;
  fields.del(originsKey);
  const told = fromProtoValue(field);
  return isArray(told) ? told.flatMap(origin) : [];
}

function origin(told: Value): Origin[] {
  if (!isArray(told)) return [];
  const [path, urn, output] = told;
  if (!isArray(path) || typeof urn !== "string" || typeof output !== "string") return [];
  if (!path.every((segment) => typeof segment === "string" || typeof segment === "number")) return [];
  return [{ path, urn, output }];
}
