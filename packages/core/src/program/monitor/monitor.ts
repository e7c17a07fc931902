/**
 * The engine's side of the SDK's services: takes what the program asks for, does all that needs no state, and hands the rest to
 * the sink. Knows messages, not transports: `run.ts` serves it over the pipe to the child, and a gRPC server can serve the same.
 */
import { fileURLToPath } from "node:url";
import type { LogLevel } from "../../model/event.js";
import { OrchError } from "../../model/failure.js";
import { refuseMistakenName } from "../../model/mistaken-text.js";
import type { Origin, ReadResource, Resource, SourcePosition } from "../../model/resource.js";
import { isProviderType, packageOf, stackReferenceType, type Urn } from "../../model/urn.js";
import { type PropertyMap, unknown } from "../../model/value.js";
import type { RunSettings } from "../../provider/contract.js";
import { isUnknownSentinel } from "../../wire/json.js";
import { EmptyMessage } from "../../wire/protobuf.js";
import { fromStruct, toStruct } from "../../wire/struct.js";
import { relativeTo } from "../child-errors.js";
import type { ProgramOptions, ProgramSink, RegistrationAnswer } from "../contract.js";
import {
  callbackMessages,
  type EngineMessages,
  engineMessages,
  type ResourceMessages,
  resourceMessages,
  status,
} from "../services.js";
import { expandAliases, readAliases } from "./aliases.js";
import { outputStruct, setDependencies } from "./answers.js";
import { requireVersion } from "./engine-version.js";
import { unsupported } from "./failures.js";
import { KnownResources, optionsOf } from "./known.js";
import { invalidOption, resourceOptions } from "./options.js";
import { takeOrigins } from "./origins.js";
import { type ChosenProvider, componentProviders, inheritedProvider, Providers } from "./providers.js";
import { RemoteComponents } from "./remote.js";
import { transformInvoke, transformResource } from "./transforms.js";
import { plainOutputMap } from "./values.js";

/** An answer with a gRPC status that is not OK. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** A protobuf message, as transports need it. */
export interface Message {
  serializeBinary(): Uint8Array;
}
export interface Method {
  /** Throws on bytes that are not such a message. */
  readonly decode: (bytes: Uint8Array) => unknown;
  /** Throws or rejects with an OrchError (of the program's doing or the engine's) or an {@link RpcError}. */
  readonly handle: (request: never) => Message | Promise<Message>;
}

export interface Monitor {
  /** Method name of the service (`registerResource`, `log`) → what it does. Missing ones are unimplemented. */
  readonly methods: Readonly<Record<string, Method>>;
  /** In registration order. */
  readonly resources: readonly Resource[];
  readonly outputs: PropertyMap;
  readonly outputOrigins: readonly Origin[] | undefined;
  readonly needsProgram: boolean;
  /** Names of what the stack of a StackReference gives out, by what the program calls it; undefined for one that was not read. */
  outputsOf(reference: string): readonly string[] | undefined;
}

type MonitorOptions = RunSettings & Pick<ProgramOptions, "programDir" | "events">;

/** Values of `ResourceMonitorFeature`. Only what works. */
const features = {
  secrets: 0,
  resourceReferences: 1,
  outputValues: 2,
  aliasSpecs: 3,
  replacementTrigger: 4,
  deletedWith: 5,
  replaceWith: 6,
  transforms: 7,
  invokeTransforms: 8,
  parameterization: 9,
} as const;

const noAliases: readonly Urn[] = [];

/** Runs a callback of the program by its token; the transport knows how. */
export type CallBack = (token: string, request: Uint8Array) => Promise<Uint8Array>;

