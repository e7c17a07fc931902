/** The provider of `pulumi:pulumi:StackReference`, which Pulumi's engine has built in: reads what another stack gives out. */
import { fail } from "../model/failure.js";
import { stackReferenceType } from "../model/urn.js";
import { type PropertyMap, Secret, some } from "../model/value.js";
import type { CheckResponse, Provider, ProviderLoader } from "./contract.js";

/** What the other stack gives out; `reference` as the program wrote it: `organization/project/stack`, `project/stack` or `stack`. */
export type ReadStackOutputs = (reference: string) => Promise<{
  readonly outputs: PropertyMap;
  /** Secret ones whose key is not at hand. */
  readonly unreadable: readonly string[];
}>;

export const stackReferenceLoader = (read: ReadStackOutputs): ProviderLoader => ({
  name: "built-in",
  load: async (descriptor, { log }) =>
    descriptor.name === "pulumi" && descriptor.parameterization === undefined
      ? provider(read, log)
      : undefined,
});

function provider(
  read: ReadStackOutputs,
  log: (entry: { level: "warning"; message: string; urn: string }) => void,
): Provider {
  const onlyRead = (urn: string): never =>
    fail({ reason: "unsupported", message: "A reference to another stack is only read.", urn });
  const accepted = async (request: { readonly newInputs: PropertyMap }): Promise<CheckResponse> => ({
    inputs: request.newInputs,
    failures: [],
  });
  return {
    package: { name: "pulumi" },
    origin: { source: "direct" },
    checkConfig: accepted,
    diffConfig: async () => ({
      changes: "none",
      replaces: [],
      stables: [],
      diffs: [],
      deleteBeforeReplace: false,
    }),
    configure: async () => ({
      secrets: true,
      resourceRefs: true,
      outputValues: false,
      preview: true,
      unknowns: true,
      findAgain: "no",
    }),
    async read({ urn, type, id }) {
      if (type !== stackReferenceType) return onlyRead(urn);
      const { outputs, unreadable } = await read(id);
      if (unreadable.length > 0) {
        log({
          level: "warning",
          urn,
          message: `The stack ${id} has secret outputs that can't be read here, as its key is not at hand: ${unreadable.join(", ")}. They are left out.`,
        });
      }
      const secretOutputNames = Object.keys(outputs).filter((name) =>
        some(outputs[name] as never, (value) => value instanceof Secret),
      );
      return {
        object: { id, inputs: { name: id }, outputs: { name: id, outputs, secretOutputNames } },
      };
    },
    check: accepted,
    diff: async ({ urn }) => onlyRead(urn),
    create: async ({ urn }) => onlyRead(urn),
    update: async ({ urn }) => onlyRead(urn),
    delete: async ({ urn }) => onlyRead(urn),
    invoke: async ({ token }) =>
      fail({ reason: "invoke-failed", message: `The built-in package has no function ${token}.` }),
    close: async () => undefined,
  };
}
