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
export const nameOf = (urn: Urn): string => visible(nameIn(urn) ?? urn);

/** The name as it is, not for the screen; undefined for what is no URN. */
export function nameIn(urn: Urn): string | undefined {
  try {
    return parseUrn(urn).name;
  } catch {
    return undefined;
  }
}
