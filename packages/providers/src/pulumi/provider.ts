/**
 * A running plugin as a {@link Provider}: each verb is one request of the plugin protocol, with what the plugin does not
 * understand taken out before and put back after. Source: pulumi/pulumi `pkg/resource/plugin/provider_plugin.go`.
 */
import { type MethodDefinition, status } from "@grpc/grpc-js";
import { type Failure, OrchError, toFailure } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import { hasSecret, type PropertyMap, reveal, type Value } from "@orch/core/model/value";
import type {
  CallOptions,
  CheckFailure,
  CheckResponse,
  DetailedChange,
  DiffResponse,
  LoadContext,
  Provider,
  ProviderTraits,
} from "@orch/core/provider/contract";
import { encode } from "@orch/core/wire/json";
import { EmptyMessage } from "@orch/core/wire/protobuf";
import { fromStruct, type Struct, toStruct } from "@orch/core/wire/struct";
import { schemaAdvice } from "./advice.js";
import { isServiceError, isUnimplemented, unary } from "./call.js";
import { constructAnswer, constructMessage, methodAnswer, methodMessage } from "./components.js";
import { type Attempt, errorDetails, type InitFailed, notTried, toOrchError } from "./errors.js";
import type { Plugin } from "./plugin.js";
import { type ProviderTypes, providerPb, service } from "./proto.js";
import {
  allSecret,
  annotateSecrets,
  elideAssets,
  encoding,
  markRepeated,
  restoreAssets,
  withoutUnknowns,
} from "./values.js";

/** A provider that is a Pulumi plugin; `version` is what the plugin says of itself. */
export interface PluginProvider extends Provider {
  readonly plugin: Plugin;
}

const noTraits: ProviderTraits = {
  secrets: false,
  resourceRefs: false,
  outputValues: false,
  preview: false,
  unknowns: true,
  // The protocol has no client tokens, and ids come from the far side.
  findAgain: "no",
};

const changes = ["unknown", "none", "some"] as const satisfies readonly DiffResponse["changes"][];

