/**
 * What a package's schema adds to a plugin's own words: where the property is, what it should be, and the name that is nearest to a misspelt one. The schema is asked for
 * only once something was refused: those of large packages have tens of megabytes.
 * Source of the format: https://www.pulumi.com/docs/iac/packages-and-automation/pulumi-packages/schema/
 */
import { type Failure, OrchError } from "@orch/core/model/failure";
import { formatPath, getPath, type PropertyPath, parsePath } from "@orch/core/model/path";
import { isArray, isMap, type PropertyMap, Secret, Unknown, type Value } from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";
import { closest, didYouMean } from "@orch/core/state/closest";

interface Spec {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: Spec;
  readonly additionalProperties?: Spec;
  readonly oneOf?: readonly Spec[];
  readonly secret?: boolean;
  /** Of a type of the package. */
  readonly properties?: Readonly<Record<string, Spec>>;
  readonly enum?: readonly { readonly value: unknown }[];
}
interface Schema {
  readonly resources?: Readonly<
    Record<string, { readonly inputProperties?: Readonly<Record<string, Spec>> }>
  >;
  readonly types?: Readonly<Record<string, Spec>>;
}

interface Subject {
  readonly type: string;
  readonly name: string;
  readonly inputs: PropertyMap;
}

export interface Advice {
  /** The same refusals, with what the schema says of their places. */
  refused(subject: Subject, failures: readonly CheckFailure[]): Promise<readonly CheckFailure[]>;
  /** The same error, with what the schema says of the type and the properties that it knows nothing of. */
  failed(subject: Subject, error: unknown): Promise<unknown>;
}

/** Misspelt properties that are told of one resource. */
const few = 3;

export function schemaAdvice(packageName: string, getSchema: () => Promise<string>): Advice {
  let asked: Promise<Schema | undefined> | undefined;
  const schemaOnce = (): Promise<Schema | undefined> => {
    asked ??= getSchema().then(
      (text) => JSON.parse(text) as Schema,
      // Not every plugin has one. What was refused is told all the same.
      () => undefined,
    );
    return asked;
  };
  return {
    async refused({ type, name, inputs }, failures) {
      if (failures.length === 0) return failures;
      const schema = await schemaOnce();
      const spec = schema === undefined ? undefined : inputsOf(schema, type);
      return failures.map((failure) => {
        const path = failure.path || placeIn(failure.message, name);
        const message = withoutPlace(failure.message);
        if (schema === undefined || spec === undefined || path === "") return { ...failure, path, message };
        return { ...about(schema, spec, inputs, path, message), ...stated(failure) };
      });
    },

    async failed({ type, name, inputs }, error) {
      if (!(error instanceof OrchError)) return error;
      const { failure } = error;
      if (failure.reason !== "provider-error" && failure.reason !== "invalid-property") return error;
      const schema = await schemaOnce();
      if (schema === undefined) return error;
      const next: string[] = [];
      const more: Partial<Failure> = {};
      const spec = inputsOf(schema, type);
      if (spec === undefined) {
        const near = didYouMean(type, Object.keys(schema.resources ?? {}));
        next.push(...near.map((line) => `The package ${packageName} knows no type ${type}. ${line}`));
      } else {
        const path = failure.path ?? placeIn(failure.message, name);
        if (path !== "") {
          const { expected, found } = about(schema, spec, inputs, path, "");
          Object.assign(more, {
            path,
            ...(expected === undefined ? {} : { expected }),
            ...(found === undefined ? {} : { found }),
          });
        }
        for (const unknown of misspelt(schema, spec, inputs).slice(0, few))
          next.push(
            `${formatPath(unknown.path)} is no property that the schema of ${packageName} knows.${unknown.near.map((line) => ` ${line}`).join("")}`,
          );
      }
      if (next.length === 0 && more.path === undefined) return error;
      const advised = next.length === 0 ? {} : { next: [...next, ...(failure.next ?? [])] };
      return new OrchError({ ...more, ...failure, ...advised }, { cause: error });
    },
  };
}

