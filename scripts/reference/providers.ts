/** docs/reference/providers: a page per direct provider, from the schemas of its definition. */
import { code, page, prose, table } from "./markdown.js";

/** JSON Schema as zod writes it; what is read of it. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly secret?: boolean;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}
interface Resource {
  readonly description: string;
  readonly inputProperties: Readonly<Record<string, Schema>>;
  readonly requiredInputs: readonly string[];
  readonly properties: Readonly<Record<string, Schema>>;
  readonly replaceOnChanges: readonly string[];
  readonly importId?: string;
  readonly findAgain: string;
  readonly updates: boolean;
  readonly lists: boolean;
}
/** What a direct provider's `getSchema` gives. */
export interface Package {
  readonly name: string;
  readonly description: string;
  readonly provider: Pick<Resource, "inputProperties" | "requiredInputs">;
  readonly resources: Readonly<Record<string, Resource>>;
  readonly functions: Readonly<Record<string, { description: string; inputs: Schema; outputs: Schema }>>;
}

const choices = (schema: Schema): readonly Schema[] => schema.oneOf ?? schema.anyOf ?? [];

/** A schema in words: `list of string`, `"a" or "b"`. */
function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value))).join(" or ");
  const several = choices(schema);
  if (several.length > 0) return [...new Set(several.map(typeOf))].join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.type === "object") {
    if (schema.properties !== undefined && Object.keys(schema.properties).length > 0) return "object";
    const values = schema.additionalProperties;
    return typeof values === "object" ? `map of ${typeOf(values)}` : "object";
  }
  return schema.type ?? "any value";
}

/** The objects that a value holds, through lists, maps and choices; each with what follows the property's name. */
function* objectsIn(schema: Schema, suffix = ""): Generator<{ object: Schema; suffix: string }> {
  if (schema.properties !== undefined) yield { object: schema, suffix };
  if (schema.items !== undefined) yield* objectsIn(schema.items, `${suffix}[]`);
  if (typeof schema.additionalProperties === "object")
    yield* objectsIn(schema.additionalProperties, `${suffix}.*`);
  for (const choice of choices(schema)) yield* objectsIn(choice, suffix);
}

/** How deep properties of properties are listed. */
const maxDepth = 3;

interface Listing {
  readonly replaces: readonly string[];
  /** Properties that are told elsewhere when they are the same there. */
  readonly told: Readonly<Record<string, Schema>>;
  readonly where: string;
}

/** What is said of one property beside its type. */
function words(schema: Schema, required: boolean, replaces: boolean): string {
  const fallback = schema.default;
  const trivial =
    fallback === undefined || (typeof fallback === "object" && Object.keys(fallback as object).length === 0);
  const description = schema.description ?? "";
  const notes = [
    required ? "required" : undefined,
    trivial || /\bdefault\b/i.test(description) ? undefined : `default ${code(JSON.stringify(fallback))}`,
    schema.secret === true ? "secret" : undefined,
    replaces ? "a change replaces" : undefined,
  ].filter((note) => note !== undefined);
  return [notes.length > 0 ? `**${notes.join(", ")}.**` : "", prose(description)].filter(Boolean).join(" ");
}

function* rows(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  listing: Listing,
  prefix = "",
  depth = 1,
): Generator<string[]> {
  for (const [name, schema] of Object.entries(properties)) {
    const path = `${prefix}${name}`;
    const replaces = listing.replaces.includes(path);
    const told = prefix === "" ? listing.told[name] : undefined;
    if (told !== undefined && JSON.stringify(told) === JSON.stringify(schema)) {
      yield [
        code(path),
        typeOf(schema),
        `${words(schema, required.includes(name), replaces)} Its properties: ${listing.where}.`,
      ];
      continue;
    }
    yield [code(path), typeOf(schema), words(schema, required.includes(name), replaces)];
    if (depth >= maxDepth) continue;
    // One thing or a list of such things, and choices that share a property: told once.
    const seen = new Set<string>();
    for (const { object, suffix } of objectsIn(schema)) {
      const text = JSON.stringify(object);
      if (seen.has(text)) continue;
      seen.add(text);
      for (const row of rows(
        object.properties ?? {},
        object.required ?? [],
        listing,
        `${path}${suffix}.`,
        depth + 1,
      )) {
        if (!seen.has(row.join())) yield row;
        seen.add(row.join());
      }
    }
  }
}

const propertyTable = (rows: Iterable<string[]>): string[] => table(["property", "type", ""], [...rows]);

const again: Readonly<Record<string, string>> = {
  "id-known-before": "it is found again by its id, which is known before it is made",
  token: "it is found again by the token that its creation was sent with",
  list: "it is looked for",
  no: "a person is asked what became of it",
};

/** A page that a person wrote about a package. */
export interface Guide {
  /** Relative to the repository. */
  readonly file: string;
  readonly text: string;
  /** What the page imports the package as. */
  readonly alias: string;
}

