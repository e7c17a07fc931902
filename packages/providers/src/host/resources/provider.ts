/** A machine as a provider. */
import * as pulumi from "@pulumi/pulumi";
import { isOfType, withVersion } from "../../direct/program.js";
import { type Connection, protect } from "./shared.js";

export interface ProviderArgs {
  /** The machine of all resources with this provider that name none themselves. Default: the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

/** A machine as a provider: pass it to resources as `{ provider }`, or to a component as `{ providers: [web] }`. */
export class Provider extends pulumi.ProviderResource {
  static override isInstance(value: unknown): value is Provider {
    return isOfType(value, "pulumi:providers:host");
  }
  constructor(name: string, args: ProviderArgs = {}, options?: pulumi.ResourceOptions) {
    super("host", name, { connection: protect(args.connection) }, withVersion(options));
  }
}
