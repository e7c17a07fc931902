/** A provider for the store, with types that are found again in every way that there is. */
import { createHash } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { compare } from "@orch/core/model/compare";
import { type Failure, OrchError } from "@orch/core/model/failure";
import { formatPath } from "@orch/core/model/path";
import type { Urn } from "@orch/core/model/urn";
import { hasUnknown, type PropertyMap, unknown, type Value } from "@orch/core/model/value";
import type {
  DetailedChange,
  FindAgain,
  Provider,
  ProviderLoader,
  ReadResponse,
} from "@orch/core/provider/contract";

/** `store:index:KIND` → how it is found again. */
export const kinds: Readonly<Record<string, FindAgain>> = {
  /** Its id is its name, which the preview tells. */
  Named: "id-known-before",
  /** The store chooses the id, but makes one object per name. */
  Unique: "id-known-before",
  Token: "token",
  Slow: "token",
  Listed: "list",
  /** The store makes as many as it is asked for, and nobody can tell which is which but by looking. */
  Plain: "no",
};
export const typeOf = (kind: string): string => `store:index:${kind}`;
const kindOf = (type: string): string => type.slice("store:index:".length);

export interface StoreOptions {
  readonly port: number;
  /** ms before each effect of a `Slow` one. */
  readonly slow: number;
  /** The n-th effect that this process asks for fails; the failure says how, and `done` whether it takes place all the same. */
  readonly failAt?: { readonly effect: number; readonly failure: Failure; readonly done: boolean };
  readonly events?: (what: string) => void;
}

interface Stored {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly props: PropertyMap;
}

export function storeLoader(options: StoreOptions): ProviderLoader {
  return {
    name: "store",
    load: async (descriptor) => (descriptor.name === "store" ? storeProvider(options) : undefined),
  };
}

let effects = 0;

