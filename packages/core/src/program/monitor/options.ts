/** What a registration request says about how its resource is to be planned. */
import type { Failure } from "../../model/failure.js";
import { OrchError } from "../../model/failure.js";
import { parsePath } from "../../model/path.js";
import type { ResourceOptions, SourcePosition } from "../../model/resource.js";
import type { Urn } from "../../model/urn.js";
import type { Value } from "../../model/value.js";
import { isUnknownSentinel } from "../../wire/json.js";
import { fromProtoValue } from "../../wire/struct.js";
import type { ResourceMessages } from "../services.js";
import { plainOutputs } from "./values.js";

type Register = ResourceMessages.RegisterResourceRequest;

/** The mutable form, for building. */
type Building = { -readonly [K in keyof ResourceOptions]: ResourceOptions[K] };

/** `protect`, `retainOnDelete` and `deletedWith` come from the parent where the request is silent. */
export function resourceOptions(
  request: Register,
  urn: Urn,
  parent: ResourceOptions | undefined,
  source: SourcePosition | undefined,
): ResourceOptions {
  const options: Building = {};
  const refuse = (option: string, found: string, expected: string): never => {
    throw new OrchError(invalidOption(urn, option, found, expected, source));
  };
  const paths = (option: string, list: string[]): string[] | undefined => {
    if (list.length === 0) return undefined;
    for (const path of list) {
      try {
        parsePath(path);
      } catch (error) {
        refuse(option, path, `a property path (${(error as Error).message})`);
      }
    }
    return list;
  };
  const protect = request.hasProtect() ? request.getProtect() : parent?.protect;
  if (protect === true) options.protect = true;
  const retain = request.hasRetainondelete() ? request.getRetainondelete() : parent?.retainOnDelete;
  if (retain === true) options.retainOnDelete = true;
  const deletedWith = request.getDeletedwith() || parent?.deletedWith;
  if (deletedWith) options.deletedWith = deletedWith;
  if (request.getDeletebeforereplacedefined() || request.getDeletebeforereplace()) {
    options.deleteBeforeReplace = request.getDeletebeforereplace();
  }
  const replaceOnChanges = paths("replaceOnChanges", request.getReplaceonchangesList());
  if (replaceOnChanges) options.replaceOnChanges = replaceOnChanges;
  const ignoreChanges = paths("ignoreChanges", request.getIgnorechangesList());
  if (ignoreChanges) options.ignoreChanges = ignoreChanges;
  const hideDiffs = paths("hideDiffs", request.getHidediffsList());
  if (hideDiffs) options.hideDiffs = hideDiffs;
  const secretOutputs = request.getAdditionalsecretoutputsList();
  if (secretOutputs.length > 0) options.additionalSecretOutputs = secretOutputs;
  const timeouts = request.getCustomtimeouts();
  if (timeouts !== undefined) {
    const given = {
      create: timeouts.getCreate(),
      update: timeouts.getUpdate(),
      delete: timeouts.getDelete(),
      read: timeouts.getRead(),
    };
    const set = Object.entries(given).filter(([, duration]) => duration !== "");
    for (const [verb, duration] of set) {
      if (!goDuration.test(duration))
        refuse(`customTimeouts.${verb}`, duration, "a duration such as 90s, 5m or 1h30m");
    }
    if (set.length > 0) options.customTimeouts = Object.fromEntries(set);
  }
  const importId = request.getImportid();
  if (importId !== "") {
    if (isUnknownSentinel(importId)) refuse("import", "a value that is not known yet", "an id that is known");
    options.importId = importId;
  }
  const replaceWith = request.getReplaceWithList();
  if (replaceWith.length > 0) options.replaceWith = replaceWith;
  if (request.hasReplacementTrigger()) {
    const trigger: Value = plainOutputs(fromProtoValue(request.getReplacementTrigger()));
    if (trigger !== null) options.replacementTrigger = trigger;
  }
  const mappings = request.getEnvvarmappingsMap();
  if (mappings.getLength() > 0) {
    options.envVarMappings = Object.fromEntries(mappings.toArray() as unknown as [string, string][]);
  }
  return options;
}

/** Go's `time.ParseDuration`. */
const goDuration = /^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;

export function invalidOption(
  urn: Urn,
  option: string,
  found: string,
  expected: string,
  source: SourcePosition | undefined,
): Failure {
  return {
    reason: "invalid-option",
    message: `The option ${option} of ${urn} is not valid.`,
    urn,
    path: option,
    expected,
    found,
    ...(source === undefined ? {} : { source }),
    next: [`Correct ${option} where the resource is made.`],
  };
}
