/**
 * CONTRACT. Values as JSON with Pulumi's signature keys: the form on the wire (inside protobuf structs), in plans and in the state.
 * Source: pulumi/pulumi `sdk/go/common/resource/sig/sig.go` and `plugin/rpc.go`.
 */
import {
  Archive,
  Asset,
  isSpecial,
  OutputValue,
  type PropertyMap,
  ResourceRef,
  Secret,
  Unknown,
  unknown,
  type Value,
} from "../model/value.js";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export const signatureKey = "4dabf18193072939515e22adb298388d";
export const signatures = {
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
  secret: "1b47061264138c4ac30d75fd1eb44270",
  resource: "5cf8f73096256a8f31e491e813e4eb8e",
  output: "d0e6a833031e9bbcd3f4e8bde6ca49a4",
} as const;

/** The unknown that orch writes; readers must know all seven. */
export const unknownSentinel = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const unknownSentinels: ReadonlySet<string> = new Set([
  unknownSentinel, // string
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // bool
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

export const isUnknownSentinel = (text: string): boolean => unknownSentinels.has(text);

export interface EncodeOptions {
  /**
   * `wrap`: `{sig: secret, value}`; `reveal`: the bare value; a function: `{sig: secret, ciphertext}` of the value's JSON; `plaintext`: `{sig: secret,
   * plaintext}` with that JSON, as in Pulumi's checkpoints.
   */
  readonly secrets: "wrap" | "reveal" | "plaintext" | ((plaintextJson: string) => string);
  /** False: output values become what they hold (secret or not); for receivers that do not know them. Default true. */
  readonly outputValues?: boolean;
  /** False: resource references become the id, or the URN of components. Default true. */
  readonly resourceRefs?: boolean;
}

export function encodeMap(properties: PropertyMap, options: EncodeOptions): { [key: string]: Json } {
  return encode(properties, options) as { [key: string]: Json };
}

export function encode(value: Value, options: EncodeOptions): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Value) => encode(item, options));
  if (isSpecial(value)) return encodeSpecial(value, options);
  const out: { [key: string]: Json } = {};
  for (const key of Object.keys(value)) {
    const item = (value as PropertyMap)[key];
    if (item !== undefined) setOwn(out, key, encode(item, options));
  }
  return out;
}

/** A property named `__proto__` is data, not a prototype. */
function setOwn<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

function encodeSpecial(value: Value & object, options: EncodeOptions): Json {
  if (value instanceof Unknown) return unknownSentinel;
  if (value instanceof Secret) {
    if (options.secrets === "reveal") return encode(value.value, options);
    if (options.secrets === "wrap") {
      return { [signatureKey]: signatures.secret, value: encode(value.value, options) };
    }
    // An unknown secret has nothing to hide yet.
    const plaintext = JSON.stringify(encode(value.value, { ...options, secrets: "reveal" }));
    return options.secrets === "plaintext"
      ? { [signatureKey]: signatures.secret, plaintext }
      : { [signatureKey]: signatures.secret, ciphertext: options.secrets(plaintext) };
  }
  if (value instanceof Asset) {
    const { source } = value;
    const hash = value.hash === undefined ? {} : { hash: value.hash };
    if (source.kind === "text") return { [signatureKey]: signatures.asset, ...hash, text: source.text };
    if (source.kind === "file") return { [signatureKey]: signatures.asset, ...hash, path: source.path };
    return { [signatureKey]: signatures.asset, ...hash, uri: source.uri };
  }
  if (value instanceof Archive) {
    const { source } = value;
    const hash = value.hash === undefined ? {} : { hash: value.hash };
    if (source.kind === "assets") {
      return {
        [signatureKey]: signatures.archive,
        ...hash,
        assets: encode(source.assets as PropertyMap, options),
      };
    }
    if (source.kind === "file") return { [signatureKey]: signatures.archive, ...hash, path: source.path };
    return { [signatureKey]: signatures.archive, ...hash, uri: source.uri };
  }
  if (value instanceof ResourceRef) {
    if (options.resourceRefs === false) {
      if (value.id === undefined) return value.urn;
      return value.id instanceof Unknown ? unknownSentinel : value.id;
    }
    return {
      [signatureKey]: signatures.resource,
      urn: value.urn,
      ...(value.id === undefined ? {} : { id: value.id instanceof Unknown ? unknownSentinel : value.id }),
      ...(value.packageVersion ? { packageVersion: value.packageVersion } : {}),
    };
  }
  const output = value as OutputValue;
  if (options.outputValues === false) {
    const inner = output.value === undefined ? unknown : output.value;
    return encode(output.secret ? new Secret(inner) : inner, options);
  }
  return {
    [signatureKey]: signatures.output,
    ...(output.value === undefined ? {} : { value: encode(output.value, options) }),
    ...(output.secret ? { secret: true } : {}),
    ...(output.dependencies.length > 0 ? { dependencies: [...output.dependencies] } : {}),
  };
}

