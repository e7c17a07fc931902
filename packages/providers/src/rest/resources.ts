/**
 * Objects of any JSON API, for programs:
 *
 * ```ts
 * import * as rest from "@orch/providers/rest";
 * import { z } from "zod";
 *
 * const Ticket = rest.define({
 *   name: "Ticket",
 *   schema: z.strictObject({ title: z.string().min(1), priority: z.enum(["low", "high"]).default("low") }),
 *   path: "/tickets",
 *   list: { items: "items", paging: { by: "cursor", next: "next", parameter: "cursor" } },
 *   find: ["title"],
 *   outputs: z.object({ url: z.string() }),
 * });
 * const desk = new rest.Provider("desk", { url: "https://desk.example.com/api", auth: { type: "bearer", token }, resources: [Ticket] });
 * const ticket = new Ticket("disk", { title: "A new disk" }, { provider: desk });
 * export const url = ticket.result.url;
 * ```
 */
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { type Auth, nothing, protectLogin, type Tls, withVersion } from "../direct/http/program.js";
import type { DefinitionInput } from "./definition.js";

export type { Auth, Tls } from "../direct/http/program.js";

/** A value of which any part may be an output of another resource. */
export type Given<T> =
  | pulumi.Input<T>
  | (T extends readonly (infer E)[]
      ? pulumi.Input<Given<E>[]>
      : T extends object
        ? pulumi.Input<{ [K in keyof T]: Given<T[K]> }>
        : never);

/** How the objects of one kind are dealt with; each part is documented in `DefinitionInput`. */
export interface KindDefinition<S extends z.ZodObject, O extends z.ZodObject>
  extends Omit<DefinitionInput, "schema" | "outputs"> {
  /** For ids and messages: `Ticket`. */
  readonly name: string;
  /** What an object's properties are. Checked in the program and again when it is planned. `.meta({ secret: true })` marks a secret. */
  readonly schema: S;
  /** What else of the service's answer the program may use, as `result`. `.meta({ secret: true })` marks a secret. */
  readonly outputs?: O;
}

export interface RestResource<S extends z.ZodObject, O extends z.ZodObject> extends pulumi.CustomResource {
  /** The object's id at the service. */
  readonly objectId: pulumi.Output<string>;
  /** What the object is. */
  readonly properties: pulumi.Output<z.output<S>>;
  /** What else of the service's answer the definition names as outputs. */
  readonly result: pulumi.Output<z.output<O>>;
}

/** A class of resources, and the definition that the provider needs. */
export interface RestClass<S extends z.ZodObject, O extends z.ZodObject> {
  new (
    name: string,
    properties: { [K in keyof z.input<S>]: Given<z.input<S>[K]> },
    options?: pulumi.CustomResourceOptions,
  ): RestResource<S, O>;
  readonly definition: Kinds;
}
type Kinds = Readonly<Record<string, DefinitionInput>>;

/**
 * A class for one kind of object. Its constructor throws when a property is not as the schema says, as far as it is known already; the rest is checked when
 * it is planned.
 */
export function define<S extends z.ZodObject, O extends z.ZodObject = z.ZodObject<Record<string, never>>>({
  name,
  schema,
  outputs,
  ...definition
}: KindDefinition<S, O>): RestClass<S, O> {
  const shape = outputs?.shape ?? {};
  const secretResult = Object.values(shape).some((property) => isSecret(property as z.ZodType));
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const secret = Object.entries(schema.shape).filter(([, property]) => isSecret(property as z.ZodType));
  return class extends pulumi.CustomResource {
    declare readonly objectId: pulumi.Output<string>;
    declare readonly properties: pulumi.Output<z.output<S>>;
    declare readonly result: pulumi.Output<z.output<O>>;

    static readonly definition: Kinds = {
      [name]: {
        ...definition,
        schema: json as Record<string, unknown>,
        outputs: Object.keys(shape),
      },
    };
    constructor(
      resource: string,
      given: { [K in keyof z.input<S>]: Given<z.input<S>[K]> },
      options?: pulumi.CustomResourceOptions,
    ) {
      refuseInvalid(name, resource, schema, given);
      const properties: Record<string, unknown> = { ...given };
      for (const [key] of secret)
        if (properties[key] !== undefined) properties[key] = pulumi.secret(properties[key]);
      const hidden = secretResult ? ["result"] : [];
      super(
        "rest:index:Resource",
        resource,
        { ...nothing(["objectId", "result"]), kind: name, properties },
        withVersion({
          ...options,
          additionalSecretOutputs: [...(options?.additionalSecretOutputs ?? []), ...hidden],
        }),
      );
    }
  };
}

const isSecret = (schema: z.ZodType): boolean => {
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  const { secret } = (schema.meta() ?? {}) as { secret?: boolean };
  return secret === true || (inner !== undefined && isSecret(inner));
};

/** What is still to come (outputs, promises) is not judged here, nor what lies around it. */
function refuseInvalid(kind: string, resource: string, schema: z.ZodObject, given: object): void {
  const later: PropertyKey[][] = [];
  const plain = (value: unknown, at: PropertyKey[]): unknown => {
    if (pulumi.Output.isInstance(value) || value instanceof Promise) {
      later.push(at);
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item, i) => plain(item, [...at, i]));
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, [...at, key])]));
  };
  const { error } = schema.safeParse(plain(given, []));
  const near = (a: PropertyKey[], b: PropertyKey[]) => a.every((part, i) => i >= b.length || part === b[i]);
  const wrong =
    error?.issues.filter(({ path }) => !later.some((at) => near(at, path) || near(path, at))) ?? [];
  if (wrong.length === 0) return;
  const lines = wrong.map(({ path, message }) => `  ${path.join(".") || "properties"}: ${message}`);
  throw new Error(`${kind} ${JSON.stringify(resource)} is not as its schema says:\n${lines.join("\n")}`);
}

export interface ProviderArgs {
  /** Paths are put behind it. */
  url: pulumi.Input<string>;
  auth?: pulumi.Input<Auth>;
  tls?: pulumi.Input<Tls>;
  /** Headers of every request. */
  headers?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Requests at the same time. Default 16; less while the service throttles. */
  concurrency?: pulumi.Input<number>;
  /** Seconds that one request may take. Default 30. */
  timeoutSeconds?: pulumi.Input<number>;
  /** The classes that `define` made. */
  resources: readonly { readonly definition: Kinds }[];
}

/** An API as a provider: pass it to resources as `{ provider }`. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, { resources, ...args }: ProviderArgs, options?: pulumi.ResourceOptions) {
    const kinds = Object.assign({}, ...resources.map(({ definition }) => definition)) as Kinds;
    super("rest", name, { ...protectLogin(args), resources: kinds }, withVersion(options));
  }
}
