import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PropertyMap } from "@orch/core/model/value";
import type { LoadContext } from "@orch/core/provider/contract";
import { dynamicLoader, pluginLoader } from "@orch/providers/pulumi/index";
import { expect } from "vitest";
import { type CloudPackage, placePlugin } from "../plugins/place.js";
import { setEnvironment, temporaryFolder } from "../plugins/start.js";
import { providerConformance } from "./provider.js";

const root = new URL("../..", import.meta.url).pathname;

/** A plugin of test/plugins/cloud, with a far side that the test sees. */
function cloud(name: CloudPackage, subject: (store: string) => Promise<object>): () => Promise<never> {
  return async () => {
    const folder = temporaryFolder();
    const store = join(folder, "store.json");
    placePlugin(join(folder, "bin"), name);
    setEnvironment({ CLOUD_STORE: store, CLOUD_MODE: undefined });
    const context: LoadContext = { projectDir: folder, project: "conformance", stack: "test", log: () => {} };
    const loader = pluginLoader({
      places: { path: [join(folder, "bin")], cache: join(folder, "none"), pulumi: join(folder, "none") },
    });
    const provider = await loader.load({ name, version: "1.0.0" }, context);
    const objects = () =>
      existsSync(store) ? (JSON.parse(readFileSync(store, "utf8")) as Record<string, unknown>) : {};
    return {
      provider,
      exists: async (id: string) => Object.keys(objects()).some((key) => key.endsWith(` ${id}`)),
      count: async () => Object.keys(objects()).length,
      remove: async (id: string) => {
        const left = Object.entries(objects()).filter(([key]) => !key.endsWith(` ${id}`));
        writeFileSync(store, JSON.stringify(Object.fromEntries(left)));
      },
      ...(await subject(store)),
    } as never;
  };
}

providerConformance(
  "a plugin with handshake and secrets, over gRPC",
  cloud("scripted", async () => ({
    type: "scripted:index:Thing",
    inputs: { label: "one", size: 1, note: "hello there" },
    changed: { label: "one", size: 2, note: "hello there" },
    replaced: { label: "two", size: 1, note: "hello there" },
    invalid: { inputs: { size: "big", rules: [{ port: "none" }] }, paths: ["size", "rules[0].port"] },
    failing: { label: "one", explode: true },
    secretProperty: "note",
    invoke: { token: "scripted:index:echo", args: { a: [1, { b: null }] }, result: { a: [1, { b: null }] } },
  })),
);

providerConformance(
  "a plugin without secrets, shaped as the bridged aws plugin documents itself",
  cloud("aws", async () => ({
    config: { region: "eu-central-1" },
    type: "aws:s3/bucket:Bucket",
    inputs: { bucket: "orch-conformance", acl: "private-acl" },
    changed: { bucket: "orch-conformance", acl: "private-acl", tags: { "a.b": "c" } },
    replaced: { bucket: "orch-conformance-2", acl: "private-acl" },
    invalid: { inputs: { bucket: "No Such Name" }, paths: ["bucket"] },
    failing: { bucket: "orch-conformance", explode: true },
    secretProperty: "acl",
    invoke: {
      token: "aws:index/getCallerIdentity:getCallerIdentity",
      args: {},
      result: {
        accountId: "123456789012",
        arn: "arn:aws:iam::123456789012:user/orch",
        id: "123456789012",
        userId: "AIDAORCH",
      },
    },
  })),
);

/** The code of a dynamic provider, as the SDK serialises it: keeps each object as a file in a folder of its own. */
const dynamicCode = (folder: string): string => `
exports.handler = () => {
  const fs = require("fs"), path = require("path");
  const file = (id) => path.join(${JSON.stringify(folder)}, id + ".json");
  const rest = ({ __provider, ...props }) => props;
  return {
    check: async (olds, news) => ({ inputs: news, failures: typeof news.size === "string" && news.size !== ${JSON.stringify("04da6b54-80e4-46f7-96ec-b56ff0331ba9")} ? [{ property: "size", reason: "must be a number" }] : [] }),
    diff: async (id, olds, news) => ({ changes: JSON.stringify([olds.label, olds.size, olds.note]) !== JSON.stringify([news.label, news.size, news.note]), replaces: olds.label === news.label ? [] : ["label"], deleteBeforeReplace: false }),
    create: async (inputs) => { if (inputs.explode) throw new Error("no: " + JSON.stringify(rest(inputs))); const id = "d-" + inputs.label; fs.writeFileSync(file(id), JSON.stringify(rest(inputs))); return { id, outs: rest(inputs) }; },
    read: async (id, props) => fs.existsSync(file(id)) ? { id, props: JSON.parse(fs.readFileSync(file(id), "utf8")), inputs: JSON.parse(fs.readFileSync(file(id), "utf8")) } : {},
    update: async (id, olds, news) => { fs.writeFileSync(file(id), JSON.stringify(rest(news))); return { outs: rest(news) }; },
    delete: async (id) => { fs.rmSync(file(id), { force: true }); },
  };
};
`;

providerConformance("the SDK's dynamic-provider host", async () => {
  const folder = temporaryFolder();
  const context: LoadContext = { projectDir: root, project: "conformance", stack: "test", log: () => {} };
  const provider = await dynamicLoader().load({ name: "pulumi-nodejs" }, context);
  expect(provider).toBeDefined();
  const __provider = dynamicCode(folder);
  const inputs: PropertyMap = { __provider, label: "one", size: 1, note: "hello there" };
  return {
    provider: provider as NonNullable<typeof provider>,
    config: { "conformance:region": "here" },
    type: "pulumi-nodejs:dynamic:Resource",
    inputs,
    changed: { ...inputs, size: 2 },
    replaced: { ...inputs, label: "two" },
    invalid: { inputs: { ...inputs, size: "big" }, paths: ["size"] },
    failing: { ...inputs, explode: true },
    secretProperty: "note",
    exists: async (id) => existsSync(join(folder, `${id}.json`)),
    count: async () => readdirSync(folder).length,
    remove: async (id) => rmSync(join(folder, `${id}.json`)),
  };
});