/** The statement of the guide's `ts` blocks that makes a resource of this type. */
function exampleOf({ text: guide, alias }: Guide, name: string): string | undefined {
  for (const [, block = ""] of guide.matchAll(/^```ts\n([\s\S]*?)^```/gm)) {
    const at = block.indexOf(`new ${alias}.${name}(`);
    if (at < 0) continue;
    const start = block.lastIndexOf("\n", at) + 1;
    const end = /\);\n/.exec(block.slice(at));
    // Within braces a statement may end more than once; the first end at which all of them are closed counts.
    for (let stop = end === null ? -1 : at + end.index + 2; stop > 0; ) {
      const text = block.slice(start, stop);
      const count = (pattern: RegExp): number => (text.match(pattern) ?? []).length;
      if (count(/[({[]/g) === count(/[)}\]]/g)) return text;
      const next = /\);\n/.exec(block.slice(stop));
      stop = next === null ? -1 : stop + next.index + 2;
    }
  }
  return undefined;
}

function resourceSection(
  token: string,
  resource: Resource,
  config: Package["provider"],
  guide: Guide | undefined,
): string[] {
  const name = token.split(":").at(-1) as string;
  const listing = {
    replaces: resource.replaceOnChanges,
    told: config.inputProperties,
    where: "[see the provider](#configuration)",
  };
  const example = guide === undefined ? undefined : exampleOf(guide, name);
  const given = Object.keys(resource.inputProperties);
  const outputs = Object.entries(resource.properties).filter(([output]) => !given.includes(output));
  return [
    `## \`${name}\``,
    "",
    prose(resource.description),
    "",
    ...(example === undefined || guide === undefined
      ? []
      : [`<!-- as in: ${guide.file} -->`, "```ts", ...example.split("\n"), "```", ""]),
    ...table(
      ["", ""],
      [
        ["token", code(token)],
        ["id for import", resource.importId === undefined ? "none" : prose(resource.importId)],
        ["when its creation was cut off", again[resource.findAgain] ?? resource.findAgain],
        ["`orch drift` can look for unmanaged ones", resource.lists ? "yes" : "no"],
        ...(resource.updates ? [] : [["a change", "makes a new one: nothing is changed in place"]]),
      ],
    ),
    "### Inputs",
    "",
    ...propertyTable(rows(resource.inputProperties, resource.requiredInputs, listing)),
    ...(outputs.length === 0
      ? ["Its outputs are those of its inputs' names.", ""]
      : [
          "### Outputs",
          "",
          "Besides those of its inputs' names:",
          "",
          ...propertyTable(rows(Object.fromEntries(outputs), [], { ...listing, replaces: [] })),
        ]),
  ];
}

const object = (schema: Schema): string[] =>
  propertyTable(rows(schema.properties ?? {}, schema.required ?? [], { replaces: [], told: {}, where: "" }));

/** `guide`: where the examples are from. */
export function providerPage(described: Package, guide: Guide | undefined): string {
  const { name, description, provider, resources, functions } = described;
  return page(`the definitions in packages/providers/src/${name}`, [
    `# The package \`${name}\``,
    "",
    prose(description),
    "",
    `\`import * as ${guide?.alias ?? name} from "@orch/providers/${name}"\`${guide === undefined ? "." : `; how to work with it is told in [its guide](../../${guide.file.replace("docs/", "")}).`}`,
    "",
    "Objects within a property are written with dots: `a.b` is `b` in `a`, `a[].b` in each item of a list, `a.*.b` in each value of a map. A secret property is one whether or not the program marks it.",
    "",
    "## Configuration",
    "",
    `Of \`new ${guide?.alias ?? name}.Provider("name", { … })\`; for a whole stack \`orch config set ${name}:PROPERTY VALUE\`.`,
    "",
    ...propertyTable(
      rows(provider.inputProperties, provider.requiredInputs, { replaces: [], told: {}, where: "" }),
    ),
    ...Object.entries(resources).flatMap(([token, resource]) =>
      resourceSection(token, resource, provider, guide),
    ),
    ...Object.entries(functions).flatMap(([token, one]) => [
      `## \`${token.split(":").at(-1)}()\``,
      "",
      prose(one.description),
      "",
      "### Arguments",
      "",
      ...object(one.inputs),
      "### Result",
      "",
      ...object(one.outputs),
    ]),
  ]);
}

export const providerIndex = (packages: readonly Package[]): string =>
  page("packages/providers/src", [
    "# Every direct provider",
    "",
    "Systems that orch speaks to itself, without a plugin. [Adding one](../../adding-a-provider.md) is short.",
    "",
    ...table(
      ["package", "", "resources"],
      packages.map(({ name, description, resources }) => [
        `[${code(name)}](${name}.md)`,
        prose(description),
        Object.keys(resources)
          .map((token) => code(token.split(":").at(-1) as string))
          .join(", "),
      ]),
    ),
    "The package `kubernetes` is served directly as well. Its types are those of `@pulumi/kubernetes`, and the manifest is the resource: [Kubernetes](../../kubernetes.md).",
  ]);
