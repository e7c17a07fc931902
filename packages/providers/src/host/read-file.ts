/** `host.readFile`. */
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import { defineInvoke } from "../direct/index.js";
import { connectionProperty } from "./connection.js";
import { asText, sha256 } from "./content.js";
import { describeInfo, kindInWords, pathProperty } from "./properties.js";
import type { HostSession } from "./session.js";

export const readFile = defineInvoke<HostSession>()({
  token: "host:index:readFile",
  description: "Reads a file that orch need not manage.",
  args: z.strictObject({ path: pathProperty, connection: connectionProperty }),
  result: z.strictObject({
    path: z.string(),
    content: z.string().optional().describe("The content, where it is text of at most 256 KiB."),
    base64: z.string().optional().describe("The content otherwise."),
    sha256: z.string(),
    size: z.number().describe("Bytes."),
    mode: z.string(),
    owner: z.string(),
    group: z.string(),
  }),
  async invoke({ args: { path, connection }, session }) {
    const machine = await session.machine(connection);
    const info = await machine.stat(path);
    if (info?.kind !== "file" && info?.kind !== "link")
      return fail({
        reason: "invoke-failed",
        message: `There is no file ${path} on ${machine.name}`,
        path: "path",
        expected: "a file",
        found: info ? kindInWords[info.kind] : "nothing",
        next: ["Correct the path; or read it after the resource that makes it (`dependsOn`)."],
      });
    const content = await machine.read(path);
    const text = asText(content);
    return {
      path,
      ...(text === undefined ? { base64: content.toString("base64") } : { content: text }),
      sha256: sha256(content),
      size: content.length,
      ...(await describeInfo(machine, info)),
    };
  },
});
