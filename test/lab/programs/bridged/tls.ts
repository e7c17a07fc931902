import * as pulumi from "@pulumi/pulumi";
import { terraformPackage } from "./terraform";

const getPackage = terraformPackage("tls");

export interface PrivateKeyArgs {
  algorithm: pulumi.Input<"RSA" | "ECDSA" | "ED25519">;
}

export class PrivateKey extends pulumi.CustomResource {
  public readonly algorithm!: pulumi.Output<string>;
  public readonly privateKeyPem!: pulumi.Output<string>;
  public readonly privateKeyOpenssh!: pulumi.Output<string>;
  public readonly publicKeyOpenssh!: pulumi.Output<string>;
  public readonly publicKeyFingerprintSha256!: pulumi.Output<string>;

  constructor(name: string, args: PrivateKeyArgs, opts?: pulumi.CustomResourceOptions) {
    const inputs = {
      ...args,
      privateKeyPem: undefined,
      privateKeyOpenssh: undefined,
      publicKeyOpenssh: undefined,
      publicKeyFingerprintSha256: undefined,
    };
    const secrets = pulumi.mergeOptions(opts, {
      additionalSecretOutputs: ["privateKeyPem", "privateKeyOpenssh"],
    });
    super("tls:index/privateKey:PrivateKey", name, inputs, secrets, false, getPackage());
  }
}

export interface SelfSignedCertArgs {
  allowedUses: pulumi.Input<pulumi.Input<string>[]>;
  privateKeyPem: pulumi.Input<string>;
  validityPeriodHours: pulumi.Input<number>;
  earlyRenewalHours?: pulumi.Input<number>;
  subjects?: pulumi.Input<pulumi.Input<{ commonName?: pulumi.Input<string> }>[]>;
}

export class SelfSignedCert extends pulumi.CustomResource {
  public readonly certPem!: pulumi.Output<string>;
  public readonly validityEndTime!: pulumi.Output<string>;

  constructor(name: string, args: SelfSignedCertArgs, opts?: pulumi.CustomResourceOptions) {
    const inputs = {
      ...args,
      privateKeyPem: pulumi.secret(args.privateKeyPem),
      certPem: undefined,
      validityEndTime: undefined,
    };
    super("tls:index/selfSignedCert:SelfSignedCert", name, inputs, opts, false, getPackage());
  }
}

export interface PublicKey {
  algorithm: string;
  publicKeyOpenssh: string;
  publicKeyFingerprintSha256: string;
}

export function getPublicKeyOutput(args: { privateKeyPem: pulumi.Input<string> }): pulumi.Output<PublicKey> {
  return pulumi.runtime.invokeOutput("tls:index/getPublicKey:getPublicKey", args, {}, getPackage());
}
