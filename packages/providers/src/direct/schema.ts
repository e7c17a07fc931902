/** Looking at zod schemas: their metadata, and the JSON Schema of a whole package. */
import { z } from "zod";
import type { AnyResource, ProviderDefinition, Shape } from "./define.js";

// The members of a schema's `def` that are looked at; zod's own types do not name them in one place.
interface Def {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly discriminator?: string;
  readonly defaultValue?: unknown;
  readonly getter?: () => z.ZodType;
}
export const defOf = (schema: z.ZodType): Def => schema.def as unknown as Def;

/** Optional, nullable, default, readonly and lazy wrappers taken off, outermost first. */
export function* layers(schema: z.ZodType): Generator<z.ZodType> {
  for (let next: z.ZodType | undefined = schema; next !== undefined; ) {
    yield next;
    const def = defOf(next);
    next = def.type === "lazy" ? def.getter?.() : def.innerType;
  }
}

const secretSchemas = new WeakMap<z.ZodType, boolean>();

export function isSecretSchema(schema: z.ZodType): boolean {
  let secret = secretSchemas.get(schema);
  if (secret === undefined) {
    secret = [...layers(schema)].some(
      (layer) => (layer.meta() as { secret?: boolean } | undefined)?.secret === true,
    );
    secretSchemas.set(schema, secret);
  }
  return secret;
}

const json = (schema: z.ZodType): object => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
};

const properties = (shape: Shape): Record<string, object> => {
  const { properties = {} } = json(shape) as { properties?: Record<string, object> };
  return properties;
};
const required = (shape: Shape): readonly string[] =>
  (json(shape) as { required?: readonly string[] }).required ?? [];

/** How a creation that was cut off is looked into: as the definition says, else by an id that is known beforehand. */
export const findAgainOf = ({ findAgain, idOf }: Pick<AnyResource<never>, "findAgain" | "idOf">) =>
  findAgain ?? (idOf ? "id-known-before" : "no");

/**
 * The package's schema in the shape of Pulumi's (`resources`, `functions`, `provider`), each property as JSON Schema. Resources also say what their
 * ids for import are, how one is found again, and whether they are updated in place and listed.
 */
export function packageSchema<C extends Shape, S>(provider: ProviderDefinition<C, S>): object {
  return {
    name: provider.name,
    version: provider.version,
    description: provider.description,
    provider: {
      description: provider.description,
      inputProperties: properties(provider.config),
      requiredInputs: required(provider.config),
    },
    resources: Object.fromEntries(
      provider.resources.map((resource) => [
        resource.type,
        {
          description: resource.description,
          inputProperties: properties(resource.inputs),
          requiredInputs: required(resource.inputs),
          properties: properties(resource.outputs),
          required: required(resource.outputs),
          replaceOnChanges: resource.replaceOn ?? [],
          ...(resource.importId === undefined ? {} : { importId: resource.importId }),
          findAgain: findAgainOf(resource),
          updates: resource.update !== undefined,
          lists: resource.list !== undefined,
        },
      ]),
    ),
    functions: Object.fromEntries(
      (provider.invokes ?? []).map((invoke) => [
        invoke.token,
        { description: invoke.description, inputs: json(invoke.args), outputs: json(invoke.result) },
      ]),
    ),
  };
}
