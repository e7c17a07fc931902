/** All that a command needs of a stack, opened by one call. */
import { fail } from "../model/failure.js";
import type { Backend, StackKey, StackStore } from "../state/contract.js";
import { keyIdOf } from "../state/crypter.js";
import type { KeySources, PassphrasePrompt } from "../state/keys/contract.js";
import { encryptionBlock, unwrapDataKey } from "../state/keys/index.js";
import { openBackend } from "./backend.js";
import { readConfig } from "./config.js";
import type { StackConfig } from "./contract.js";
import { type ConfigCipher, type Keyring, keyringOf, makeKeyring, openKeyring } from "./keyring.js";
import { checkStackName } from "./names.js";
import { type FoundProject, findProject } from "./project-file.js";
import { catchUp } from "./rotate.js";
import { readStackFile, type StackFile, saveStackFile } from "./stack-file.js";
import { ensureWorkspace, selectedStack, selectStack, unselectStack } from "./workspace.js";

export interface ContextOptions {
  /** Where the command runs; the project is looked for here and above. */
  readonly cwd: string;
  /** Default: the selected stack. */
  readonly stack?: string;
  /** Absent without a terminal. */
  readonly passphrasePrompt?: PassphrasePrompt;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly orchVersion?: string;
  /** What a person should know while it waits for a backend that went away. */
  readonly notice?: (text: string) => void;
}

export interface ProjectContext {
  readonly project: FoundProject;
  readonly backend: Backend;
  close(): Promise<void>;
}

export interface StackContext extends ProjectContext {
  readonly stack: string;
  readonly config: StackConfig;
  readonly store: StackStore;
  /** For changing the configuration: {@link setConfig} and {@link removeConfig}, then {@link saveStackFile}. */
  readonly file: StackFile;
  readonly keyring: Keyring;
  /** What the settings file on disk is encrypted with: other than the keyring's only after a key change that was cut off. */
  readonly fileCipher: ConfigCipher;
}

/** The project and its backend, for commands that need no stack (`stack ls`). */
export async function openProjectContext(options: ContextOptions): Promise<ProjectContext> {
  const project = await findProject(options.cwd);
  const backend = await openBackend(project, { ...options, env: envOf(options) });
  return { project, backend, close: () => backend.close() };
}

/**
 * Opens a stack that exists. Rejects with `project-missing`, `project-invalid`, `stack-not-selected`, `stack-unknown`, `config-invalid`,
 * `key-missing`, `wrong-passphrase`, `secret-unreadable`, and what the backend says.
 */
export async function openStackContext(options: ContextOptions): Promise<StackContext> {
  const context = await openProjectContext(options);
  try {
    const stack = await chooseStack(context, options);
    const summary = (await context.backend.listStacks(context.project.name)).find(
      (one) => one.stack === stack,
    );
    if (summary === undefined) {
      // Rejects, naming the stacks that there are; before anybody is asked for a passphrase.
      await context.backend.openStack(context.project.name, stack, noCrypter);
    }
    const read = await readStackFile(context.project, stack);
    const fresh = summary?.resources === 0 && summary.lastRunAt === undefined;
    const stored = await context.backend.stackKey(context.project.name, stack);
    const own =
      (await openKeyring(read, sourcesOf(options))) ??
      (stored !== undefined ? undefined : fresh ? await addKeyring(read, options) : failNoBlock(read, stack));
    const { file, keyring } = await keyOfState(read, own, stored, sourcesOf(options));
    const store = await context.backend.openStack(context.project.name, stack, keyring.crypter);
    const config = configOf(context.project, file, keyring);
    return { ...context, stack, file, keyring, fileCipher: (own ?? keyring).config, store, config };
  } catch (error) {
    await context.close();
    throw error;
  }
}

/**
 * Makes a stack: its key, its settings file, its place in the backend; and selects it. Rejects with `stack-exists`, `config-invalid` for a
 * name that can't be, and as {@link openStackContext}. A settings file that is there already is kept, with its key.
 * `secretsProvider`: `key-file`, `passphrase` or the URL of a service's key.
 */
