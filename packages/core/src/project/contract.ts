/** CONTRACT. A project (Pulumi.yaml or orch.yaml), and a stack's configuration file beside it. */
import type { Crypter } from "../state/contract.js";
import type { DriftRules } from "./drift-rules.js";

export interface Project {
  readonly name: string;
  readonly description?: string;
  /** Absolute folder that holds the project file. */
  readonly dir: string;
  /** Absolute path of Pulumi.yaml or orch.yaml. */
  readonly file: string;
  /** Absolute folder of the program (the project file's `main`, or `dir`). */
  readonly programDir: string;
  /** Entry file relative to programDir, when `main` names a file. */
  readonly entry?: string;
  /** From `orch.yaml`, or the `orch:` section of Pulumi.yaml. */
  readonly settings: {
    /** `sqlite:<path relative to dir>` or `postgres://…`; absent when the project does not say. */
    readonly backend?: string;
    /** Folders, archives or URLs with plugins (`{name}`, `{version}`, `{os}`, `{arch}` are filled in), asked in order. */
    readonly pluginMirrors: readonly string[];
    /** Package → `plugin`, `direct`: which kind of provider serves it. */
    readonly providers: Readonly<Record<string, "plugin" | "direct">>;
    /** What drift reports leave out, and where they look for objects that nobody manages. */
    readonly drift?: DriftRules;
  };
  /** Configuration values of the project file (`config:`), lowest precedence; full keys. */
  readonly defaultConfig: Readonly<Record<string, string>>;
}

export interface ConfigValue {
  /** In clear. Objects and lists are JSON text, as the SDK expects. */
  readonly value: string;
  readonly secret: boolean;
}

export interface StackConfig {
  /** Full keys (`project:name`, `aws:region`). */
  readonly values: Readonly<Record<string, ConfigValue>>;
  readonly crypter: Crypter;
}
