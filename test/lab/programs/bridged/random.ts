import * as pulumi from "@pulumi/pulumi";
import { terraformPackage } from "./terraform";

const getPackage = terraformPackage("random");

export interface PetArgs {
  length?: pulumi.Input<number>;
  prefix?: pulumi.Input<string>;
}

export class Pet extends pulumi.CustomResource {
  public readonly length!: pulumi.Output<number>;
  public readonly prefix!: pulumi.Output<string | undefined>;
  public readonly separator!: pulumi.Output<string>;

  constructor(name: string, args: PetArgs = {}, opts?: pulumi.CustomResourceOptions) {
    super("random:index/pet:Pet", name, { ...args, separator: undefined }, opts, false, getPackage());
  }
}

export interface StringArgs {
  length: pulumi.Input<number>;
  special?: pulumi.Input<boolean>;
  /** Anything here that changes makes a new string. */
  keepers?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

export class RandomString extends pulumi.CustomResource {
  public readonly length!: pulumi.Output<number>;
  public readonly keepers!: pulumi.Output<Record<string, string> | undefined>;
  public readonly result!: pulumi.Output<string>;

  constructor(name: string, args: StringArgs, opts?: pulumi.CustomResourceOptions) {
    super("random:index/string:String", name, { ...args, result: undefined }, opts, false, getPackage());
  }
}

export class Password extends pulumi.CustomResource {
  public readonly bcryptHash!: pulumi.Output<string>;
  public readonly result!: pulumi.Output<string>;

  constructor(name: string, args: StringArgs, opts?: pulumi.CustomResourceOptions) {
    const inputs = { ...args, bcryptHash: undefined, result: undefined };
    const secrets = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["bcryptHash", "result"] });
    super("random:index/password:Password", name, inputs, secrets, false, getPackage());
  }
}
