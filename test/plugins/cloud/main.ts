/**
 * A plugin that stands in for several packages: `main.ts <package> [<version>] <engine address>`. What exists is kept by store.ts.
 *
 * CLOUD_MODE, a comma-separated list, makes it misbehave:
 *   exit-before-port, wrong-port, no-port, silent-port   when it starts
 *   crash-on-<verb>, hang-on-<verb>, slow-on-<verb>      for create, update, delete, read, check, diff, configure, invoke (slow: CLOUD_SLOW_MS)
 *   init-failed                                          creates and updates, then says that it is not in order
 *   diff-unknown, no-detailed-diff                       answers of Diff
 *   no-info                                              GetPluginInfo is unimplemented
 *   unknown-outputs, empty-id                            answers of Create
 *   child                                                leaves a child process behind, as the Terraform bridge does; its pid goes to CLOUD_CHILD
 * CLOUD_REFUSE: creations of resources with this text in their URN are refused.
 * CLOUD_LOG: a file to which each request is appended, a JSON line each.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: properties are free-form JSON, read here as a plugin's author would.
import { spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import {
  codes,
  connectHost,
  Empty,
  fromStruct,
  hasUnknown,
  initFailed,
  type Methods,
  type Props,
  pb,
  pluginPb,
  RpcError,
  reveal,
  serve,
  toStruct,
  unknownText,
} from "../kit.ts";
import { packages } from "./packages.ts";
import * as store from "./store.ts";

const name = process.argv[2] as string;
const version = process.argv.length > 4 ? (process.argv[3] as string) : "";
const modes = new Set((process.env.CLOUD_MODE ?? "").split(",").map((mode) => mode.trim()));
const cloud = packages[name];
if (cloud === undefined) throw new Error(`no package ${name}`);

if (modes.has("child")) {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  writeFileSync(process.env.CLOUD_CHILD as string, String(child.pid));
}
if (modes.has("exit-before-port")) {
  console.error("fatal: cannot load the credentials file");
  process.exit(3);
}
if (modes.has("no-port")) await delay(3_600_000);

const host = connectHost();
/** Outputs that the next read finds in order: an object that failed to come up stays so until it is updated. */
let serverConfig: Props = {};
let parameter = "";

async function disturb(verb: string): Promise<void> {
  if (modes.has(`hang-on-${verb}`)) await delay(3_600_000);
  if (modes.has(`slow-on-${verb}`)) await delay(Number(process.env.CLOUD_SLOW_MS ?? 1000));
  if (modes.has(`crash-on-${verb}`)) {
    console.error(
      `panic: runtime error: invalid memory address or nil pointer dereference (password was ${JSON.stringify(reveal(serverConfig.password))})`,
    );
    console.error(`goroutine 1 [running]: main.${verb}()`);
    process.exit(2);
  }
}
function note(verb: string, urn: string, extra: Props): void {
  if (process.env.CLOUD_LOG)
    appendFileSync(process.env.CLOUD_LOG, `${JSON.stringify({ verb, urn, ...extra })}\n`);
}
const typeOf = (request: { getUrn(): string }): string => {
  const chain = (request.getUrn().split("::")[2] as string).split("$");
  return chain.at(-1) as string;
};
const nameOf = (request: { getUrn(): string }): string => request.getUrn().split("::").slice(3).join("::");
const failuresOf = (problems: [string, string][]) =>
  problems.map(([property, reason]) => {
    const failure = new pb.CheckFailure();
    failure.setProperty(property);
    failure.setReason(reason);
    return failure;
  });

