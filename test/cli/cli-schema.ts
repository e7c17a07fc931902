/** docs/schemas/cli-1.json, by the `type` of a document or of an event, and nothing let pass that it does not name. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { readSchema, strict } from "../strict-schema.js";

interface CliSchema {
  readonly $defs: Readonly<Record<string, unknown>> & {
    readonly document: { readonly oneOf: readonly { readonly $ref: string }[] };
    readonly event: { readonly oneOf: readonly { readonly $ref: string }[] };
  };
}
export const cliSchema = readSchema("cli-1.json") as unknown as CliSchema;

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const defs = strict(cliSchema.$defs) as Record<string, unknown>;
const validators = new Map<string, ValidateFunction>();

const namesOf = (kind: "document" | "event"): readonly string[] =>
  cliSchema.$defs[kind].oneOf.map(({ $ref }) => $ref.replace("#/$defs/", ""));
export const documentTypes = namesOf("document");
export const eventTypes = namesOf("event");

/** Every mistake in it, as text; none when it is as published. */
export function mistakesIn(value: unknown, kind: "document" | "event"): readonly string[] {
  const type = (value as { readonly type?: unknown }).type;
  if (typeof type !== "string" || !namesOf(kind).includes(type)) return [`no ${kind} has the type ${type}`];
  let validate = validators.get(type);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `#/$defs/${type}`, $defs: defs });
    validators.set(type, validate);
  }
  return validate(value)
    ? []
    : (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${type}${instancePath}: ${message} ${JSON.stringify(params)}`,
      );
}