const stated = ({ expected, found }: CheckFailure): Partial<CheckFailure> => ({
  ...(expected === undefined ? {} : { expected }),
  ...(found === undefined ? {} : { found }),
});

function inputsOf(schema: Schema, type: string): Spec | undefined {
  const resources = schema.resources ?? {};
  const properties = Object.hasOwn(resources, type) ? resources[type]?.inputProperties : undefined;
  return properties === undefined ? undefined : { type: "object", properties };
}

/** The spec with what it refers to in its place. */
function resolved(schema: Schema, spec: Spec): Spec {
  const token = /^#\/types\/(.*)$/.exec(spec.$ref ?? "")?.[1];
  const types = schema.types ?? {};
  const name = token === undefined ? undefined : decodeURIComponent(token);
  return name !== undefined && Object.hasOwn(types, name)
    ? { ...types[name], ...(spec.secret ? { secret: true } : {}) }
    : spec;
}

/** Of the spec's forms the one that the value has. */
function formOf(schema: Schema, spec: Spec, value: Value | undefined): Spec {
  const own = resolved(schema, spec);
  const forms = own.oneOf?.map((form) => resolved(schema, form));
  if (forms === undefined) return own;
  const fits = ({ type, properties }: Spec): boolean =>
    isArray(value) ? type === "array" : isMap(value) ? type === "object" || properties !== undefined : false;
  return forms.find(fits) ?? own;
}

function about(schema: Schema, root: Spec, inputs: PropertyMap, text: string, message: string): CheckFailure {
  const path = pathOf(text);
  const value = getPath(inputs, path);
  let spec = root;
  let parent: Value | undefined = inputs;
  for (const [depth, segment] of path.entries()) {
    const known = formOf(schema, spec, parent).properties;
    const next = stepInto(schema, spec, parent, segment);
    if (next === undefined) {
      if (known === undefined) return { path: text, message };
      const near = didYouMean(String(segment), Object.keys(known));
      return {
        path: formatPath(path.slice(0, depth + 1)),
        message: [message, ...near].join(" ").trim(),
        expected: `one of ${Object.keys(known).join(", ")}`,
        found: String(segment),
      };
    }
    if (depth === path.length - 1 && value === undefined && known !== undefined && isMap(parent)) {
      // It may be there by another name.
      const strange = Object.keys(parent).filter(
        (key) => !key.startsWith("__") && !Object.hasOwn(known, key),
      );
      const meant = closest(String(segment), strange, 1).map(
        (name) => `${name} is given, which is no property: did you mean ${segment}?`,
      );
      message = [message, ...meant].join(" ").trim();
    }
    spec = next;
    parent = getPath(inputs, path.slice(0, depth + 1));
  }
  const legal = legalIn(message);
  // Nothing is said of the type where it is the right one.
  const expected =
    legal !== undefined
      ? `one of ${legal.join(", ")}`
      : value !== undefined && isOfType(resolved(schema, spec), value)
        ? undefined
        : typeText(schema, spec);
  if (legal !== undefined && typeof value === "string")
    message = [message, ...didYouMean(value, legal)].join(" ").trim();
  return {
    path: text,
    message,
    ...(expected === undefined ? {} : { expected }),
    found:
      value !== undefined && (resolved(schema, spec).secret === true || isInSecret(inputs, path))
        ? "a secret"
        : shown(value),
  };
}

function stepInto(
  schema: Schema,
  spec: Spec,
  value: Value | undefined,
  segment: string | number,
): Spec | undefined {
  const form = formOf(schema, spec, value);
  if (typeof segment === "number") return form.items;
  const { properties } = form;
  if (properties !== undefined) return Object.hasOwn(properties, segment) ? properties[segment] : undefined;
  return form.additionalProperties;
}

