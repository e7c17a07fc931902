import * as pulumi from "@pulumi/pulumi";

/** Writes a line to the file CALLS with every creation; takes a tenth of a second. */
const provider: pulumi.dynamic.ResourceProvider = {
  async create(inputs: { name: string; calls: string }) {
    const { appendFileSync } = await import("node:fs");
    appendFileSync(inputs.calls, `${inputs.name}\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { id: inputs.name, outs: inputs };
  },
};

class Slow extends pulumi.dynamic.Resource {
  constructor(name: string, after: pulumi.Resource | undefined) {
    super(
      provider,
      name,
      { name, calls: process.env.CALLS },
      after === undefined ? {} : { dependsOn: after },
    );
  }
}

/** In two chains, so that something is always begun. */
for (const chain of ["a", "b"]) {
  let last: Slow | undefined;
  for (let i = 0; i < 15; i++) last = new Slow(`${chain}${i}`, last);
}

export const secret = new pulumi.Config().requireSecret("word");
