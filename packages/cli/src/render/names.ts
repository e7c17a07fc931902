/** How resources are called on screen. */
import { parseUrn, shortType, type Urn } from "@orch/core/model/urn";
import { visible } from "./text.js";

export { shortType };

/** `host:File web-config`: type and name, for sentences. Whatever does not parse is shown as it is. */
export function shortUrn(urn: Urn): string {
  try {
    const { type, name } = parseUrn(urn);
    return visible(`${shortType(type)} ${name}`);
  } catch {
    return visible(urn);
  }
}

/** Only the name. */
export function nameOf(urn: Urn): string {
  try {
    return visible(parseUrn(urn).name);
  } catch {
    return visible(urn);
  }
}
