/** What a program is told of a resource: values and dependencies in the protocol's form. */
import { OrchError } from "../../model/failure.js";
import type { Urn } from "../../model/urn.js";
import { hasUnknown, type PropertyMap } from "../../model/value.js";
import { type Struct, toStruct } from "../../wire/struct.js";
import { type ResourceMessages, resourceMessages } from "../services.js";

/** What the program's SDK says that it understands. */
interface Accepting {
  getAcceptsecrets(): boolean;
  getAcceptresources(): boolean;
}

/** Throws where something is unknown that must not be (`settled`). */
export function outputStruct(
  request: Accepting,
  urn: Urn,
  properties: PropertyMap,
  settled: boolean,
): Struct {
  if (settled && hasUnknown(properties)) {
    throw new OrchError({
      reason: "internal",
      message: `An output of ${urn} is still unknown although it was applied.`,
      urn,
    });
  }
  return toStruct(properties, {
    secrets: request.getAcceptsecrets() ? "wrap" : "reveal",
    resourceRefs: request.getAcceptresources(),
    outputValues: false,
  });
}

export function setDependencies(
  response: ResourceMessages.RegisterResourceResponse,
  told: Readonly<Record<string, readonly Urn[]>>,
): void {
  const map = response.getPropertydependenciesMap();
  const { RegisterResourceResponse } = resourceMessages();
  for (const [key, urns] of Object.entries(told)) {
    const dependencies = new RegisterResourceResponse.PropertyDependencies();
    dependencies.setUrnsList([...urns]);
    map.set(key, dependencies);
  }
}
