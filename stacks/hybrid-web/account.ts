import * as ad from "@orch/providers/activedirectory";
import * as pulumi from "@pulumi/pulumi";
import { Password } from "./password";

export interface ServiceAccountArgs {
  /** Distinguished name of what the unit for service accounts is made in. */
  base: string;
  /** The domain's name in DNS. */
  domain: string;
  /** Name to log in with; at most 20 characters. */
  login: string;
}

/** An account for a service: in a unit of its own, and in the group whose members may look up people. */
export class ServiceAccount extends pulumi.ComponentResource {
  /** What the service logs in with, such as `svc-shop@example.com`. */
  readonly principal: pulumi.Output<string>;
  readonly password: pulumi.Output<string>;
  /** Distinguished name of the group that it is in. */
  readonly group: pulumi.Output<string>;

  constructor(name: string, args: ServiceAccountArgs, options?: pulumi.ComponentResourceOptions) {
    super("hybrid:index:ServiceAccount", name, {}, options);
    const parent = { parent: this };

    const password = new Password(`${name}-password`, parent);
    const unit = new ad.OrganizationalUnit(
      `${name}-unit`,
      { name: "Service accounts", ou: args.base, description: "Accounts that no person logs in with" },
      parent,
    );
    const user = new ad.User(
      `${name}-user`,
      {
        name: args.login,
        ou: unit.dn,
        sAMAccountName: args.login,
        userPrincipalName: `${args.login}@${args.domain}`,
        description: "The shop's web front",
        password: password.result,
        passwordNeverExpires: true,
      },
      parent,
    );
    const readers = new ad.Group(
      `${name}-readers`,
      { name: "Directory readers", ou: unit.dn, sAMAccountName: "directory-readers" },
      parent,
    );
    new ad.Membership(`${name}-reads`, { group: readers.id, member: user.id }, parent);

    this.principal = user.userPrincipalName.apply((principal) => principal ?? `${args.login}@${args.domain}`);
    this.password = password.result;
    this.group = readers.dn;
    this.registerOutputs({ principal: this.principal });
  }
}
