/** Scripts. */
import * as pulumi from "@pulumi/pulumi";
import { isOfType, nothing, withVersion } from "../../direct/program.js";
import { type Connection, protect } from "./shared.js";

export interface CommandArgs {
  /** Script that makes it. Exit code 0 means made. */
  create: pulumi.Input<string>;
  /** Script for a change of a script, the environment or the input, and for drift. Default: `create` again. It finds what the last run printed in ORCH_STDOUT and ORCH_STDERR. */
  update?: pulumi.Input<string>;
  /** Script that undoes it. Default: nothing is done. It finds what the last run printed in ORCH_STDOUT and ORCH_STDERR. */
  delete?: pulumi.Input<string>;
  /**
   * Script that prints what is there, for drift. Other output than after the last run is a change; an exit code other than 0 means
   * that it is gone, and 126 or 127 that looking failed.
   */
  read?: pulumi.Input<string>;
  /** Any values; when one changes, `delete` and then `create` are run. */
  triggers?: pulumi.Input<pulumi.Input<unknown>[]>;
  /** Variables of all the scripts; may be secret, and never show in a process list. */
  environment?: pulumi.Input<Record<string, pulumi.Input<string | number | boolean>>>;
  /** Program and arguments that get a file with the script, such as `["python3"]`. Default: /bin/sh. */
  interpreter?: pulumi.Input<pulumi.Input<string>[]>;
  /** Folder to run in. Default: the login's home, or locally the project's folder. */
  cwd?: pulumi.Input<string>;
  /** Standard input of `create` and `update`. */
  stdin?: pulumi.Input<string>;
  /** Seconds that one script may take. Default: no limit. */
  timeout?: pulumi.Input<number>;
  /** Default: the provider's machine; and without one, the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

/** What only a script can do. A service that it starts must not keep the script's output open: redirect it. */
export class Command extends pulumi.CustomResource {
  /** What `create` or `update` printed last (the last 256 KiB); secret where it holds a secret of the inputs. */
  declare readonly stdout: pulumi.Output<string>;
  declare readonly stderr: pulumi.Output<string>;
  declare readonly exitCode: pulumi.Output<number>;
  /** What `read` printed when it last ran. */
  declare readonly observed: pulumi.Output<string | undefined>;
  /** What `read` printed right after the last `create` or `update`. */
  declare readonly expected: pulumi.Output<string | undefined>;

  static override isInstance(value: unknown): value is Command {
    return isOfType(value, "host:index:Command");
  }
  constructor(name: string, args: CommandArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "host:index:Command",
      name,
      {
        ...nothing(["stdout", "stderr", "exitCode", "observed", "expected"]),
        ...args,
        connection: protect(args.connection),
      },
      withVersion(options),
    );
  }
}
