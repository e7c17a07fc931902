/**
 * A package of components, as `pulumi package` authors write them in TypeScript: served by the SDK's own provider server, which starts
 * like any plugin and registers what it makes with the engine that asked. What it makes are buckets of the stand-in for aws.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const pulumi = require("@pulumi/pulumi");
const aws = require("@pulumi/aws");

class Site extends pulumi.ComponentResource {
  constructor(name, args, opts) {
    super("shop:index:Site", name, args, opts);
    const owner = pulumi.output(args.owner ?? "nobody");
    this.files = new aws.s3.Bucket(
      `${name}-files`,
      { tags: { owner, password: args.password ?? "none" }, ...(args.bucket ? { bucket: args.bucket } : {}) },
      { parent: this },
    );
    const logs = new aws.s3.Bucket(
      `${name}-logs`,
      { tags: { of: this.files.arn } },
      { parent: this, dependsOn: [this.files] },
    );
    this.url = pulumi.interpolate`https://${this.files.bucket}.example/`;
    this.logs = logs.arn;
    this.title = owner.apply((text) => `site of ${text}`);
    this.registerOutputs({ url: this.url, logs: this.logs, title: this.title });
  }
}

const provider = {
  version: "1.0.0",
  async construct(name, type, inputs, options) {
    if (type !== "shop:index:Site") throw new Error(`unknown resource type ${type}`);
    if (inputs.broken) throw new Error("the shop is closed");
    const site = new Site(name, inputs, options);
    const state = { url: site.url, logs: site.logs, title: site.title, files: site.files };
    return { urn: site.urn, state: { ...state, password: inputs.password } };
  },
  async call(token, inputs) {
    if (token !== "shop:index:Site/describe") throw new Error(`unknown method ${token}`);
    if (inputs.__self__ === undefined) throw new Error("no self");
    const text = pulumi.all([inputs.greeting, inputs.url]).apply(([greeting, url]) => `${greeting}, ${url}`);
    return { outputs: { text } };
  },
};

pulumi.provider.main(provider, process.argv.slice(2));