/** `endpoint`: the address of a gRPC server that serves this monitor; asked for where a plugin needs it. */
export function createMonitor(
  options: MonitorOptions,
  sink: ProgramSink,
  callBack: CallBack,
  endpoint: () => Promise<string>,
): Monitor {
  const { project, stack } = options;
  const messages = resourceMessages();
  const engine = engineMessages();
  const known = new KnownResources({ project, stack });
  const providers = new Providers(known, options, register);
  const resources: Resource[] = [];
  const remotes = new RemoteComponents(known, providers, options, sink, endpoint);
  const stackTransforms: string[] = [];
  const invokeTransforms: string[] = [];
  let outputs: PropertyMap = {};
  let outputOrigins: readonly Origin[] | undefined;
  const places = new Map<string, string>();

  const empty = () => new EmptyMessage();

  function position(
    at: { getUri(): string; getLine(): number; getColumn(): number } | undefined,
  ): SourcePosition | undefined {
    if (at === undefined) return undefined;
    const uri = at.getUri();
    let file = places.get(uri);
    if (file === undefined) {
      file = relativeTo(options.programDir, uri.startsWith("file:") ? fileURLToPath(uri) : uri);
      places.set(uri, file);
    }
    return { file, line: at.getLine(), column: at.getColumn() };
  }

  function register(resource: Resource): Promise<RegistrationAnswer> {
    resources.push(resource);
    const { urn, type, name, parent, custom } = resource;
    options.events({
      type: "resource-registered",
      resource: { urn, type, name, custom, ...(parent === undefined ? {} : { parent }) },
    });
    return sink.register(resource);
  }

  function registerResource(request: ResourceMessages.RegisterResourceRequest): Promise<Message> {
    const origins = takeOrigins(request.getObject());
    const transforms = request.getTransformsList().map((transform) => transform.getToken());
    const own = transforms.length;
    for (let above = known.get(request.getParent()); above !== undefined; ) {
      if (above.transforms !== undefined) transforms.push(...above.transforms);
      above = above.resource.parent === undefined ? undefined : known.get(above.resource.parent);
    }
    transforms.push(...stackTransforms);
    if (transforms.length === 0) return registerTransformed(request, undefined, origins);
    const kept = own === 0 ? undefined : transforms.slice(0, own);
    return transformResource(request, transforms, callBack).then(() =>
      registerTransformed(request, kept, origins),
    );
  }

  function registerTransformed(
    request: ResourceMessages.RegisterResourceRequest,
    transforms: readonly string[] | undefined,
    origins: Resource["origins"],
  ): Promise<Message> {
    const type = request.getType();
    const name = request.getName();
    const custom = request.getCustom();
    const place = position(request.getSourceposition());
    const parent = known.parentOf(request.getParent(), type, name, place);
    const parentUrn = parent?.resource.urn;
    const urn = known.urnOf(type, name, parent);
    const remote = remotes.get(urn);
    const source = remote?.source ?? place;
    const mine = transforms ?? remote?.transforms;
    if (request.getRemote()) return remotes.construct(request, urn, parent, { source, transforms });
    refuseMistakenName(name, type, source);
    if (name === "") {
      throw new OrchError(invalidOption(urn, "name", "no text", "a text, the first argument", source));
    }
    if (custom && !/^[^:]+:[^:]*:.+$/.test(type)) {
      throw new OrchError(
        invalidOption(urn, "type", type, "a token of the form package:module:Type", source),
      );
    }
    if (custom && packageOf(type) === "pulumi" && !isProviderType(type)) {
      throw new OrchError(unsupported(`The built-in resource ${type}`, urn, source));
    }
    if (request.getHooks() !== undefined && hasHooks(request)) {
      throw new OrchError(unsupported("Resource hooks are", urn, source));
    }
    known.claim(urn, source);
    const ownOptions = resourceOptions(request, urn, optionsOf(parent), source);
    const inputs = plainOutputMap(fromStruct(request.getObject()));
    const dependencies = known.expand(request.getDependenciesList(), urn, source);
    const propertyDependencies = known.expandProperties(
      request.getPropertydependenciesMap(),
      inputs,
      dependencies,
      urn,
      source,
    );
    const given = readAliases(request);
    const parentAliases = parent?.aliases ?? noAliases;
    let aliases = noAliases;
    if (given.length > 0 || parentAliases.length > 0) {
      try {
        aliases = expandAliases(given, { stack, project, urn, type, name, parent: parentUrn, parentAliases });
      } catch (error) {
        throw new OrchError(
          invalidOption(urn, "aliases", (error as Error).message, "URNs or what differed before", source),
        );
      }
    }
    const inside = custom ? undefined : componentProviders(request, parent);
    let provider: ChosenProvider | undefined;
    if (custom && !isProviderType(type)) {
      const reference = inheritedProvider(request.getProvider(), inside, parent, type);
      provider = providers.choose(() => providers.packageFor(type, request), reference, urn, source);
    }
    const resource: Resource = {
      urn,
      type,
      name,
      custom,
      ...(parentUrn === undefined ? {} : { parent: parentUrn }),
      inputs,
      ...(provider === undefined ? {} : { provider: provider.urn }),
      ...(isProviderType(type) ? { package: providers.packageFor(type, request) } : {}),
      dependencies,
      propertyDependencies,
      ...(origins === undefined ? {} : { origins }),
      aliases,
      options: ownOptions,
      ...(source === undefined ? {} : { source }),
    };
    known.add({
      resource,
      aliases,
      ...(inside === undefined ? {} : { providers: inside }),
      ...(mine === undefined ? {} : { transforms: mine }),
    });
    return answerRegistration(request, resource, register(resource), provider?.pending);
  }

  async function answerRegistration(
    request: ResourceMessages.RegisterResourceRequest,
    resource: Resource,
    registration: Promise<RegistrationAnswer>,
    provider: Promise<unknown> | undefined,
  ): Promise<Message> {
    const answer =
      provider === undefined ? await registration : (await Promise.all([provider, registration]))[1];
    const { urn } = resource;
    if (resource.custom) known.answered(urn, answer);
    const response = new messages.RegisterResourceResponse();
    response.setUrn(urn);
    if (answer.failed) {
      if (!request.getSupportsresultreporting()) {
        throw new OrchError({
          reason: "step-failed",
          message: `${urn} failed, and the program needs it.`,
          urn,
        });
      }
      response.setResult(messages.Result.FAIL);
    }
    if (answer.unknown) response.setUnknown(true);
    if (typeof answer.id === "string") response.setId(answer.id);
    // A component's outputs are what it registers later; the SDK would take others for its own.
    response.setObject(
      resource.custom
        ? outputStruct(request, urn, answer.outputs, settled(answer))
        : toStruct({}, { secrets: "wrap" }),
    );
    if (answer.stables !== undefined) response.setStablesList([...answer.stables]);
    if (answer.propertyDependencies !== undefined) setDependencies(response, answer.propertyDependencies);
    return response;
  }

  const settled = ({ failed, unknown: open }: RegistrationAnswer): boolean =>
    !options.dryRun && !failed && !open;

  async function readResource(request: ResourceMessages.ReadResourceRequest): Promise<Message> {
    const type = request.getType();
    const name = request.getName();
    const source = position(request.getSourceposition());
    const parent = known.parentOf(request.getParent(), type, name, source);
    const parentUrn = parent?.resource.urn;
    const urn = known.urnOf(type, name, parent);
    if (packageOf(type) === "pulumi" && !isProviderType(type) && type !== stackReferenceType) {
      throw new OrchError(unsupported(`The built-in resource ${type} is`, urn, source));
    }
    known.claim(urn, source);
    const reference = inheritedProvider(request.getProvider(), undefined, parent, type);
    const provider = providers.choose(() => providers.packageFor(type, request), reference, urn, source);
    // A read's properties only narrow down what is meant: no plan shows them.
    takeOrigins(request.getProperties());
    const inputs = plainOutputMap(fromStruct(request.getProperties()));
    const secretOutputs = request.getAdditionalsecretoutputsList();
    const id = request.getId();
    const resource: ReadResource = {
      urn,
      type,
      name,
      custom: true,
      ...(parentUrn === undefined ? {} : { parent: parentUrn }),
      id: isUnknownSentinel(id) ? unknown : id,
      inputs,
      provider: provider.urn,
      dependencies: known.expand(request.getDependenciesList(), urn, source),
      propertyDependencies: {},
      options: secretOutputs.length > 0 ? { additionalSecretOutputs: secretOutputs } : {},
      ...(source === undefined ? {} : { source }),
    };
    known.add({ resource, aliases: noAliases });
    const answer = (await Promise.all([provider.pending, sink.read(resource)]))[1];
    if (answer.failed)
      throw new OrchError({ reason: "step-failed", message: `${urn} could not be read.`, urn });
    known.answered(urn, answer);
    const response = new messages.ReadResourceResponse();
    response.setUrn(urn);
    if (answer.unknown) response.setUnknown(true);
    response.setProperties(outputStruct(request, urn, answer.outputs, settled(answer)));
    return response;
  }

  async function invoke(request: ResourceMessages.ResourceInvokeRequest): Promise<Message> {
    const token = request.getTok();
    if (invokeTransforms.length > 0) await transformInvoke(request, invokeTransforms, callBack);
    const source = position(request.getSourceposition());
    if (token === "pulumi:pulumi:getResource") return remotes.getResource(request);
    if (packageOf(token) === "pulumi")
      throw new OrchError(unsupported(`The built-in function ${token} is`, undefined, source));
    const descriptor = providers.packageFor(token, request);
    const provider = providers.choose(() => descriptor, request.getProvider(), token, source);
    await provider.pending;
    const explicit = known.get(provider.urn)?.resource.package;
    const result = await sink.invoke({
      token,
      args: plainOutputMap(fromStruct(request.getArgs())),
      provider: provider.urn,
      package: explicit ?? descriptor,
      dependsOn: known.expand(request.getDependsonList(), token, source),
    });
    const response = new messages.ResourceInvokeResponse();
    response.setReturn(
      toStruct(result, { secrets: "wrap", resourceRefs: request.getAcceptresources(), outputValues: false }),
    );
    return response;
  }

  async function registerResourceOutputs(
    request: ResourceMessages.RegisterResourceOutputsRequest,
  ): Promise<Message> {
    const urn = request.getUrn();
    if (known.get(urn) === undefined) {
      throw new OrchError({
        reason: "invalid-option",
        message: `The program registers outputs of ${urn}, which it has not made.`,
        urn,
      });
    }
    const origins = takeOrigins(request.getOutputs());
    const properties = plainOutputMap(fromStruct(request.getOutputs()));
    if (urn === known.root) {
      outputs = properties;
      outputOrigins = origins;
    }
    known.answered(urn, { outputs: properties });
    await sink.registerOutputs(urn, properties);
    return empty();
  }

  function getDeploymentInfo(): Message {
    const info = new messages.DeploymentInfo();
    info.setProject(project);
    info.setStack(stack);
    info.setOrganization(options.organization);
    info.setDryrun(options.dryRun);
    info.setParallel(options.parallel);
    info.setConfigsecretkeysList([...options.secretKeys]);
    const config = info.getConfigMap();
    for (const [key, value] of Object.entries(options.config)) config.set(key, value);
    info.setSupportedfeaturesList(Object.values(features));
    return info;
  }

  function supportsFeature(request: ResourceMessages.SupportsFeatureRequest): Message {
    const response = new messages.SupportsFeatureResponse();
    response.setHassupport(Object.hasOwn(features, request.getId()));
    return response;
  }

  function registerPackage(request: ResourceMessages.RegisterPackageRequest): Message {
    const response = new messages.RegisterPackageResponse();
    response.setRef(providers.packages.register(request));
    return response;
  }

  function log(request: EngineMessages.LogRequest): Message {
    const levels: Record<number, LogLevel> = { 0: "debug", 1: "info", 2: "warning", 3: "error" };
    const urn = request.getUrn();
    options.events({
      type: "log",
      level: levels[request.getSeverity()] ?? "info",
      message: request.getMessage(),
      ...(urn === "" ? {} : { urn }),
      ...(request.getEphemeral() ? { ephemeral: true } : {}),
    });
    return empty();
  }

  const method = <R>(
    type: { deserializeBinary(bytes: Uint8Array): R },
    handle: (request: R) => Message | Promise<Message>,
  ): Method => ({ decode: (bytes) => type.deserializeBinary(bytes), handle: handle as Method["handle"] });

  const methods: Record<string, Method> = {
    getDeploymentInfo: method(EmptyMessage, getDeploymentInfo),
    supportsFeature: method(messages.SupportsFeatureRequest, supportsFeature),
    registerResource: method(messages.RegisterResourceRequest, registerResource),
    registerResourceOutputs: method(messages.RegisterResourceOutputsRequest, registerResourceOutputs),
    readResource: method(messages.ReadResourceRequest, readResource),
    existsResource: method(messages.ExistsResourceRequest, (request) => {
      throw new OrchError(
        unsupported(`Asking whether a ${request.getType()} exists is`, undefined, undefined),
      );
    }),
    invoke: method(messages.ResourceInvokeRequest, invoke),
    call: method(messages.ResourceCallRequest, (request) =>
      remotes.call(request, position(request.getSourceposition())),
    ),
    registerPackage: method(messages.RegisterPackageRequest, registerPackage),
    registerStackTransform: method(callbackMessages().Callback, (callback) => {
      stackTransforms.push(callback.getToken());
      return empty();
    }),
    registerStackInvokeTransform: method(callbackMessages().Callback, (callback) => {
      invokeTransforms.push(callback.getToken());
      return empty();
    }),
    // The program only says that it is done: deletions are steps of the plan, not of the program.
    signalAndWaitForShutdown: method(EmptyMessage, empty),
    log: method(engine.LogRequest, log),
    getRootResource: method(engine.GetRootResourceRequest, () => {
      const response = new engine.GetRootResourceResponse();
      if (known.root !== undefined) response.setUrn(known.root);
      return response;
    }),
    setRootResource: method(engine.SetRootResourceRequest, () => new engine.SetRootResourceResponse()),
    requirePulumiVersion: method(engine.RequirePulumiVersionRequest, (request) => {
      requireVersion(request.getPulumiVersionRange());
      return new engine.RequirePulumiVersionResponse();
    }),
  };

  return {
    methods,
    resources,
    get outputOrigins() {
      return outputOrigins;
    },
    get outputs() {
      return outputs;
    },
    // Hooks are refused for now; nothing else of the program runs while applying.
    needsProgram: false,
    outputsOf: (reference) => known.outputsOf(reference),
  };
}

/** What an unimplemented method is answered with, on every transport. */
export const unimplemented = (method: string): RpcError =>
  new RpcError(status.unimplemented, `orch does not implement ${method}`);

function hasHooks(request: ResourceMessages.RegisterResourceRequest): boolean {
  return Object.values(request.getHooks()?.toObject() ?? {}).some((list) => list.length > 0);
}
