/**
 * Every reason of a failure in words: what is behind it, and what to do. For `orch explain` and docs/reference/failures.md. A new reason without a text fails the
 * type check. A failure itself says more: where, what was expected and found. Here stands what is always true of it.
 */
import type { FailureReason } from "@orch/core/model/failure";

export interface Explanation {
  /** What it means, and what mostly leads to it. */
  readonly cause: string;
  /** What to do, in order. */
  readonly cure: string;
}

/** Part of the list → reason → words. */
export const failureIndex = {
  "Wrong usage": {
    "unknown-command": {
      cause: "There is no command of that name.",
      cure: "Take one of the names that the failure suggests, or see `orch --help`.",
    },
    "invalid-flag": {
      cause:
        "A flag or an argument is not known to the command, lacks its value, has one of the wrong form, or does not go with another one.",
      cure: "See `orch COMMAND --help`. Nothing was done.",
    },
    "needs-confirmation": {
      cause:
        "The command asks before it changes anything, and there is no terminal to ask at: in CI, or in a pipe.",
      cure: "Give `--yes` where that is meant. Better for changes: `orch plan --out FILE`, look at it, `orch apply FILE --yes`.",
    },
  },
  "Projects, configuration, secrets": {
    "project-missing": {
      cause: "Neither this folder nor one above it has an `orch.yaml` or a `Pulumi.yaml`.",
      cure: "Go to the project's folder or name it with `--cwd`. `orch new` starts a project.",
    },
    "project-invalid": {
      cause:
        "A file of the project can't be read or holds something that does not belong there: the project file, `orch.lock.json`, or the folder that `orch new` was to fill.",
      cure: "Correct the file at the line and path that the failure names.",
    },
    "stack-unknown": {
      cause:
        "The backend that is in use holds no stack of this name for the project. Often it is another backend than was thought.",
      cure: "`orch whoami` tells which backend is used and why, `orch stack ls` which stacks it has. `orch stack init NAME` makes one.",
    },
    "stack-exists": {
      cause: "There is a stack of this name already.",
      cure: "Use it with `orch stack select NAME`, or choose another name.",
    },
    "stack-not-empty": {
      cause: "The stack holds resources. Removing it, or importing into it, would lose track of them.",
      cure: "`orch destroy` deletes the resources. `orch stack rm --force` forgets them: they go on running, and nobody looks after them.",
    },
    "stack-not-selected": {
      cause: "The project has several stacks or none, and nothing says which one is meant.",
      cure: "`orch stack select NAME`, or `--stack NAME`, or `ORCH_STACK` in scripts.",
    },
    "config-invalid": {
      cause: "A configuration key, a value, or a settings file does not have the form that it must have.",
      cure: "Correct the file at the place that is named, or set the value again with `orch config set`.",
    },
    "config-missing": {
      cause: "The program or a provider needs a configuration value that the stack does not have.",
      cure: "`orch config set KEY VALUE`; for a secret `orch config set KEY --secret`.",
    },
    "key-missing": {
      cause:
        "The key that opens the stack's secrets is not here: no key file of that number, no passphrase, or the service that keeps it does not give it. A key file that others can read counts as missing.",
      cure: "Copy the key file from where the stack was made into `~/.config/orch/keys`, or name it with `ORCH_KEY_FILE`; or set `ORCH_PASSPHRASE`. Without the key nobody can read the stack's secrets.",
    },
    "wrong-passphrase": {
      cause: "The passphrase is not the one that the stack's key was wrapped with.",
      cure: "Check `ORCH_PASSPHRASE` and its like, or enter it again at the prompt.",
    },
    "secret-unreadable": {
      cause:
        "A secret can't be decrypted with the stack's key: it was copied from another stack, edited by hand, or comes from before the key was changed.",
      cure: "Set it again: `orch config set KEY --secret`. Of a file from Pulumi Cloud: export it with `--show-secrets`.",
    },
  },
  "The program": {
    "program-missing": {
      cause:
        "The project's folder has no program: no `index.ts`, no entry in `package.json`, or `main` names something that is not there.",
      cure: "Add the file, or correct `main` in the project file.",
    },
    "program-error": {
      cause: "The program threw an error, or does not compile.",
      cure: "Correct it at the line that is shown. Nothing was deleted because of it.",
    },
    "program-exited": {
      cause:
        "The program's process ended before its program did: `process.exit`, not enough memory, or somebody killed it.",
      cure: "Take `process.exit` out. Give it memory with `ORCH_PROGRAM_NODE_FLAGS=--max-old-space-size=4096`. In a container, look whether the system killed it.",
    },
    "program-hanging": {
      cause:
        "Nothing is left to do, and the program still waits: for a promise that nobody settles, or for outputs that need each other.",
      cure: "The failure names what waits. Look for a promise that is never resolved, and for an `apply` that waits for its own resource.",
    },
    "module-missing": {
      cause: "The program imports a package or a file that is not there.",
      cure: "`npm install` in the program's folder; or correct the path of the import.",
    },
    "duplicate-urn": {
      cause: "Two resources have the same type, name and parents. Both places in the program are named.",
      cure: "Give one of them another name. In a loop, put the item's key into the name.",
    },
    "resource-cycle": {
      cause: "Resources depend on each other in a circle, so none of them can be first.",
      cure: "Take one of the dependencies that are listed away; often it is a `dependsOn` or a `parent`.",
    },
    "invalid-option": {
      cause: "A resource option has a value that it can't have.",
      cure: "Correct the option at the place that is named.",
    },
    unsupported: {
      cause: "The program, a plugin or a provider asks for something that orch does not do.",
      cure: "The failure names what. What works and what does not is listed, row by row, in docs/conformance.md.",
    },
  },
  "Providers and the systems behind them": {
    "plugin-missing": {
      cause: "Nothing on this machine serves the package: no direct provider, and no plugin of that version.",
      cure: "`orch plugin install NAME VERSION`, also from a file or a mirror. `orch plugin ls` shows what there is.",
    },
    "plugin-checksum": {
      cause:
        "A plugin or its archive is not the file that `orch.lock.json` or `--sha256` names. It was not started.",
      cure: "Find out why it differs before anything else. When the change is meant: `orch plugin lock NAME@VERSION`, and have the lock file's change reviewed.",
    },
    "plugin-install": {
      cause:
        "A plugin could not be fetched or unpacked: no such version, no network, a damaged or an unsafe archive.",
      cure: "Try again, or name another source: `--mirror`, `--server`, `--file`. Nothing was put in place.",
    },
    "plugin-start": {
      cause:
        "A plugin's program did not start or said nothing that orch understands. Its last words are shown.",
      cure: "Mostly it is for another system or processor, or may not be executed. Install it again with `--reinstall`.",
    },
    "provider-crashed": {
      cause: "A provider's process died while it worked. What it said last is shown.",
      cure: "Run the same command again: what was done is kept, what was under way is looked into first. Report it to the plugin's makers.",
    },
    "provider-error": {
      cause: "The system or its provider refused the operation for a reason of its own, which is shown.",
      cure: "Read what it said. What was done before is in the state; correct the cause and run the same command again.",
    },
    "provider-config": {
      cause: "A provider's configuration is missing or wrong.",
      cure: "`orch config set PACKAGE:KEY VALUE`, or correct the arguments of the provider in the program.",
    },
    "invalid-property": {
      cause:
        "A property of a resource is missing, misspelt, or has a value that can't be. Found before anything was done.",
      cure: "Correct it at the path that is named. Often the right name is suggested.",
    },
    "invoke-failed": {
      cause: "A function that the program calls while it is planned (`getAmi`, `host.readFile`) failed.",
      cure: "Read what it said: the thing that is asked for may not be there yet, or may not be read with these rights.",
    },
    "connection-failed": {
      cause: "The system could not be reached. Nothing was sent, so nothing was done there.",
      cure: "Check the address, the network and that it runs; then run the same command again.",
    },
    "connection-lost": {
      cause: "The connection broke while something was under way. It may or may not have been done.",
      cure: "Run the same command again. orch finds out first what became of it, and asks where it can't.",
    },
    "host-key-mismatch": {
      cause:
        "A machine shows another SSH host key than the one that is known, or one that nobody knows. Either it was set up anew, or somebody stands in between.",
      cure: "Ask who runs the machine for its fingerprint. If it is right, give it as `hostKey` or put it into `known_hosts`.",
    },
    "authentication-failed": {
      cause: "The system does not accept the login: a wrong or expired password, token or key.",
      cure: "Set a valid one, mostly with `orch config set … --secret`. The failure says whose login it is.",
    },
    "permission-denied": {
      cause: "The login is known, and may not do this.",
      cure: "Give it the right that is named, or use another login. On a machine, mostly `become`.",
    },
    throttled: {
      cause: "The system takes no more requests for now, and did not after orch had waited and tried again.",
      cure: "Run the same command again later, with a smaller `--parallel`.",
    },
    conflict: {
      cause:
        "Somebody else made, changed or holds the object. orch does not overwrite what the plan did not show.",
      cure: "`orch plan --refresh` shows what is there now. Apply that, import the object that is in the way, or leave the field to its other owner.",
    },
    timeout: {
      cause: "It did not end within its time. It may still be done over there.",
      cure: "Find out what it waits for. Where it needs longer: the resource option `customTimeouts`. The next run looks into it first.",
    },
  },
  State: {
    "state-newer": {
      cause: "The state, or a file of it, was written by a newer orch.",
      cure: "Use that version or a newer one. Nothing was changed.",
    },
    "state-invalid": {
      cause: "What is stored is damaged, is no state of orch, or belongs to another stack.",
      cure: "Check the path and the backend (`orch whoami`). Where it is damaged, restore a copy. It was left as it is.",
    },
    "checkpoint-invalid": {
      cause:
        "The file that `orch stack import` was given is not what Pulumi exports, is cut short, or does not fit together.",
      cure: "Export it again: `pulumi stack export --file FILE`. The places in the file are named. Nothing was imported.",
    },
    "state-locked": {
      cause: "Another run has the resources, or took over the locks of this one.",
      cure: "`orch unlock` shows who, since when and for what. Wait for it; take a lock away only from a run that is surely dead.",
    },
    "disk-full": {
      cause: "There is no room on the disk that the state is on.",
      cure: "Free some and run the same command again. What was finished is kept.",
    },
    "backend-error": {
      cause: "The database that holds the state could not be reached, is too old, or refused something.",
      cure: "`orch whoami` tells which it is and whether it answers. Then run the same command again; what was under way is looked into first.",
    },
  },
  "Plans and runs": {
    protected: {
      cause: "The plan would delete or replace a resource with the option `protect`.",
      cure: "If it is meant: take `protect` out of the program, apply that, and then go on. Otherwise find out why it would go: `orch plan --diff`.",
    },
    "plan-invalid": {
      cause: "The plan file is damaged, was edited, is of another stack, or was written by another version.",
      cure: "Make a new one: `orch plan --out FILE`. Nothing was done.",
    },
    "plan-stale": {
      cause:
        "The program, the configuration, a plugin, or the state of something that the plan touches was changed since it was made. Each is named, with the run that did it.",
      cure: "Make a new plan and review it. Or put the cause right, and the same plan fits again. Nothing was done.",
    },
    "plan-applied": {
      cause: "The plan was applied before. A plan applies at most once.",
      cure: "`orch history RUN` tells what became of it. For more changes make a new plan.",
    },
    "plan-broken": {
      cause:
        "While it was applied, the program or a provider said something else than when it was planned: other inputs, another resource, a replace in place of an update. The resource was not touched.",
      cure: "Make a new plan. If it happens again, the program depends on something that changes by itself: the time, a random value, a file, an answer from outside.",
    },
    "step-failed": {
      cause: "A step of the run failed; its own failure stands below it.",
      cure: "Correct the cause and run the same command again: it goes on from where it stopped.",
    },
    "step-skipped": {
      cause: "A step was not begun, because one that it needs failed or the run was stopped.",
      cure: "Look at what failed; the next run does it.",
    },
    "unfinished-steps": {
      cause:
        "A run was cut off in the middle of a step, and orch can't find out by itself whether it took place.",
      cure: "`orch resume` shows all that is known. Look into the system itself, then answer with `--adopt ID`, `--retry` or `--forget`.",
    },
    "not-found-again": {
      cause:
        "A warning before anything is done: if this run is killed in the middle of such a creation, you will be asked what became of it, since the type's provider can't find it again.",
      cure: "Nothing needs to be done. Give the objects names by which you would find them.",
    },
    "not-refreshed": {
      cause:
        "A warning of `orch apply --refresh --continue-on-error`: some resources could not be read, mostly because their system is down. They are planned from the state; everything else is planned as it was read. The exit code is 1.",
      cure: "Look at what stands below it. When the system is back, run the same command again.",
    },
    "not-targeted": {
      cause:
        "A plan with --target or --exclude would leave the state referring to something that is not there any more: a resource that others need would be deleted, renamed or become another one, and they are not part of the plan. As a warning: a resource is replaced, and what uses it keeps the values of the old one.",
      cure: "Take along what depends on it with --target-dependents, or name it with --target.",
    },
    "not-restored": {
      cause:
        "A warning of `orch undo`: an object is made anew, and what the old one held does not come back.",
      cure: "Restore its data from a copy, after or in place of the undo.",
    },
    interrupted: {
      cause: "Ctrl-C, or a signal, ended the run. What was begun was finished, or stands in the journal.",
      cure: "Run the same command again; it goes on from there.",
    },
    internal: {
      cause: "A mistake in orch itself. The state is safe: what was done is in it.",
      cure: "Run it again with `--verbose`, and report what it shows.",
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Explanation>>>>;

type UnionKeys<T> = T extends unknown ? keyof T : never;
type Explained = UnionKeys<(typeof failureIndex)[keyof typeof failureIndex]>;

/** Each reason once, whatever part of the list it is in. */
export const explanations = Object.assign({}, ...Object.values(failureIndex)) as Record<
  Explained,
  Explanation
> satisfies Record<FailureReason, Explanation>;
