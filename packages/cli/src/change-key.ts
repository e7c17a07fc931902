/** What `orch secrets rotate` and `orch secrets change-provider` share. */
import type { EncryptionBlock } from "@orch/core/state/keys/contract";
import { contextOptions, withStack } from "./context.js";
import { who } from "./runs.js";
import { note, outTheme, write, writeJson } from "./session.js";

export async function changeKey(
  orchVersion: string,
  change: { readonly provider?: string; readonly newKey: boolean },
  json: boolean,
): Promise<number> {
  if (change.provider !== undefined) {
    // Told before the stack's own key is asked for.
    const { checkSecretsProvider } = await import("@orch/core/state/keys/index");
    checkSecretsProvider(change.provider);
  }
  return withStack(orchVersion, async (context) => {
    const { rekeyStack, sourcesOf } = await import("@orch/core/project/index");
    const { block, stateSecrets, configSecrets, newKey } = await rekeyStack(
      context,
      sourcesOf(contextOptions(orchVersion)),
      { ...change, who: who() },
    );
    const keptBy = shown(block);
    if (json) {
      writeJson({
        format: 1,
        type: "key-changed",
        stack: context.stack,
        newKey,
        provider: keptBy,
        stateSecrets,
        configSecrets,
      });
      return 0;
    }
    const stack = outTheme().name(context.stack);
    write(
      newKey
        ? `Stack ${stack} has a new key, protected by ${keptBy}. Encrypted again: ${configSecrets} in its settings file, ${stateSecrets} in its state and history.`
        : `The key of stack ${stack} is now protected by ${keptBy}. It is the same key.`,
    );
    note(`Commit ${context.file.yaml.path}.`);
    if (newKey) note("Plans that were kept before don't apply any more.");
    return 0;
  });
}

const shown = (block: EncryptionBlock): string => ("url" in block ? block.url : block.kind);
