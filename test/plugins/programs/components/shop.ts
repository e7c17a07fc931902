import * as pulumi from "@pulumi/pulumi";

export interface SiteArgs {
  readonly owner?: pulumi.Input<string>;
  readonly password?: pulumi.Input<string>;
  readonly bucket?: pulumi.Input<string>;
  readonly broken?: boolean;
}

/** As a generated SDK has it: the code of the component is the plugin's. */
export class Site extends pulumi.ComponentResource {
  declare readonly url: pulumi.Output<string>;
  declare readonly logs: pulumi.Output<string>;
  declare readonly title: pulumi.Output<string>;
  declare readonly password: pulumi.Output<string>;

  constructor(name: string, args: SiteArgs, options: pulumi.ComponentResourceOptions = {}) {
    const outputs = { url: undefined, logs: undefined, title: undefined, files: undefined };
    super(
      "shop:index:Site",
      name,
      { password: undefined, ...args, ...outputs },
      { version: "1.0.0", ...options },
      true,
    );
  }

  describe(greeting: pulumi.Input<string>): pulumi.Output<string> {
    const answer = pulumi.runtime.call<{ text: string }>(
      "shop:index:Site/describe",
      { __self__: this, greeting, url: this.url },
      this,
    );
    return answer.apply(({ text }) => text);
  }
}
