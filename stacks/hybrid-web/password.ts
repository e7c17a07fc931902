import { randomBytes } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** Makes a password once and keeps it: 48 hex digits after letters that satisfy a domain's rules of complexity. */
const provider: pulumi.dynamic.ResourceProvider<Record<string, never>, { result: string }> = {
  async create() {
    return { id: randomBytes(4).toString("hex"), outs: { result: `Pw-${randomBytes(24).toString("hex")}` } };
  },
};

/** A random password. It stands in the state only, encrypted; to change it, replace the resource. */
export class Password extends pulumi.dynamic.Resource {
  declare readonly result: pulumi.Output<string>;

  constructor(name: string, options?: pulumi.CustomResourceOptions) {
    super(provider, name, { result: undefined }, { ...options, additionalSecretOutputs: ["result"] });
  }
}