/** Properties at any depth that the schema does not have. */
function misspelt(
  schema: Schema,
  spec: Spec,
  given: Value,
  at: PropertyPath = [],
): { readonly path: PropertyPath; readonly near: readonly string[] }[] {
  const value = given instanceof Secret ? given.value : given;
  if (value instanceof Unknown) return [];
  const form = formOf(schema, spec, value);
  if (isArray(value)) {
    const { items } = form;
    return items === undefined ? [] : value.flatMap((item, i) => misspelt(schema, items, item, [...at, i]));
  }
  if (!isMap(value)) return [];
  const { properties } = form;
  return Object.entries(value).flatMap(([key, item]) => {
    if (item === undefined || key.startsWith("__")) return [];
    const next = stepInto(schema, form, value, key);
    const path = [...at, key];
    if (next !== undefined) return misspelt(schema, next, item, path);
    return properties === undefined ? [] : [{ path, near: didYouMean(key, Object.keys(properties)) }];
  });
}

/** Undefined where any value will do. */
function typeText(schema: Schema, given: Spec): string | undefined {
  const spec = resolved(schema, given);
  if (spec.enum !== undefined)
    return `one of ${spec.enum.map(({ value }) => JSON.stringify(value)).join(", ")}`;
  if (spec.oneOf !== undefined) {
    const texts = spec.oneOf.map((form) => typeText(schema, form));
    return texts.some((text) => text === undefined) ? undefined : [...new Set(texts)].join(" or ");
  }
  switch (spec.type) {
    case "array":
      return "a list";
    case "object":
      return spec.properties === undefined
        ? "an object"
        : `an object with ${Object.keys(spec.properties).join(", ")}`;
    case "integer":
      return "a whole number";
    case "string":
    case "number":
    case "boolean":
      return `a ${spec.type}`;
    default:
      return undefined;
  }
}

function shown(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (value instanceof Secret) return "a secret";
  if (isArray(value)) return `a list of ${value.length}`;
  if (isMap(value)) return "an object";
  if (typeof value !== "object" || value === null) {
    const text = JSON.stringify(value);
    return text.length > 80 ? `${text.slice(0, 77)}…"` : text;
  }
  return value instanceof Unknown
    ? "a value that is not known yet"
    : `an ${value.constructor.name.toLowerCase()}`;
}

/** Providers may give any text as the path. */
function pathOf(text: string): PropertyPath {
  try {
    return parsePath(text);
  } catch {
    return [text];
  }
}

/** Is the value a secret, or inside of one? */
const isInSecret = (inputs: PropertyMap, path: PropertyPath): boolean =>
  path.some((_, depth) => getPath(inputs, path.slice(0, depth + 1)) instanceof Secret);

const isOfType = ({ type, enum: few }: Spec, value: Value): boolean =>
  few === undefined &&
  (type === "array"
    ? isArray(value)
    : type === "object"
      ? isMap(value)
      : (type === "integer" ? "number" : type) === typeof value);

/** The texts of a provider's list of what a value may be: `must be one of: ["RSA" "ED25519"]`. */
function legalIn(message: string): readonly string[] | undefined {
  const list = /\b(?:one of|be in|expected one of)\b:? ?\[([^\]]*)\]/i.exec(message)?.[1];
  const texts = list?.match(/[^\s"\\,]+/g);
  return texts === undefined || texts === null ? undefined : texts;
}

const examine = /[\s.]*Examine values at '([^']*)'\.?\s*$/;

/**
 * Bridged providers name the place in their words alone. Source: pulumi/pulumi-terraform-bridge `pkg/tfbridge/property_path.go` and `pf/tfbridge`.
 */
function placeIn(message: string, resource: string): string {
  const examined = examine.exec(message)?.[1];
  if (examined !== undefined)
    return examined.startsWith(`${resource}.`) ? examined.slice(resource.length + 1) : examined;
  return (
    /^Missing required property '([^']+)'/.exec(message)?.[1] ??
    /\bfailed on property "([^"]+)"/.exec(message)?.[1] ??
    ""
  );
}

const withoutPlace = (message: string): string => message.replace(examine, ".");