export function pluginProvider(
  plugin: Plugin,
  origin: Provider["origin"],
  context: Pick<LoadContext, "log" | "project" | "stack">,
): PluginProvider {
  const { client, redactor, descriptor } = plugin;
  let traits: ProviderTraits = { ...noTraits, ...plugin.protocol };
  /** What comes in here is put into the plugin's own terms here, so secrets and references may be given to any of them. */
  const shownTraits = (): ProviderTraits => ({ ...traits, secrets: true, resourceRefs: true });

  /** The properties as the plugin understands them. What is secret in them is noted, to be kept out of messages. */
  const send = (properties: PropertyMap): Struct => {
    redactor.learn(properties);
    return toStruct(properties, encoding(traits));
  };
  /** Old state: its files by hash alone. */
  const sendOld = (properties: PropertyMap): Struct => send(elideAssets(properties));
  /** Provider configuration never carries marks: CheckConfig comes before it is known what the plugin understands. */
  const sendPlain = (properties: PropertyMap): Struct => {
    redactor.learn(properties);
    return toStruct(properties, encoding(noTraits));
  };
  const marked = (outputs: PropertyMap, inputs: PropertyMap): PropertyMap =>
    traits.secrets ? outputs : markRepeated(annotateSecrets(outputs, inputs), inputs);
  /** What is there now, as opposed to what a preview expects. */
  const settled = (struct: Struct | undefined, urn: Urn): PropertyMap => {
    const { known, dropped } = withoutUnknowns(fromStruct(struct));
    if (dropped.length > 0) {
      context.log({
        level: "warning",
        urn,
        message: `${plugin.name} answered with unknown values although it was done; they are left out: ${dropped.join(", ")}`,
      });
    }
    return known;
  };

  const ask = async <Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    attempt: Attempt,
    options: CallOptions = {},
  ): Promise<Response> => {
    if (plugin.gone() !== undefined) throw new OrchError(notTried(plugin.name, plugin.gone(), attempt));
    try {
      return await unary(client, method, request, options);
    } catch (error) {
      throw await toOrchError(error, plugin, { ...attempt, timeoutSeconds: options.timeoutSeconds });
    }
  };
  /** As `ask`, but an object that was left half-done is an answer too. */
  const askForObject = async <Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    attempt: Attempt,
    options: CallOptions,
  ): Promise<{ response: Response } | { initFailed: InitFailed }> => {
    if (plugin.gone() !== undefined) throw new OrchError(notTried(plugin.name, plugin.gone(), attempt));
    try {
      return { response: await unary(client, method, request, options) };
    } catch (error) {
      const initFailed = isServiceError(error) ? errorDetails(error).initFailed : undefined;
      if (initFailed !== undefined) {
        const reasons = initFailed.reasons.length > 0 ? initFailed.reasons : [(error as Error).message];
        return { initFailed: { ...initFailed, reasons: reasons.map((reason) => redactor.redact(reason)) } };
      }
      throw await toOrchError(error, plugin, { ...attempt, timeoutSeconds: options.timeoutSeconds });
    }
  };
  const failures = (list: readonly ProviderTypes.CheckFailure[]): CheckFailure[] =>
    list.map((failure) => ({ path: failure.getProperty(), message: redactor.redact(failure.getReason()) }));

  const getSchema = async (): Promise<string> => {
    const message = new providerPb.GetSchemaRequest();
    if (descriptor.parameterization) {
      message.setSubpackageName(descriptor.parameterization.name);
      message.setSubpackageVersion(descriptor.parameterization.version);
    }
    const response = await ask(service.getSchema, message, { what: "give its schema", verb: "other" });
    return response.getSchema();
  };
  const advice = schemaAdvice(descriptor.parameterization?.name ?? descriptor.name, getSchema);
  /** The answer; what the plugin refuses, with what the schema says of it. */
  const advised = <T>(subject: Parameters<typeof advice.failed>[0], answer: Promise<T>): Promise<T> =>
    answer.catch(async (error: unknown) => {
      throw await advice.failed(subject, error);
    });

  const target = (request: { urn: Urn; type: string; name: string }) => `"${request.name}" (${request.type})`;

  return {
    plugin,
    package: { ...descriptor, ...(descriptor.version || !plugin.version ? {} : { version: plugin.version }) },
    origin,

    async checkConfig(request) {
      const message = new providerPb.CheckRequest();
      message.setUrn(request.urn);
      message.setName(request.name);
      message.setType(request.type);
      message.setOlds(sendPlain(request.oldInputs ?? {}));
      message.setNews(sendPlain(request.newInputs));
      try {
        const response = await unary(client, service.checkConfig, message);
        const inputs = fromStruct(response.getInputs());
        return {
          inputs: annotateSecrets(inputs, request.newInputs),
          failures: failures(response.getFailuresList()),
        };
      } catch (error) {
        if (asGoodAsUnimplemented(error, descriptor.name)) return { inputs: request.newInputs, failures: [] };
        throw await toOrchError(error, plugin, {
          what: "check its configuration",
          verb: "configure",
          urn: request.urn,
        });
      }
    },

    async diffConfig(request) {
      const message = new providerPb.DiffRequest();
      message.setUrn(request.urn);
      message.setOldInputs(sendPlain(request.oldInputs));
      message.setOlds(sendPlain(request.oldOutputs));
      message.setNews(sendPlain(request.newInputs));
      message.setIgnorechangesList([...request.ignoreChanges]);
      try {
        return readDiff(await unary(client, service.diffConfig, message));
      } catch (error) {
        // A provider that cannot tell is not replaced: with every change of its configuration all of its resources would be.
        if (asGoodAsUnimplemented(error, descriptor.name)) return cannotTell;
        throw await toOrchError(error, plugin, {
          what: "compare its configuration",
          verb: "configure",
          urn: request.urn,
        });
      }
    },

    async configure(request) {
      const message = new providerPb.ConfigureRequest();
      message.setUrn(request.urn);
      message.setId(request.id);
      message.setName(request.name);
      message.setType(`pulumi:providers:${plugin.name}`);
      message.setAcceptsecrets(true);
      message.setAcceptresources(true);
      message.setSendsOldInputs(true);
      message.setSendsOldInputsToDelete(true);
      redactor.learn(request.inputs);
      message.setArgs(toStruct(request.inputs, encoding({ secrets: true, resourceRefs: true })));
      const variables = message.getVariablesMap();
      for (const [key, value] of Object.entries(request.inputs)) {
        if (key !== "version") variables.set(`${plugin.name}:config:${key}`, configText(value));
      }
      const response = await ask(service.configure, message, {
        what: "take its configuration",
        verb: "configure",
        urn: request.urn,
      });
      if (plugin.protocol === undefined) {
        traits = {
          ...noTraits,
          secrets: response.getAcceptsecrets(),
          resourceRefs: response.getAcceptresources(),
          outputValues: response.getAcceptoutputs(),
          preview: response.getSupportspreview(),
        };
      }
      return shownTraits();
    },

    async check(request): Promise<CheckResponse> {
      const message = new providerPb.CheckRequest();
      message.setUrn(request.urn);
      message.setName(request.name);
      message.setType(request.type);
      // Never left out, even when there are none: the Node dynamic host relies on it.
      message.setOlds(send(request.oldInputs ?? {}));
      message.setNews(send(request.newInputs));
      message.setRandomseed(request.randomSeed);
      const subject = { type: request.type, name: request.name, inputs: request.newInputs };
      const attempt = { what: `check ${target(request)}`, verb: "other", urn: request.urn } as const;
      const response = await advised(subject, ask(service.check, message, attempt));
      return {
        inputs: marked(fromStruct(response.getInputs()), request.newInputs),
        failures: await advice.refused(subject, failures(response.getFailuresList())),
      };
    },

    async diff(request) {
      const message = new providerPb.DiffRequest();
      message.setId(request.id);
      message.setUrn(request.urn);
      message.setName(nameOf(request.urn));
      message.setType(request.type);
      message.setOldInputs(sendOld(request.oldInputs));
      message.setOlds(sendOld(request.oldOutputs));
      message.setNews(sendOld(request.newInputs));
      message.setIgnorechangesList([...request.ignoreChanges]);
      const attempt = {
        what: `compare "${nameOf(request.urn)}" (${request.type})`,
        verb: "other",
        urn: request.urn,
      } as const;
      return readDiff(await ask(service.diff, message, attempt));
    },

    async create(request) {
      if (request.preview && !traits.preview) return { id: "", outputs: request.inputs };
      const message = new providerPb.CreateRequest();
      message.setUrn(request.urn);
      message.setName(request.name);
      message.setType(request.type);
      message.setProperties(send(request.inputs));
      message.setTimeout(request.timeoutSeconds ?? 0);
      message.setPreview(request.preview);
      const attempt = { what: `create ${target(request)}`, verb: "other", urn: request.urn } as const;
      const answer = await advised(request, askForObject(service.create, message, attempt, request));
      if ("initFailed" in answer) {
        const { id, properties, reasons } = answer.initFailed;
        if (id === "") throw noId(plugin, attempt, reasons);
        return {
          id,
          outputs: marked(settled(properties, request.urn), request.inputs),
          partial: { reasons },
        };
      }
      const id = answer.response.getId();
      const properties = answer.response.getProperties();
      if (request.preview) return { id, outputs: marked(fromStruct(properties), request.inputs) };
      if (id === "") throw noId(plugin, attempt, []);
      return { id, outputs: marked(settled(properties, request.urn), request.inputs) };
    },

    async read(request) {
      const message = new providerPb.ReadRequest();
      message.setId(request.id);
      message.setUrn(request.urn);
      message.setName(request.name);
      message.setType(request.type);
      message.setInputs(sendOld(request.inputs));
      message.setProperties(sendOld(request.outputs));
      message.setTimeout(request.timeoutSeconds ?? 0);
      const attempt = { what: `read ${target(request)}`, verb: "other", urn: request.urn } as const;
      const answer = await askForObject(service.read, message, attempt, request);
      const found =
        "initFailed" in answer
          ? answer.initFailed
          : {
              id: answer.response.getId(),
              properties: answer.response.getProperties(),
              inputs: answer.response.getInputs(),
            };
      if (found.id === "") return {};
      const outputs = restoreAssets(request.inputs, settled(found.properties, request.urn));
      // Older plugins answer without inputs: what was known of them still holds.
      const inputs =
        found.inputs === undefined
          ? request.inputs
          : restoreAssets(request.inputs, settled(found.inputs, request.urn));
      return {
        object: {
          id: found.id,
          inputs: marked(inputs, request.inputs),
          outputs: marked(marked(outputs, request.outputs), request.inputs),
        },
        ...("initFailed" in answer ? { partial: { reasons: answer.initFailed.reasons } } : {}),
      };
    },

    async update(request) {
      if (request.preview && !traits.preview) return { outputs: request.newInputs };
      const message = new providerPb.UpdateRequest();
      message.setId(request.id);
      message.setUrn(request.urn);
      message.setName(request.name);
      message.setType(request.type);
      message.setOldInputs(sendOld(request.oldInputs));
      message.setOlds(sendOld(request.oldOutputs));
      message.setNews(send(request.newInputs));
      message.setTimeout(request.timeoutSeconds ?? 0);
      message.setIgnorechangesList([...request.ignoreChanges]);
      message.setPreview(request.preview);
      const attempt = { what: `update ${target(request)}`, verb: "other", urn: request.urn } as const;
      const subject = { type: request.type, name: request.name, inputs: request.newInputs };
      const answer = await advised(subject, askForObject(service.update, message, attempt, request));
      if ("initFailed" in answer) {
        const { properties, reasons } = answer.initFailed;
        const outputs = properties === undefined ? request.oldOutputs : settled(properties, request.urn);
        return { outputs: marked(outputs, request.newInputs), partial: { reasons } };
      }
      const properties = answer.response.getProperties();
      const outputs = request.preview ? fromStruct(properties) : settled(properties, request.urn);
      return { outputs: marked(outputs, request.newInputs) };
    },

    async delete(request) {
      const message = new providerPb.DeleteRequest();
      message.setId(request.id);
      message.setUrn(request.urn);
      message.setName(request.name);
      message.setType(request.type);
      message.setOldInputs(sendOld(request.inputs));
      message.setProperties(sendOld(request.outputs));
      message.setTimeout(request.timeoutSeconds ?? 0);
      const attempt = { what: `delete ${target(request)}`, verb: "other", urn: request.urn } as const;
      await ask(service.delete, message, attempt, request);
    },

    async invoke(request) {
      const message = new providerPb.InvokeRequest();
      message.setTok(request.token);
      message.setArgs(send(request.args));
      const response = await ask(
        service.invoke,
        message,
        { what: `call ${request.token}`, verb: "invoke" },
        request,
      );
      const result = fromStruct(response.getReturn());
      return {
        result: !traits.secrets && hasSecret(request.args) ? allSecret(result) : result,
        failures: failures(response.getFailuresList()),
      };
    },

    async construct(request) {
      redactor.learn(request.inputs);
      const attempt = {
        what: `make the component ${target(request)}`,
        verb: "other",
        urn: request.urn,
      } as const;
      return constructAnswer(
        await ask(service.construct, constructMessage(request, traits), attempt, request),
      );
    },

    async call(request) {
      redactor.learn(request.args);
      const attempt = { what: `call ${request.token}`, verb: "invoke" } as const;
      const response = await ask(service.call, methodMessage(request, traits), attempt, request);
      return { ...methodAnswer(response), failures: failures(response.getFailuresList()) };
    },

    getSchema,

    async cancel() {
      try {
        await unary(client, service.cancel, new EmptyMessage(), { timeoutSeconds: 10, graceSeconds: 0 });
      } catch (error) {
        // One that is gone, or that cannot be asked, has nothing to stop.
        if (isUnimplemented(error) || (isServiceError(error) && error.code === status.UNAVAILABLE)) return;
        const failure = toFailure(
          await toOrchError(error, plugin, { what: "stop what it does", verb: "other" }),
        );
        context.log({ level: "warning", message: failure.message });
      }
    },

    close: plugin.close,
  };
}