function storeProvider(options: StoreOptions): Provider {
  const agent = new Agent({ keepAlive: true });
  const cancelled = new AbortController();
  let region: Value | undefined;
  const call = (
    method: string,
    path: string,
    urn: Urn,
    given?: unknown,
    delay = 0,
  ): Promise<{ status: number; value: unknown }> =>
    new Promise((resolve, reject) => {
      const body = given === undefined ? "" : JSON.stringify(given);
      const sent = httpRequest(
        {
          host: "127.0.0.1",
          port: options.port,
          method,
          path,
          agent,
          headers: {
            "x-pid": String(process.pid),
            "x-urn": urn,
            "x-delay": String(delay),
            "content-length": Buffer.byteLength(body),
          },
          signal: cancelled.signal,
        },
        (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, value: text === "" ? undefined : JSON.parse(text) }),
          );
        },
      );
      sent.on("error", (error) =>
        reject(
          new OrchError({
            reason: cancelled.signal.aborted ? "interrupted" : "connection-lost",
            message: `the store did not answer: ${error.message}`,
          }),
        ),
      );
      sent.end(body);
    });
  /** A call that changes something. */
  const change = async (method: string, path: string, type: string, urn: Urn, given?: unknown) => {
    if (hasUnknown(given as Value)) throw new TypeError(`${urn} was sent an unknown value`);
    const mine = ++effects === options.failAt?.effect ? options.failAt : undefined;
    if (mine && !mine.done) throw new OrchError(mine.failure);
    const { status, value } = await call(method, path, urn, given, type.endsWith(":Slow") ? options.slow : 0);
    if (mine) throw new OrchError(mine.failure);
    if (status >= 300)
      throw new OrchError({ reason: "provider-error", message: `the store answered ${status}`, urn });
    return value as Stored;
  };
  const at = (id: string): string => `/objects/${encodeURIComponent(id)}`;

  return {
    package: { name: "store", version: "1.0.0" },
    origin: { source: "direct" },
    checkConfig: async ({ newInputs }) => ({ inputs: newInputs, failures: [] }),
    diffConfig: async ({ oldInputs, newInputs }) => {
      const paths = compare(oldInputs, newInputs).map(({ path }) => formatPath(path));
      return {
        changes: paths.length > 0 ? "some" : "none",
        replaces: paths.filter((path) => path === "region"),
        stables: [],
        diffs: paths,
        deleteBeforeReplace: false,
      };
    },
    configure: async ({ inputs }) => {
      region = inputs.region;
      return {
        secrets: false,
        resourceRefs: false,
        outputValues: false,
        preview: true,
        unknowns: true,
        findAgain: "no",
        findAgainByType: Object.fromEntries(Object.entries(kinds).map(([kind, how]) => [typeOf(kind), how])),
      };
    },
    check: async ({ name, newInputs, oldInputs, randomSeed }) => ({
      inputs: {
        label: oldInputs?.label ?? `${name}-${Buffer.from(randomSeed).toString("hex").slice(0, 8)}`,
        ...newInputs,
      },
      failures: [],
    }),
    diff: async ({ oldInputs, newInputs }) => {
      const detailed = compare(oldInputs, newInputs).map(({ path, before, after }): DetailedChange => {
        const key = String(path[0]);
        return {
          path: formatPath(path),
          kind: before === undefined ? "add" : after === undefined ? "delete" : "update",
          effect: key === "kind" || key === "label" || key === "host" ? "replace" : "update",
          inputDiff: true,
        };
      });
      return {
        changes: detailed.length > 0 ? "some" : "none",
        replaces: detailed.filter((d) => d.effect === "replace").map((d) => d.path),
        stables: ["address"],
        diffs: detailed.map((d) => d.path),
        deleteBeforeReplace: false,
        detailed,
      };
    },
    create: async ({ type, urn, inputs, preview, token }) => {
      const kind = kindOf(type);
      const label = inputs.label as string;
      if (preview) {
        const id = kind === "Named" && typeof label === "string" ? label : "";
        return {
          id,
          outputs: {
            ...inputs,
            address: id === "" ? unknown : `at ${id}`,
            stamp: unknown,
            region: region ?? "none",
          },
        };
      }
      const given = { type, name: label, props: inputs };
      const made =
        kind === "Named"
          ? await change("PUT", at(label), type, urn, given)
          : await change("POST", "/objects", type, urn, {
              ...given,
              ...(kind === "Unique" ? { adopt: true } : {}),
              ...(kind === "Token" || kind === "Slow" ? { token } : {}),
            });
      return { id: made.id, outputs: outputsOf(made.id, inputs) };
    },
    read: async ({ id, urn }): Promise<ReadResponse> => {
      const { status, value } = await call("GET", at(id), urn);
      if (status === 404) return {};
      const { props } = value as Stored;
      return { object: { id, inputs: props, outputs: outputsOf(id, props) } };
    },
    update: async ({ type, urn, id, newInputs, oldInputs, preview }) => {
      if (preview) {
        const same = compare(oldInputs, newInputs).length === 0;
        const outputs = outputsOf(id, newInputs);
        return { outputs: same ? outputs : { ...outputs, stamp: unknown } };
      }
      await change("PATCH", at(id), type, urn, { props: newInputs });
      return { outputs: outputsOf(id, newInputs) };
    },
    delete: async ({ type, urn, id }) => void (await change("DELETE", at(id), type, urn)),
    find: async ({ type, urn, inputs, known }) => {
      const query = new URLSearchParams({ type, name: inputs.label as string });
      const { value } = await call("GET", `/objects?${query}`, urn);
      const [found] = (value as Stored[]).filter(({ id }) => !known.includes(id));
      return found ? { id: found.id } : {};
    },
    invoke: async () => ({ result: {}, failures: [] }),
    cancel: async () => cancelled.abort(),
    close: async () => agent.destroy(),
  };

  function outputsOf(id: string, inputs: PropertyMap): PropertyMap {
    const stamp = hasUnknown(inputs)
      ? unknown
      : createHash("sha256")
          .update(JSON.stringify(inputs.size ?? null))
          .digest("hex")
          .slice(0, 8);
    return { ...inputs, address: `at ${id}`, stamp, region: region ?? "none" };
  }
}
