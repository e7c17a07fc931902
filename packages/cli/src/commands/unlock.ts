import * as Args from "@oclif/core/args";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { withStack } from "../context.js";
import { jsonFlag, yesFlag } from "../flags.js";
import { confirm } from "../prompt.js";
import { breakingText, holderText, renderLocks } from "../render/locks.js";
import { isInteractive, note, outTheme, write, writeJson } from "../session.js";

export default class Unlock extends OrchCommand {
  static override summary = "Show who holds locks on the stack, or take one away.";
  static override description =
    `Without LOCK: lists the runs that hold locks and those that wait, in the order of the queue; nothing is changed. With LOCK: shows what taking it away would break, asks, and takes it away. Its run can write nothing more, and what it had begun is looked after by the next command.

It is needed rarely: the locks of a run whose process died on this machine fall by themselves, those of a run on another machine half a minute after its last sign of life.

Exit codes: 0 listed or taken away, 1 the answer was no, 64 there is no such lock, or nobody to ask and no --yes.`;
  static override examples = ["<%= config.bin %> unlock", "<%= config.bin %> unlock 8"];
  static override args = {
    lock: Args.string({ ignoreStdin: true, description: "The number of a lock, as the list shows it." }),
  };
  static override flags = { yes: yesFlag, json: jsonFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Unlock);
    return withStack(this.config.version, async ({ store, stack }) => {
      const locks = await store.locks();
      if (args.lock === undefined) {
        if (flags.json)
          writeJson({ format: 1, type: "locks", stack, locks: locks.map((lock) => ({ ...lock })) });
        else if (locks.length === 0) note(`Nobody holds a lock on stack ${stack}.`);
        else write(renderLocks(locks, outTheme()).join("\n"));
        return 0;
      }
      const lock = locks.find(({ id }) => String(id) === args.lock);
      if (lock === undefined)
        throw new OrchError({
          reason: "invalid-flag",
          message: `There is no lock ${args.lock} on stack ${stack}.`,
          expected: locks.length === 0 ? "none is held" : `one of ${locks.map(({ id }) => id).join(", ")}`,
          found: args.lock,
          next: ["`orch unlock` lists them."],
        });
      if (!flags.json) write([`Lock ${lock.id}: ${holderText(lock)}.`, ...breakingText(lock)].join("\n"));
      if (!flags.yes) {
        if (!isInteractive())
          throw new OrchError({
            reason: "needs-confirmation",
            message: "`orch unlock` asks first, and there is no terminal to ask at.",
            next: [`Give --yes: \`orch unlock ${lock.id} --yes\`.`],
          });
        if (!(await confirm(`Take lock ${lock.id} away?`, () => write(Unlock.description)))) {
          note("Nothing was changed.");
          return 1;
        }
      }
      const taken = await store.breakLock(lock.id);
      if (flags.json) writeJson({ format: 1, type: "unlocked", stack, lock: { ...lock }, taken });
      else write(taken ? `Took lock ${lock.id} away.` : `Lock ${lock.id} had gone by itself meanwhile.`);
      return 0;
    });
  }
}
