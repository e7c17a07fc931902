/** A plan's imports as the program that would have said the same: what a person pastes, so that the next plan has nothing to do. Pure. */
import { OrchError } from "@orch/core/model/failure";
import { byOrch, type ImportStep, type Step } from "@orch/core/model/plan";
import type { Resource } from "@orch/core/model/resource";
import { moduleParts, packageOf, parseUrn, rootStackType, type Urn } from "@orch/core/model/urn";
import { Asset, isArray, isMap, reveal, Secret, type Value } from "@orch/core/model/value";

export interface ProgramPart {
  readonly text: string;
  /** Secret configuration that it asks for. */
  readonly secrets: readonly string[];
}

export interface CodeOptions {
  /** URN → what a program calls it, for what is in the state already. */
  readonly variables: ReadonlyMap<Urn, string>;
  /** Packages whose classes come with orch. */
  readonly direct: ReadonlySet<string>;
  /** Package → module of a token → the path to its classes, where the package's schema tells (`rbac.authorization.k8s.io/v1` → `rbac/v1`). */
  readonly modules?: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Imported objects and components that are made for them, in the order of the plan. */
export function programOf(steps: readonly Step[], { variables, direct, modules }: CodeOptions): ProgramPart {
  const made = steps.filter(
    (step): step is ImportStep | Extract<Step, { op: "create" }> =>
      step.op === "import" ||
      (step.op === "create" && !step.resource.custom && step.resource.type !== rootStackType),
  );
  const packages = new Map<string, string>();
  for (const { resource, op } of made)
    if (op === "import") packages.set(packageOf(resource.type), identifier(packageOf(resource.type), "_"));
  const names = new Names([...packages.values(), "pulumi", "config", ...variables.values()]);
  const variableOf = new Map<Urn, string>(variables);
  for (const { urn, resource } of made) variableOf.set(urn, names.take(identifier(resource.name)));
  const ids = new Map(
    made.flatMap((step) => (step.op === "import" ? [[step.urn, step.objectId] as const] : [])),
  );
  const secrets: string[] = [];
  const code = made.map((step) => resourceCode(step.resource));

  function resourceCode(resource: Resource): string {
    const variable = variableOf.get(resource.urn) as string;
    const options = optionsOf(resource);
    if (!resource.custom)
      return `const ${variable} = new pulumi.ComponentResource(${quote(resource.type)}, ${quote(resource.name)}, {}${options === "" ? "" : `, ${options}`});`;
    const args = Object.entries(resource.inputs).map(([key, value]) => {
      const from = new Map((resource.propertyDependencies[key] ?? []).map((urn) => [ids.get(urn), urn]));
      return `  ${keyText(key)}: ${valueCode(value, { from, path: [variable, key], indent: "  " })},`;
    });
    const call = `new ${classOf(resource.type)}(${quote(resource.name)}`;
    const object = args.length === 0 ? "{}" : `{\n${args.join("\n")}\n}`;
    return `const ${variable} = ${call}, ${object}${options === "" ? "" : `, ${options}`});`;
  }

  function optionsOf({ parent, provider, options }: Resource): string {
    const above =
      parent === undefined || parseUrn(parent).type === rootStackType ? undefined : reference(parent);
    const by = provider === undefined || byOrch(provider) ? undefined : reference(provider);
    const parts = [
      ...(above === undefined ? [] : [`parent: ${above}`]),
      ...(by === undefined ? [] : [`provider: ${by}`]),
      ...(options.protect ? ["protect: true"] : []),
    ];
    return parts.length === 0 ? "" : `{ ${parts.join(", ")} }`;
  }

  /** What the state alone knows has the name that its program most likely gives it. */
  function reference(urn: Urn): string {
    return variableOf.get(urn) ?? identifier(parseUrn(urn).name);
  }

  interface Place {
    /** Id → the imported resource that has it. */
    readonly from: ReadonlyMap<string | undefined, Urn>;
    readonly path: readonly string[];
    readonly indent: string;
  }

  function valueCode(value: Value, place: Place): string {
    if (value instanceof Secret) return secretCode(value, place);
    if (typeof value === "string") {
      const other = place.from.get(value);
      return other === undefined ? quote(value) : `${variableOf.get(other)}.id`;
    }
    if (value instanceof Asset) return assetCode(value);
    const deeper = { ...place, indent: `${place.indent}  ` };
    if (isArray(value)) {
      const items = value.map((item, i) => valueCode(item, { ...deeper, path: [...place.path, String(i)] }));
      const line = `[${items.join(", ")}]`;
      return line.length <= 80 && !line.includes("\n")
        ? line
        : `[\n${items.map((item) => `${deeper.indent}${item},\n`).join("")}${place.indent}]`;
    }
    if (isMap(value)) {
      const entries = Object.entries(value).map(
        ([key, item]) =>
          `${deeper.indent}${keyText(key)}: ${valueCode(item, { ...deeper, path: [...place.path, key] })},\n`,
      );
      return entries.length === 0 ? "{}" : `{\n${entries.join("")}${place.indent}}`;
    }
    if (typeof value === "object" && value !== null)
      throw new OrchError({
        reason: "unsupported",
        message: `There is no program code for ${place.path.join(".")}, an archive or a reference to a resource.`,
        next: ["Import it with `--properties` that leave it out, or write it with the option `import`."],
      });
    return JSON.stringify(value);
  }

  function secretCode({ value }: Secret, { path }: Place): string {
    const key = names.take(identifier(path.join("-")));
    secrets.push(key);
    return typeof reveal(value) === "string"
      ? `config.requireSecret(${quote(key)})`
      : `config.requireSecretObject(${quote(key)})`;
  }

  function classOf(type: string): string {
    const [name, module = "", member] = type.split(":");
    if (member === undefined) return `${packages.get(name as string)}.${module}`;
    const known = modules?.get(name as string)?.[module];
    return [packages.get(name as string), ...modulePath(known ?? module, member), member].join(".");
  }

  const imports = [...packages].map(
    ([name, alias]) =>
      `import * as ${alias} from ${quote(direct.has(name) && name !== "kubernetes" ? `@orch/providers/${name}` : `@pulumi/${name}`)};`,
  );
  const sdk = secrets.length > 0 || code.some((text) => text.includes("new pulumi."));
  return {
    text: `${[[...imports, ...(sdk ? ['import * as pulumi from "@pulumi/pulumi";'] : [])].join("\n"), ...(secrets.length > 0 ? ["const config = new pulumi.Config();"] : []), ...code].join("\n\n")}\n`,
    secrets,
  };
}

/** Where the package's SDK has the class. */
const modulePath = (module: string, member: string): readonly string[] =>
  moduleParts(module, member)
    .filter((part) => part !== "" && part !== "index")
    .map((part) => part.replaceAll("-", "_"));

function assetCode({ source }: Asset): string {
  switch (source.kind) {
    case "text":
      return `new pulumi.asset.StringAsset(${quote(source.text)})`;
    case "file":
      return `new pulumi.asset.FileAsset(${quote(source.path)})`;
    case "uri":
      return `new pulumi.asset.RemoteAsset(${quote(source.uri)})`;
  }
}

const quote = (text: string): string =>
  JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
const keyText = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key));

/** `web-config.d` → `webConfigD`. */
function identifier(text: string, joint = ""): string {
  const words = text.split(/[^A-Za-z0-9_$]+/).filter((word) => word !== "");
  const joined = words
    .map((word, i) => (i === 0 || joint !== "" ? word : `${word[0]?.toUpperCase()}${word.slice(1)}`))
    .join(joint);
  const lowered = joint === "" ? `${joined[0]?.toLowerCase() ?? "resource"}${joined.slice(1)}` : joined;
  return /^[A-Za-z_$]/.test(lowered) ? lowered : `resource${lowered}`;
}

/** Words that TypeScript does not take as a variable of a module, and globals that a program may need. */
const reserved = new Set(
  "arguments async await boolean break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof undefined var void while with yield console process global globalThis require module exports Promise Object Array String Number Boolean Symbol Map Set Date Error JSON Math Buffer URL".split(
    " ",
  ),
);

class Names {
  readonly #taken: Set<string>;
  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken);
  }
  take(wanted: string): string {
    for (let n = 1; ; n++) {
      const name = n === 1 ? wanted : `${wanted}${n}`;
      if (this.#taken.has(name) || reserved.has(name)) continue;
      this.#taken.add(name);
      return name;
    }
  }
}