/** Paths at which two values differ, as the detailed diff names them. */
function differences(
  before: any,
  after: any,
  path: string,
): { path: string; kind: "ADD" | "DELETE" | "UPDATE" }[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (before === undefined) return [{ path, kind: "ADD" }];
  if (after === undefined) return [{ path, kind: "DELETE" }];
  if (Array.isArray(before) && Array.isArray(after)) {
    return Array.from({ length: Math.max(before.length, after.length) }, (_none, i) =>
      differences(before[i], after[i], `${path}[${i}]`),
    ).flat();
  }
  if (isObject(before) && isObject(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .sort()
      .flatMap((key) =>
        differences(
          before[key],
          after[key],
          path === "" ? key : /[.[\]"]/.test(key) ? `${path}[${JSON.stringify(key)}]` : `${path}.${key}`,
        ),
      );
  }
  return [{ path, kind: "UPDATE" }];
}
const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const visible = (inputs: Props): Props =>
  Object.fromEntries(Object.entries(inputs).filter(([key]) => !key.startsWith("__")));

const methods: Methods = {
  getPluginInfo() {
    if (modes.has("no-info")) throw new RpcError("no info here", codes.UNIMPLEMENTED);
    const info = new pluginPb.PluginInfo();
    info.setVersion(version);
    return info;
  },
  attach: () => new Empty(),
  parameterize(request) {
    const value = request.getValue();
    parameter = value
      ? Buffer.from(value.getValue_asU8()).toString()
      : (request.getArgs()?.getArgsList() ?? []).join(" ");
    if (parameter === "bad") throw new RpcError("cannot become bad", codes.INVALID_ARGUMENT);
    const response = new pb.ParameterizeResponse();
    response.setName(value ? value.getName() : "subpackage");
    response.setVersion(value ? value.getVersion() : "1.0.0");
    return response;
  },
  getSchema(request) {
    const response = new pb.GetSchemaResponse();
    response.setSchema(
      JSON.stringify({ name: request.getSubpackageName() || name, version, parameter, resources: {} }),
    );
    return response;
  },
  checkConfig(request) {
    const news = fromStruct(request.getNews());
    const response = new pb.CheckResponse();
    response.setInputs(toStruct(news));
    response.setFailuresList(failuresOf(cloud.configProblems(news)));
    return response;
  },
  diffConfig(request) {
    if (name === "azure-native") throw new RpcError("DiffConfig is not implemented", codes.UNIMPLEMENTED);
    const found = differences(fromStruct(request.getOldInputs()), fromStruct(request.getNews()), "");
    const response = new pb.DiffResponse();
    response.setChanges(
      found.length > 0 ? pb.DiffResponse.DiffChanges.DIFF_SOME : pb.DiffResponse.DiffChanges.DIFF_NONE,
    );
    response.setDiffsList(found.map(({ path }) => path));
    // Another region is another set of resources.
    response.setReplacesList(found.map(({ path }) => path).filter((path) => path === "region"));
    return response;
  },
  async configure(request) {
    await disturb("configure");
    serverConfig = fromStruct(request.getArgs());
    const variables = request.getVariablesMap();
    note("configure", request.getUrn(), {
      pid: process.pid,
      variables: Object.fromEntries(variables.getEntryList()),
    });
    const missing = cloud.requiredConfig.filter((key) => !variables.has(key.name.replace(":", ":config:")));
    if (missing.length > 0) {
      const detail = new pb.ConfigureErrorMissingKeys();
      detail.setMissingkeysList(
        missing.map((key) => {
          const item = new pb.ConfigureErrorMissingKeys.MissingKey();
          item.setName(key.name);
          item.setDescription(key.description);
          return item;
        }),
      );
      throw new RpcError("required configuration keys were missing", codes.INVALID_ARGUMENT, [
        { type: "pulumirpc.ConfigureErrorMissingKeys", bytes: detail.serializeBinary() },
      ]);
    }
    await host.log("debug", `configured ${name} with password ${reveal(serverConfig.password) ?? "none"}`);
    const response = new pb.ConfigureResponse();
    response.setAcceptsecrets(cloud.secrets);
    response.setSupportspreview(cloud.preview);
    response.setAcceptresources(false);
    response.setSupportsAutonamingConfiguration(name !== "kubernetes");
    return response;
  },
  async check(request) {
    await disturb("check");
    const news = fromStruct(request.getNews());
    const inputs = cloud.check(
      typeOf(request),
      nameOf(request),
      news,
      fromStruct(request.getOlds()),
      request.getRandomseed_asU8(),
    );
    const response = new pb.CheckResponse();
    response.setInputs(toStruct(inputs));
    response.setFailuresList(failuresOf(cloud.problems(typeOf(request), inputs)));
    return response;
  },
  async diff(request) {
    await disturb("diff");
    const response = new pb.DiffResponse();
    if (modes.has("diff-unknown")) return response;
    const ignored: string[] = request.getIgnorechangesList();
    const type = typeOf(request);
    const before = reveal(visible(fromStruct(request.getOldInputs())));
    const after = reveal(visible(fromStruct(request.getNews())));
    const found = differences(before, after, "").filter(({ path }) => !ignored.includes(path));
    const top = (path: string) => path.split(/[.[]/)[0] as string;
    const immutable = cloud.immutable(type);
    const replaces = [...new Set(found.map(({ path }) => top(path)))].filter(
      (key) =>
        immutable.includes(key) ||
        (name === "kubernetes" && key === "metadata" && before.metadata?.name !== after.metadata?.name),
    );
    response.setChanges(
      found.length > 0 ? pb.DiffResponse.DiffChanges.DIFF_SOME : pb.DiffResponse.DiffChanges.DIFF_NONE,
    );
    response.setDiffsList([...new Set(found.map(({ path }) => top(path)))]);
    response.setReplacesList(replaces);
    response.setStablesList([...cloud.stables]);
    response.setDeletebeforereplace(
      replaces.length > 0 && cloud.deleteBeforeReplace(fromStruct(request.getNews())),
    );
    if (!modes.has("no-detailed-diff")) {
      response.setHasdetaileddiff(true);
      for (const { path, kind } of found) {
        const difference = new pb.PropertyDiff();
        const kinds = pb.PropertyDiff.Kind;
        difference.setKind(replaces.includes(top(path)) ? kinds[`${kind}_REPLACE`] : kinds[kind]);
        difference.setInputdiff(true);
        response.getDetaileddiffMap().set(path, difference);
      }
    }
    return response;
  },
  async create(request) {
    const type = typeOf(request);
    const inputs = fromStruct(request.getProperties());
    note("create", request.getUrn(), {
      preview: request.getPreview(),
      timeout: request.getTimeout(),
      inputs,
    });
    const response = new pb.CreateResponse();
    if (request.getPreview()) {
      response.setProperties(toStruct(cloud.outputs(type, inputs, undefined)));
      return response;
    }
    if (process.env.CLOUD_REFUSE && request.getUrn().includes(process.env.CLOUD_REFUSE))
      throw new RpcError("AccessDenied: not allowed to create this");
    await disturb("create");
    if (hasUnknown(inputs)) throw new RpcError("an unknown value in a creation");
    if (inputs.explode !== undefined)
      throw new RpcError(`the service said no to ${JSON.stringify(reveal(inputs))}`);
    const id = cloud.id(type, nameOf(request), inputs);
    if (store.get(type, id) !== undefined) throw new RpcError(`${id} exists already`, codes.ALREADY_EXISTS);
    const outputs = cloud.outputs(type, inputs, id);
    store.put(type, id, { type, inputs, outputs });
    await host.log("info", `created ${id}`, request.getUrn());
    await host.log("info", "waiting for it to be ready", request.getUrn(), true);
    if (modes.has("init-failed") || inputs.initFails)
      throw initFailed(id, outputs, [
        "0 of 1 replicas are ready",
        `image ${reveal(inputs.image ?? "none")} cannot be pulled`,
      ]);
    response.setId(modes.has("empty-id") ? "" : id);
    response.setProperties(
      toStruct(modes.has("unknown-outputs") ? { ...outputs, late: unknownText } : outputs),
    );
    return response;
  },
  async read(request) {
    await disturb("read");
    const type = typeOf(request);
    const found = store.get(type, request.getId());
    const response = new pb.ReadResponse();
    if (found === undefined) return response;
    response.setId(request.getId());
    response.setProperties(toStruct(found.outputs));
    response.setInputs(toStruct(found.inputs));
    return response;
  },
  async update(request) {
    const type = typeOf(request);
    const inputs = fromStruct(request.getNews());
    note("update", request.getUrn(), { preview: request.getPreview(), inputs });
    const response = new pb.UpdateResponse();
    if (request.getPreview()) {
      response.setProperties(toStruct(cloud.outputs(type, inputs, request.getId())));
      return response;
    }
    await disturb("update");
    if (inputs.explode !== undefined) throw new RpcError("the service said no");
    if (store.get(type, request.getId()) === undefined)
      throw new RpcError(`${request.getId()} does not exist`, codes.NOT_FOUND);
    const outputs = cloud.outputs(type, inputs, request.getId());
    store.put(type, request.getId(), { type, inputs, outputs });
    if (modes.has("init-failed") || inputs.initFails)
      throw initFailed(request.getId(), outputs, ["0 of 1 replicas are ready"]);
    response.setProperties(toStruct(outputs));
    return response;
  },
  async delete(request) {
    await disturb("delete");
    note("delete", request.getUrn(), { id: request.getId() });
    store.remove(typeOf(request), request.getId());
    return new Empty();
  },
  async invoke(request) {
    await disturb("invoke");
    const response = new pb.InvokeResponse();
    const args = fromStruct(request.getArgs());
    if (args.wrong !== undefined) response.setFailuresList(failuresOf([["wrong", "is not an argument"]]));
    else response.setReturn(toStruct(cloud.invoke(request.getTok(), args)));
    return response;
  },
  cancel: () => new Empty(),
};
if (cloud.handshake) {
  methods.handshake = (request) => {
    if (request.getEngineAddress() === "") throw new RpcError("no engine address");
    const response = new pb.ProviderHandshakeResponse();
    response.setAcceptSecrets(cloud.secrets);
    return response;
  };
}

await serve(methods, (port) => {
  if (modes.has("wrong-port")) console.log("Welcome to the plugin!");
  else if (modes.has("silent-port")) console.log("1");
  else console.log(String(port));
});
