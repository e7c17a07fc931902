/** What is killed: makes one object by the host provider. Its task comes as JSON in the first argument. Run by Node itself, on the compiled packages. */
import type { PropertyMap } from "@orch/core/model/value";
import { loadersFor } from "@orch/providers/loaders";

const task = JSON.parse(process.argv[2] as string) as {
  readonly config: PropertyMap;
  readonly type: string;
  readonly inputs: PropertyMap;
};
const context = { projectDir: process.cwd(), project: "lab", stack: "test", log: () => {} };
for (const loader of loadersFor({ dir: process.cwd(), settings: { providers: {} } } as never)) {
  const provider = await loader.load({ name: "host" }, context);
  if (provider === undefined) continue;
  const base = { urn: `urn:pulumi:test::lab::${task.type}::it`, type: task.type, name: "it" };
  await provider.configure({ urn: base.urn, id: "1", name: "default", inputs: task.config });
  const randomSeed = new Uint8Array(32);
  const { inputs } = await provider.check({ ...base, newInputs: task.inputs, randomSeed });
  await provider.create({ ...base, inputs, preview: false });
  await provider.close();
  break;
}
