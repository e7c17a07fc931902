import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

/** 2 × N files; each second one takes an output of the first. Set N in the environment (default 50). */
const folder = new host.Directory("folder", { path: join(__dirname, "out"), purge: true });
const n = Number(process.env.N ?? 50);
for (let i = 0; i < n; i++) {
  const a = new host.File(`a${i}`, { path: pulumi.interpolate`${folder.path}/a${i}`, content: `v${i}\n` });
  new host.File(`b${i}`, {
    path: pulumi.interpolate`${folder.path}/b${i}`,
    content: pulumi.interpolate`${a.sha256}\n`,
  });
}
