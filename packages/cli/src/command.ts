/** What every command shares: the global flags, and mistakes in flags told as failures with a suggestion. */
import { Command } from "@oclif/core/command";
import type { Config } from "@oclif/core/config";
import * as Flags from "@oclif/core/flags";
import type { Input, ParserOutput } from "@oclif/core/interfaces";
import { OrchError } from "@orch/core/model/failure";
import { didYouMean } from "@orch/core/state/closest";

/** oclif's commands as they are found and run here; see main.ts. */
export interface CommandClass {
  new (argv: string[], config: Config): OrchCommand;
  id: string;
}

type Parsed<F, B, A> = ParserOutput<
  F & Record<string, unknown>,
  B & Record<string, unknown>,
  A & Record<string, unknown>
>;

export abstract class OrchCommand extends Command {
  static override baseFlags = {
    cwd: Flags.string({
      char: "C",
      summary: "Work as if started in this folder.",
      helpValue: "DIR",
      helpGroup: "GLOBAL",
    }),
    stack: Flags.string({
      char: "s",
      summary: "The stack to work on, instead of the selected one.",
      helpValue: "NAME",
      helpGroup: "GLOBAL",
    }),
    "no-color": Flags.boolean({ summary: "No colours (as NO_COLOR does).", helpGroup: "GLOBAL" }),
    plain: Flags.boolean({
      summary: "Words instead of signs and colours, and nothing that moves (as ORCH_PLAIN does).",
      helpGroup: "GLOBAL",
    }),
    verbose: Flags.boolean({ summary: "Show debug messages, times and stacks.", helpGroup: "GLOBAL" }),
  };

  /** Runs the command; rejects with what went wrong, which main.ts shows. */
  start(): Promise<unknown> {
    return this._run();
  }

  // oclif would print; all failures are shown in one place, in one way.
  override catch(error: Error): Promise<never> {
    return Promise.reject(error);
  }

  override async parse<
    // biome-ignore lint/suspicious/noExplicitAny: oclif's own signature
    F extends Record<string, any>,
    // biome-ignore lint/suspicious/noExplicitAny: oclif's own signature
    B extends Record<string, any>,
    // biome-ignore lint/suspicious/noExplicitAny: oclif's own signature
    A extends Record<string, any>,
  >(options?: Input<F, B, A>, argv?: string[]): Promise<Parsed<F, B, A>> {
    try {
      return (await super.parse(options, argv)) as Parsed<F, B, A>;
    } catch (error) {
      throw this.usageFailure(error);
    }
  }

  /** A parse error of oclif as a failure. Anything else stays what it is. */
  private usageFailure(error: unknown): unknown {
    if (!(error instanceof Error) || !("oclif" in error)) return error;
    const command = `${this.config.bin} ${(this.id ?? "").replaceAll(":", " ")}`;
    const help = `See \`${command} --help\`.`;
    const unknownFlags = "flags" in error && Array.isArray(error.flags) ? (error.flags as string[]) : [];
    const [flag] = unknownFlags;
    if (flag !== undefined) {
      const { flags = {}, baseFlags = {} } = this.ctor as unknown as {
        flags?: Record<string, unknown>;
        baseFlags?: Record<string, unknown>;
      };
      const known = [...Object.keys(flags), ...Object.keys(baseFlags), "help"].map((name) => `--${name}`);
      return new OrchError(
        {
          reason: "invalid-flag",
          message: `\`${command}\` has no flag ${flag}`,
          next: [...didYouMean(flag.replace(/=.*/, ""), known), help],
        },
        { cause: error },
      );
    }
    if ("args" in error && Array.isArray(error.args)) {
      // Missing ones are definitions; of superfluous ones there is only the text.
      const missing = error.args as { readonly name?: string; readonly description?: string }[];
      const [first] = missing;
      if (first?.name !== undefined)
        return new OrchError(
          {
            reason: "invalid-flag",
            message: `\`${command}\` needs ${missing.map(({ name }) => name?.toUpperCase()).join(" and ")}: ${first.description ?? ""}`,
            next: [help],
          },
          { cause: error },
        );
    }
    const choice = /^Expected (--[\w-]+)=(.*) to be one of: (.*)$/m.exec(error.message);
    if (choice !== null) {
      const [, name = "", found = "", list = ""] = choice;
      return new OrchError(
        {
          reason: "invalid-flag",
          message: `${name} can't be ${JSON.stringify(found)}.`,
          expected: `one of ${list}`,
          found,
          next: [...didYouMean(found, list.split(", ")), help],
        },
        { cause: error },
      );
    }
    const message = error.message.replace(/\nSee more help with --help$/, "");
    return new OrchError({ reason: "invalid-flag", message, next: [help] }, { cause: error });
  }
}