export async function createStackContext(
  options: ContextOptions & { readonly stack: string; readonly secretsProvider?: string },
): Promise<StackContext> {
  const stack = checkStackName(options.stack);
  const context = await openProjectContext(options);
  try {
    const { project, backend } = context;
    const stacks = await backend.listStacks(project.name);
    // Rejects, before a key is made.
    if (stacks.some((one) => one.stack === stack)) await backend.createStack(project.name, stack);
    const file = await readStackFile(project, stack);
    const keyring =
      (await openKeyring(file, sourcesOf(options))) ??
      (await addKeyring(file, options, options.secretsProvider));
    const config = configOf(project, file, keyring);
    await ensureWorkspace(project);
    await backend.createStack(project.name, stack);
    const store = await backend.openStack(project.name, stack, keyring.crypter);
    await selectStack(project, stack);
    return { ...context, stack, file, keyring, fileCipher: keyring.config, store, config };
  } catch (error) {
    await context.close();
    throw error;
  }
}

/** Removes a stack from the backend. Its settings file stays: it is the person's, and may be under version control. */
export async function removeStackContext(
  options: ContextOptions & { readonly stack: string; readonly force: boolean },
): Promise<void> {
  const { project, backend, close } = await openProjectContext(options);
  try {
    await backend.removeStack(project.name, options.stack, options.force);
    if ((await selectedStack(project, {})) === options.stack) await unselectStack(project);
  } finally {
    await close();
  }
}

/** Selects a stack that exists. Rejects with `stack-unknown`. */
export async function selectStackContext(
  options: ContextOptions & { readonly stack: string },
): Promise<void> {
  const { project, backend, close } = await openProjectContext(options);
  try {
    await backend.openStack(project.name, options.stack, noCrypter);
    await selectStack(project, options.stack);
  } finally {
    await close();
  }
}

const envOf = (options: ContextOptions) => options.env ?? process.env;
export const sourcesOf = (options: ContextOptions): KeySources => ({
  env: envOf(options),
  ...(options.passphrasePrompt === undefined ? {} : { prompt: options.passphrasePrompt }),
});

/** The state knows its key since that was first changed; a settings file from before is brought up to it. */
export async function keyOfState(
  file: StackFile,
  own: Keyring | undefined,
  stored: StackKey | undefined,
  sources: KeySources,
): Promise<{ readonly file: StackFile; readonly keyring: Keyring }> {
  if (own !== undefined && (stored === undefined || stored.id === keyIdOf(own.crypter))) {
    return { file, keyring: own };
  }
  const block = encryptionBlock.parse(stored?.block);
  const keyring = keyringOf(await unwrapDataKey(block, sources), file);
  return { file: catchUp(file, own?.config, block, keyring), keyring };
}

async function addKeyring(
  file: StackFile,
  options: ContextOptions,
  secretsProvider?: string,
): Promise<Keyring> {
  const keyring = await makeKeyring(file, sourcesOf(options), secretsProvider);
  await saveStackFile(file);
  return keyring;
}

function configOf(project: FoundProject, file: StackFile, keyring: Keyring): StackConfig {
  const values = Object.fromEntries(
    Object.entries(project.defaultConfig).map(([key, value]) => [key, { value, secret: false }]),
  );
  return { values: { ...values, ...readConfig(file, keyring.config) }, crypter: keyring.crypter };
}

async function chooseStack({ project, backend }: ProjectContext, options: ContextOptions): Promise<string> {
  const stack = options.stack ?? (await selectedStack(project, envOf(options)));
  if (stack !== undefined) return stack;
  const stacks = (await backend.listStacks(project.name)).map((one) => one.stack);
  return fail({
    reason: "stack-not-selected",
    message: `No stack of the project ${project.name} is selected.`,
    expected: stacks.length === 0 ? "a stack; there is none yet" : `one of: ${stacks.join(", ")}`,
    next:
      stacks.length === 0
        ? ["Make one with `orch stack init dev`."]
        : [`Select one with \`orch stack select ${stacks[0]}\`, or name it with --stack.`],
  });
}

function failNoBlock(file: StackFile, stack: string): never {
  return fail({
    reason: "key-missing",
    message: `The settings file of the stack ${stack} does not hold the key that the stack's secrets are encrypted with.`,
    expected: `${file.encryptionPath.join(".")} in ${file.yaml.path}`,
    found: file.exists ? "a file without it" : "no such file",
    next: [
      `Restore ${file.yaml.path} from version control or a copy: \`orch stack init\` wrote the block into it.`,
    ],
  });
}

/** For calls that never read a secret. */
const noCrypter = {
  encrypt: () => fail({ reason: "internal", message: "nothing is encrypted here" }),
  decrypt: () => fail({ reason: "internal", message: "nothing is decrypted here" }),
  fingerprint: () => fail({ reason: "internal", message: "nothing is fingerprinted here" }),
};
