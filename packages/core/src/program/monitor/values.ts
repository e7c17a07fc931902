/** Values as the plan and the state know them. */
import { map, OutputValue, type PropertyMap, Secret, unknown, type Value } from "../../model/value.js";

/** Output values become what they hold; the resources they came from are told separately. */
export function plainOutputs(value: Value): Value {
  return map(value, (item) => {
    if (!(item instanceof OutputValue)) return item;
    const inner = item.value === undefined ? unknown : plainOutputs(item.value);
    return item.secret && !(inner instanceof Secret) ? new Secret(inner) : inner;
  });
}
export const plainOutputMap = (properties: PropertyMap): PropertyMap =>
  plainOutputs(properties) as PropertyMap;
