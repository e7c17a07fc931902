/** Programs for the tests of the command line. */
import type { Files } from "./kit.js";

/** Files on this machine: real changes, real reads. `greeting` may be edited between runs. */
export const filesProgram = (greeting = "Hello"): Files => ({
  "orch.yaml": "name: shop\n",
  "index.ts": `
import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
class Site extends pulumi.ComponentResource {
  constructor(name: string, folder: pulumi.Input<string>) {
    super("shop:index:Site", name);
    new host.File("page", {
      path: pulumi.interpolate\`\${folder}/page.html\`,
      content: "<h1>${greeting}</h1>\\n<p>first</p>\\n<p>second</p>\\n<p>third</p>\\n",
    }, { parent: this });
    this.registerOutputs();
  }
}
const folder = new host.Directory("folder", { path: join(process.cwd(), "out") });
new Site("site", folder.path);
const token = new host.File("token", {
  path: pulumi.interpolate\`\${folder.path}/token\`,
  content: config.getSecret("token") ?? pulumi.secret("no token"),
  mode: "0600",
});
export const path = folder.path;
export const secret = pulumi.secret("hidden output");
export const mode = token.mode;
`,
});

/**
 * Steps that take a while: each writes a line into `log` when it begins and when it has ended. `WAIT` is in ms; chains of
 * `depth` run after each other, `width` of them beside each other.
 */
export const slowProgram = (width: number, depth: number, wait: number): Files => ({
  "orch.yaml": "name: slow\n",
  "index.ts": `
import { join } from "node:path";
import * as host from "@orch/providers/host";
import type * as pulumi from "@pulumi/pulumi";

const log = join(process.cwd(), "log");
for (let w = 0; w < ${width}; w++) {
  let last: pulumi.Resource | undefined;
  for (let d = 0; d < ${depth}; d++) {
    last = new host.Command(\`step-\${w}-\${d}\`, {
      create: \`echo begin \${w}-\${d} >> '\${log}'; sleep ${wait / 1000}; echo end \${w}-\${d} >> '\${log}'\`,
    }, { dependsOn: last ? [last] : [] });
  }
}
`,
});

/** One dynamic resource, whose methods are given as text. */
export const dynamicProgram = (provider: string, args = "{ size: 1 }"): Files => ({
  "Pulumi.yaml": "name: dyn\nruntime: nodejs\n",
  "index.ts": `
import * as pulumi from "@pulumi/pulumi";
class Thing extends pulumi.dynamic.Resource {
  constructor(name: string, props: pulumi.Inputs, opts?: pulumi.CustomResourceOptions) {
    super({ ${provider} }, name, props, opts);
  }
}
new Thing("thing", ${args});
`,
});