export interface DecodeOptions {
  /** Reads what a `secrets` function of {@link EncodeOptions} wrote. */
  readonly decrypt?: (ciphertext: string) => string;
}

export function decodeMap(json: { [key: string]: Json }, options: DecodeOptions = {}): PropertyMap {
  return decode(json, options) as PropertyMap;
}

/** Throws a TypeError on an unknown signature or a malformed special value. */
export function decode(json: Json, options: DecodeOptions = {}): Value {
  if (typeof json === "string") return unknownSentinels.has(json) ? unknown : json;
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map((item) => decode(item, options));
  const signature = json[signatureKey];
  if (signature !== undefined) return decodeSpecial(json, signature, options);
  const out: { [key: string]: Value } = {};
  for (const key of Object.keys(json)) {
    const item = json[key];
    if (item === undefined) continue;
    setOwn(out, key, decode(item, options));
  }
  return out;
}

function decodeSpecial(json: { [key: string]: Json }, signature: Json, options: DecodeOptions): Value {
  const text = (key: string): string | undefined =>
    typeof json[key] === "string" ? (json[key] as string) : undefined;
  const hash = text("hash") || undefined;
  switch (signature) {
    case signatures.secret: {
      const ciphertext = text("ciphertext");
      const plaintext = text("plaintext");
      if (plaintext !== undefined) return new Secret(decode(JSON.parse(plaintext) as Json, options));
      if (ciphertext === undefined) return new Secret(decode(json.value ?? null, options));
      if (options.decrypt === undefined) throw new TypeError("an encrypted value where none was expected");
      return new Secret(decode(JSON.parse(options.decrypt(ciphertext)) as Json, options));
    }
    case signatures.asset: {
      const [content, path, uri] = [text("text"), text("path"), text("uri")];
      if (path) return new Asset({ kind: "file", path }, hash);
      if (uri) return new Asset({ kind: "uri", uri }, hash);
      return new Asset({ kind: "text", text: content ?? "" }, hash);
    }
    case signatures.archive: {
      const [path, uri, assets] = [text("path"), text("uri"), json.assets];
      if (path) return new Archive({ kind: "file", path }, hash);
      if (uri) return new Archive({ kind: "uri", uri }, hash);
      const members = decode(assets ?? {}, options) as unknown as Record<string, Asset | Archive>;
      return new Archive({ kind: "assets", assets: members }, hash);
    }
    case signatures.resource: {
      const urn = text("urn");
      if (urn === undefined) throw new TypeError("a resource reference without a URN");
      const id = text("id");
      const known = id === undefined ? undefined : unknownSentinels.has(id) || id === "" ? unknown : id;
      return new ResourceRef(urn, known, text("packageVersion"));
    }
    case signatures.output: {
      const value = json.value;
      const dependencies = Array.isArray(json.dependencies) ? (json.dependencies as string[]) : [];
      return new OutputValue(
        value === undefined ? undefined : decode(value, options),
        json.secret === true,
        dependencies,
      );
    }
    default:
      throw new TypeError(`a value with the unknown signature ${JSON.stringify(signature)}`);
  }
}
