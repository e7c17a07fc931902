/** How the object of a cut-off creation is found again, type by type. */
import type { FindAgain } from "./contract.js";
import type { ConfiguredProvider } from "./registry.js";

/** A provider that says `list` and can't look is as one that says `no`. */
export function findAgainOf({ provider, traits }: ConfiguredProvider, type: string): FindAgain {
  const how = traits.findAgainByType?.[type] ?? traits.findAgain;
  return how === "list" && provider.find === undefined ? "no" : how;
}
