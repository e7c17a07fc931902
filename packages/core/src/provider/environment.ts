/** The environment of what orch starts: programs, plugins, commands that give credentials. */

/** Passphrases, keys and tokens of orch itself, where it keeps its state, and addresses that take messages from whoever knows them. */
const own = /^ORCH_(BACKEND$|.*(PASSPHRASE|KEY|TOKEN|SECRET|WEBHOOK))/;

/**
 * The environment without what is only for orch, so that it is in no log, no error report and no process that a program or plugin starts.
 * Everything else stays: programs and plugins take their credentials from there.
 */
export function withoutOwnSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !own.test(name)));
}
