/** What the host provider keeps while it runs: its own connection, and the machines that were asked for. */
import type { LoadContext } from "@orch/core/provider/contract";
import type { Connection } from "./connection.js";
import { localMachine } from "./local.js";
import type { Machine } from "./machine.js";
import type { SshPool } from "./ssh/pool.js";

export class HostSession {
  private readonly machines = new Map<string, Promise<Machine>>();

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

  private async reach(connection: Connection): Promise<Machine> {
    if (connection.type === "local") return localMachine(this.context.projectDir);
    return (await this.pool()).machine(connection);
  }
}
