/** What the host provider keeps while it runs: its own connection, and the machines that were asked for. */
import type { LoadContext } from "@orch/core/provider/contract";
import { becoming } from "./become.js";
import type { Connection } from "./connection.js";
import { localMachine } from "./local.js";
import type { Machine } from "./machine.js";
import type { SshPool } from "./ssh/pool.js";

export class HostSession {
  private readonly machines = new Map<string, Promise<Machine>>();
  private readonly turns = new Map<Machine, Map<string, Promise<void>>>();

  constructor(
    readonly connection: Connection | undefined,
    readonly context: LoadContext,
    private readonly pool: () => Promise<SshPool>,
  ) {}

  /** The machine of a resource: by its own connection, else the provider's, else this one. Nothing is connected yet. */
  machine(own: Connection | undefined): Promise<Machine> {
    const connection = own ?? this.connection ?? ({ type: "local" } as const);
    const key = JSON.stringify(connection);
    let machine = this.machines.get(key);
    if (machine === undefined) {
      machine = this.reach(connection);
      this.machines.set(key, machine);
    }
    return machine;
  }

  /** Does the work when all earlier work of that name on that machine has ended, well or not. */
  async inTurn<T>(machine: Machine, name: string, work: () => Promise<T>): Promise<T> {
    const turns = this.turns.get(machine) ?? new Map<string, Promise<void>>();
    this.turns.set(machine, turns);
    const before = turns.get(name) ?? Promise.resolve();
    const mine = before.then(work);
    turns.set(
      name,
      mine.then(
        () => {},
        () => {},
      ),
    );
    return mine;
  }

  /**
   * Works over a connection that is made for it and ended after it, whatever others there are: proof that one can be made. `seconds` to connect,
   * else `connection-failed`. On the machine that runs orch there is nothing to connect.
   */
  async anew<T>(
    own: Connection | undefined,
    seconds: number,
    work: (machine: Machine) => Promise<T>,
  ): Promise<T> {
    const connection = own ?? this.connection;
    if (connection?.type !== "ssh") return work(await this.machine(own));
    const { machine, close } = (await this.pool()).anew({
      ...connection,
      connectTimeout: seconds,
      waitSeconds: 0,
    });
    try {
      return await work(connection.become ? becoming(machine, connection.become) : machine);
    } finally {
      await close();
    }
  }

  private async reach(connection: Connection): Promise<Machine> {
    const machine =
      connection.type === "local"
        ? localMachine(this.context.projectDir)
        : (await this.pool()).machine(connection);
    return connection.become ? becoming(machine, connection.become) : machine;
  }
}
