/** What the classes of direct providers over HTTP share in programs. Imports nothing but the SDK, so that programs load fast. */
import * as pulumi from "@pulumi/pulumi";

export { nothing, withVersion } from "../program.js";

/** How to log in to a service. What is secret in it is kept as a secret. */
export type Auth =
  | { type: "bearer"; token: pulumi.Input<string> }
  | { type: "basic"; username: pulumi.Input<string>; password: pulumi.Input<string> }
  /** A header of the service's own. */
  | { type: "header"; name: pulumi.Input<string>; value: pulumi.Input<string> }
  /** OAuth 2.0 client credentials, renewed in time. */
  | {
      type: "oauth2";
      tokenUrl: pulumi.Input<string>;
      clientId: pulumi.Input<string>;
      clientSecret: pulumi.Input<string>;
      /** Separated by spaces. */
      scope?: pulumi.Input<string>;
      /** Further parameters of the token request, such as `audience`. */
      parameters?: pulumi.Input<Record<string, pulumi.Input<string>>>;
      /** Where the client's name and secret go. Default header. */
      credentialsIn?: pulumi.Input<"header" | "body">;
    };

/** Certificates, as PEM text. */
export interface Tls {
  /** Authorities to trust instead of this machine's. */
  ca?: pulumi.Input<string>;
  /** A client certificate and its key. */
  cert?: pulumi.Input<string>;
  key?: pulumi.Input<string>;
  /** The name that the certificate must be for, where it is not the address's. */
  serverName?: pulumi.Input<string>;
  /** Believe any certificate. For a laboratory only. */
  insecure?: pulumi.Input<boolean>;
}

const secretKeys: Readonly<Record<string, readonly string[]>> = {
  auth: ["token", "password", "value", "clientSecret"],
  tls: ["key"],
};

/** Configuration whose `auth` and `tls` are secret where they must be. What is inside an output or a promise is marked by the provider's check. */
export function protectLogin<A extends object>(args: A): A {
  const copy = { ...args } as Record<string, unknown>;
  for (const [name, keys] of Object.entries(secretKeys)) {
    const given = copy[name];
    if (typeof given !== "object" || given === null) continue;
    if (pulumi.Output.isInstance(given) || given instanceof Promise) continue;
    const inner = { ...given } as Record<string, unknown>;
    for (const key of keys) if (inner[key] !== undefined) inner[key] = pulumi.secret(inner[key]);
    copy[name] = inner;
  }
  return copy as A;
}