const cannotTell: DiffResponse = {
  changes: "unknown",
  replaces: [],
  stables: [],
  diffs: [],
  deleteBeforeReplace: false,
};

function readDiff(response: ProviderTypes.DiffResponse): DiffResponse {
  return {
    changes: changes[response.getChanges()] ?? "unknown",
    replaces: response.getReplacesList(),
    stables: response.getStablesList(),
    diffs: response.getDiffsList(),
    deleteBeforeReplace: response.getDeletebeforereplace(),
    ...(response.getHasdetaileddiff() ? { detailed: detailedChanges(response) } : {}),
  };
}

function detailedChanges(response: ProviderTypes.DiffResponse): DetailedChange[] {
  const kinds = providerPb.PropertyDiff.Kind;
  const detailed: DetailedChange[] = [];
  response.getDetaileddiffMap().forEach((difference, path) => {
    const kind = difference.getKind();
    const replace =
      kind === kinds.ADD_REPLACE || kind === kinds.DELETE_REPLACE || kind === kinds.UPDATE_REPLACE;
    detailed.push({
      path,
      // A kind of a later protocol is taken for an update, as Pulumi does.
      kind:
        kind === kinds.ADD || kind === kinds.ADD_REPLACE
          ? "add"
          : kind === kinds.DELETE || kind === kinds.DELETE_REPLACE
            ? "delete"
            : "update",
      effect: replace ? "replace" : "update",
      inputDiff: difference.getInputdiff(),
      ...(replace ? { reason: "provider: cannot be changed in place" } : {}),
    });
  });
  // A protobuf map has no order of its own.
  return detailed.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/**
 * Some plugins do not implement CheckConfig and DiffConfig in ways of their own: old dynamic hosts sent an empty answer, the
 * Kubernetes plugin an "Unimplemented" within another error, and choked on a kubeconfig that is a path.
 */
function asGoodAsUnimplemented(error: unknown, name: string): boolean {
  if (isUnimplemented(error)) return true;
  if (!isServiceError(error)) return false;
  if (name === "pulumi-nodejs") return error.code === status.INTERNAL;
  return (
    name === "kubernetes" &&
    ((error.code === status.UNKNOWN && error.details.includes("Unimplemented")) ||
      error.details.includes("cannot unmarshal string into Go value of type struct"))
  );
}

/** A configuration value in the older form of Configure: text as it is, everything else as JSON. */
function configText(value: Value): string {
  const plain = encode(reveal(value), encoding(noTraits));
  return typeof plain === "string" ? plain : JSON.stringify(plain);
}

const nameOf = (urn: Urn): string => urn.split("::").slice(3).join("::");

function noId(plugin: Plugin, attempt: Attempt, reasons: readonly string[]): OrchError {
  const failure: Failure = {
    reason: "provider-error",
    message: `The provider ${plugin.name} gave no id: could not ${attempt.what}${reasons.length > 0 ? `: ${reasons.join("; ")}` : "."}`,
    expected: "an id of the new object",
    found: "an empty one",
    ...(attempt.urn === undefined ? {} : { urn: attempt.urn }),
    next: [
      "Look on the far side whether the object was made, and report this to the makers of the provider.",
    ],
  };
  return new OrchError(failure);
}
