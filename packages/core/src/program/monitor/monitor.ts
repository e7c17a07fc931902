/**
 * The engine's side of the SDK's services: takes what the program asks for, does all that needs no state, and hands the rest to
 * the sink. Knows messages, not transports: `run.ts` serves it over the pipe to the child, and a gRPC server can serve the same.
 */
import { fileURLToPath } from "node:url";
import type { LogLevel } from "../../model/event.js";
import { OrchError } from "../../model/failure.js";
import type {
  Origin,
  PackageDescriptor,
  ReadResource,
  Resource,
  SourcePosition,
} from "../../model/resource.js";
import { showValue } from "../../model/show.js";
import {
  isProviderType,
  makeUrn,
  packageOf,
  parseProviderRef,
  rootStackType,
  stackReferenceType,
  type Urn,
} from "../../model/urn.js";
import { hasUnknown, type PropertyMap, unknown } from "../../model/value.js";
import { isUnknownSentinel } from "../../wire/json.js";
import { EmptyMessage } from "../../wire/protobuf.js";
import { fromStruct, toStruct } from "../../wire/struct.js";
import { relativeTo } from "../child-errors.js";
import type { ProgramOptions, ProgramSink, RegistrationAnswer } from "../contract.js";
import {
  callbackMessages,
  type EngineMessages,
  engineMessages,
  providerMessages,
  type ResourceMessages,
  resourceMessages,
  status,
} from "../services.js";
import { expandAliases, readAliases } from "./aliases.js";
import { requireVersion } from "./engine-version.js";
import { duplicate, providerFailed, unsupported } from "./failures.js";
import { invalidOption, resourceOptions } from "./options.js";
import { takeOrigins } from "./origins.js";
import { defaultProvider, describePackage, Packages } from "./packages.js";
import { methodArguments, type Remote, runContext } from "./remote.js";
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
}

const withTransforms = (transforms: readonly string[] | undefined) =>
  transforms === undefined ? {} : { transforms };

/** What the monitor remembers of a resource. */
interface Known {
  readonly resource: Resource | ReadResource;
  readonly aliases: readonly Urn[];
  /** Resources that the component holds, in registration order. */
  children?: Urn[];
  /** Tokens of the transforms of the resource itself, which apply to its children too. */
  readonly transforms?: readonly string[];
  /** Package → provider reference, for a component's children. */
  readonly providers?: Readonly<Record<string, string>>;
}

interface DefaultProvider {
  readonly urn: Urn;
  /** Undefined once it was answered well. */
  pending: Promise<unknown> | undefined;
}

type MonitorOptions = Pick<
  ProgramOptions,
  | "project"
  | "stack"
  | "organization"
  | "config"
  | "secretKeys"
  | "dryRun"
  | "parallel"
  | "programDir"
  | "events"
>;

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
  const secretKeys = new Set(options.secretKeys);
  const known = new Map<Urn, Known>();
  const resources: Resource[] = [];
  const packages = new Packages();
  const defaultProviders = new Map<string, DefaultProvider>();
  const remotes = new Map<Urn, Remote>();
  /** What is known of each resource by now; of components what they registered. */
  const answers = new Map<Urn, Pick<RegistrationAnswer, "id" | "outputs">>();
  const stackTransforms: string[] = [];
  const invokeTransforms: string[] = [];
  let root: Urn | undefined;
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

  function add(entry: Known): void {
    const { urn, parent } = entry.resource;
    known.set(urn, entry);
    if (parent === undefined) return;
    const above = known.get(parent);
    if (above === undefined) return;
    above.children ??= [];
    above.children.push(urn);
  }

  function claim(urn: Urn, source: SourcePosition | undefined): void {
    const first = known.get(urn);
    if (first !== undefined) throw new OrchError(duplicate(urn, first.resource.source, source));
  }

  function findParent(given: string, type: string, name: string, source: SourcePosition | undefined) {
    if (given === "") return root === undefined || type === rootStackType ? undefined : known.get(root);
    const parent = known.get(given);
    if (parent === undefined) {
      const urn = makeUrn(stack, project, undefined, type, name);
      throw new OrchError(
        invalidOption(urn, "parent", given, "a resource that this program has made", source),
      );
    }
    return parent;
  }

  /** Components stand for what they hold: custom resources, and those of the components inside. */
  function expandDependencies(
    list: readonly string[],
    of: Urn,
    source: SourcePosition | undefined,
  ): readonly Urn[] {
    let simple = true;
    for (const urn of list) {
      const dependency = known.get(urn);
      if (dependency === undefined) {
        throw new OrchError(
          invalidOption(of, "dependsOn", urn, "a resource that this program has made", source),
        );
      }
      if (!dependency.resource.custom) simple = false;
    }
    if (simple) return list;
    const found = new Set<Urn>();
    for (const urn of list) addCustom(known.get(urn) as Known, found, of);
    return [...found];
  }

  function addCustom(entry: Known, found: Set<Urn>, except: Urn): void {
    const stack = [entry];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { urn, custom } = next.resource;
      if (urn === except) continue;
      if (custom) found.add(urn);
      else for (const child of next.children ?? []) stack.push(known.get(child) as Known);
    }
  }

  /** The provider resource that serves a custom resource; makes the default one when none is named. */
  function providerFor(
    descriptor: () => PackageDescriptor,
    reference: string,
    urn: Urn,
    source: SourcePosition | undefined,
  ): DefaultProvider {
    if (reference !== "") {
      const provider = parseProviderRef(reference).urn;
      const entry = known.get(provider);
      if (entry === undefined || !isProviderType(entry.resource.type)) {
        throw new OrchError(
          invalidOption(urn, "provider", reference, "a provider that this program has made", source),
        );
      }
      return { urn: provider, pending: undefined };
    }
    const found = descriptor();
    const key = JSON.stringify([
      found.name,
      found.version,
      found.downloadUrl,
      found.parameterization?.name,
      found.parameterization?.version,
    ]);
    let provider = defaultProviders.get(key);
    if (provider === undefined) {
      const resource = defaultProvider(found, { stack, project, config: options.config, secretKeys });
      claim(resource.urn, source);
      add({ resource, aliases: noAliases });
      const made: DefaultProvider = { urn: resource.urn, pending: undefined };
      made.pending = register(resource).then((answer) => {
        if (answer.failed) throw new OrchError(providerFailed(resource.urn));
        made.pending = undefined;
      });
      // Whoever uses it waits for it and gets the rejection; there may be nobody left who does.
      made.pending.catch(() => {});
      provider = made;
      defaultProviders.set(key, provider);
    }
    return provider;
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

  function packageFor(
    type: string,
    request: Pick<
      ResourceMessages.ReadResourceRequest,
      "getPackageref" | "getVersion" | "getPlugindownloadurl" | "getPluginchecksumsMap"
    >,
  ): PackageDescriptor {
    const ref = request.getPackageref();
    if (ref !== "") return packages.get(ref);
    return describePackage(
      packageOf(type),
      request.getVersion(),
      request.getPlugindownloadurl(),
      request.getPluginchecksumsMap(),
    );
  }

  function inheritedProvider(
    given: string,
    own: Readonly<Record<string, string>> | undefined,
    parent: Known | undefined,
    type: string,
  ): string {
    if (given !== "") return given;
    const name = packageOf(type);
    return own?.[name] ?? parent?.providers?.[name] ?? "";
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
    const parent = findParent(request.getParent(), type, name, place);
    const parentUrn = parent?.resource.urn;
    const urn = makeUrn(stack, project, parentUrn, type, name);
    const remote = remotes.get(urn);
    const source = remote?.source ?? place;
    if (request.getRemote()) return constructRemote(request, urn, parent, transforms, source);
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
    claim(urn, source);
    const parentOptions =
      parent !== undefined && "aliases" in parent.resource ? parent.resource.options : undefined;
    const ownOptions = resourceOptions(request, urn, parentOptions, source);
    const inputs = plainOutputMap(fromStruct(request.getObject()));
    const dependencies = expandDependencies(request.getDependenciesList(), urn, source);
    const propertyDependencies = readPropertyDependencies(request, inputs, dependencies, urn, source);
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
    const providers = custom ? undefined : componentProviders(request, parent);
    let provider: DefaultProvider | undefined;
    if (custom && !isProviderType(type)) {
      const reference = inheritedProvider(request.getProvider(), providers, parent, type);
      provider = providerFor(() => packageFor(type, request), reference, urn, source);
    }
    const resource: Resource = {
      urn,
      type,
      name,
      custom,
      ...(parentUrn === undefined ? {} : { parent: parentUrn }),
      inputs,
      ...(provider === undefined ? {} : { provider: provider.urn }),
      ...(isProviderType(type) ? { package: packageFor(type, request) } : {}),
      dependencies,
      propertyDependencies,
      ...(origins === undefined ? {} : { origins }),
      aliases,
      options: ownOptions,
      ...(source === undefined ? {} : { source }),
    };
    add({
      resource,
      aliases,
      ...(providers === undefined ? {} : { providers }),
      ...withTransforms(transforms ?? remote?.transforms),
    });
    if (type === rootStackType) root = urn;
    return answerRegistration(request, resource, register(resource), provider?.pending);
  }

  /** The plugin registers the component and what is in it, by way of the endpoint; then it tells the outputs. */
  async function constructRemote(
    request: ResourceMessages.RegisterResourceRequest,
    urn: Urn,
    parent: Known | undefined,
    transforms: readonly string[] | undefined,
    source: SourcePosition | undefined,
  ): Promise<Message> {
    claim(urn, source);
    const type = request.getType();
    remotes.set(urn, { source, transforms });
    const parentOptions =
      parent !== undefined && "aliases" in parent.resource ? parent.resource.options : undefined;
    const providers = componentProviders(request, parent);
    const inputs = fromStruct(request.getObject());
    const dependencies = expandDependencies(request.getDependenciesList(), urn, source);
    const reference = inheritedProvider(request.getProvider(), providers, parent, type);
    const provider = providerFor(() => packageFor(type, request), reference, urn, source);
    await provider.pending;
    const answer = await sink.construct({
      urn,
      type,
      name: request.getName(),
      ...(parent === undefined ? {} : { parent: parent.resource.urn }),
      inputs,
      inputDependencies: readPropertyDependencies(request, inputs, dependencies, urn, source),
      dependencies,
      providers: providers ?? {},
      aliases: readAliases(request),
      options: resourceOptions(request, urn, parentOptions, source),
      run: runContext(options, await endpoint()),
      provider: provider.urn,
      ...(source === undefined ? {} : { source }),
    });
    if (!known.has(answer.urn)) {
      throw new OrchError({
        reason: "provider-error",
        message: `The plugin made ${urn} and did not register it.`,
        urn,
        found: answer.urn,
        next: ["Report this to the makers of the package."],
      });
    }
    const response = new messages.RegisterResourceResponse();
    response.setUrn(answer.urn);
    response.setObject(
      answerStruct(
        urn,
        plainOutputMap(answer.outputs),
        request.getAcceptsecrets(),
        request.getAcceptresources(),
      ),
    );
    setDependencies(response.getPropertydependenciesMap(), answer.outputDependencies);
    return response;
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
    if (resource.custom) answers.set(urn, answer);
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
        ? answerStruct(
            urn,
            answer.outputs,
            request.getAcceptsecrets(),
            request.getAcceptresources(),
            options.dryRun || answer.failed || answer.unknown,
          )
        : toStruct({}, { secrets: "wrap" }),
    );
    if (answer.stables !== undefined) response.setStablesList([...answer.stables]);
    if (answer.propertyDependencies !== undefined)
      setDependencies(response.getPropertydependenciesMap(), answer.propertyDependencies);
    return response;
  }

  function setDependencies(
    map: ReturnType<ResourceMessages.RegisterResourceResponse["getPropertydependenciesMap"]>,
    told: Readonly<Record<string, readonly Urn[]>>,
  ): void {
    for (const [key, urns] of Object.entries(told)) {
      const dependencies = new messages.RegisterResourceResponse.PropertyDependencies();
      dependencies.setUrnsList([...urns]);
      map.set(key, dependencies);
    }
  }

  function answerStruct(
    urn: Urn,
    properties: PropertyMap,
    acceptsSecrets: boolean,
    acceptsResources: boolean,
    mayBeUnknown = options.dryRun,
  ) {
    if (!mayBeUnknown && hasUnknown(properties)) {
      throw new OrchError({
        reason: "internal",
        message: `An output of ${urn} is still unknown although it was applied.`,
        urn,
      });
    }
    return toStruct(properties, {
      secrets: acceptsSecrets ? "wrap" : "reveal",
      resourceRefs: acceptsResources,
      outputValues: false,
    });
  }

  function readPropertyDependencies(
    request: ResourceMessages.RegisterResourceRequest,
    inputs: PropertyMap,
    dependencies: readonly Urn[],
    urn: Urn,
    source: SourcePosition | undefined,
  ): Record<string, readonly Urn[]> {
    const map = request.getPropertydependenciesMap();
    const out: Record<string, readonly Urn[]> = {};
    if (map.getLength() === 0) {
      // SDKs that do not tell: every property may come from any of them.
      if (dependencies.length > 0) for (const key of Object.keys(inputs)) out[key] = dependencies;
      return out;
    }
    map.forEach((entry, key) => {
      const urns = entry.getUrnsList();
      if (urns.length > 0) out[key] = expandDependencies(urns, urn, source);
    });
    return out;
  }

  function componentProviders(
    request: ResourceMessages.RegisterResourceRequest,
    parent: Known | undefined,
  ): Readonly<Record<string, string>> | undefined {
    const map = request.getProvidersMap();
    if (map.getLength() === 0) return parent?.providers;
    return { ...parent?.providers, ...Object.fromEntries(map.toArray() as unknown as [string, string][]) };
  }

  async function readResource(request: ResourceMessages.ReadResourceRequest): Promise<Message> {
    const type = request.getType();
    const name = request.getName();
    const source = position(request.getSourceposition());
    const parent = findParent(request.getParent(), type, name, source);
    const parentUrn = parent?.resource.urn;
    const urn = makeUrn(stack, project, parentUrn, type, name);
    if (packageOf(type) === "pulumi" && !isProviderType(type) && type !== stackReferenceType) {
      throw new OrchError(unsupported(`The built-in resource ${type} is`, urn, source));
    }
    claim(urn, source);
    const reference = inheritedProvider(request.getProvider(), undefined, parent, type);
    const provider = providerFor(() => packageFor(type, request), reference, urn, source);
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
      dependencies: expandDependencies(request.getDependenciesList(), urn, source),
      propertyDependencies: {},
      options: secretOutputs.length > 0 ? { additionalSecretOutputs: secretOutputs } : {},
      ...(source === undefined ? {} : { source }),
    };
    add({ resource, aliases: noAliases });
    const answer = (await Promise.all([provider.pending, sink.read(resource)]))[1];
    if (answer.failed)
      throw new OrchError({ reason: "step-failed", message: `${urn} could not be read.`, urn });
    answers.set(urn, answer);
    const response = new messages.ReadResourceResponse();
    response.setUrn(urn);
    if (answer.unknown) response.setUnknown(true);
    response.setProperties(
      answerStruct(
        urn,
        answer.outputs,
        request.getAcceptsecrets(),
        request.getAcceptresources(),
        options.dryRun || answer.unknown,
      ),
    );
    return response;
  }

  async function invoke(request: ResourceMessages.ResourceInvokeRequest): Promise<Message> {
    const token = request.getTok();
    if (invokeTransforms.length > 0) await transformInvoke(request, invokeTransforms, callBack);
    const source = position(request.getSourceposition());
    if (token === "pulumi:pulumi:getResource") return getResource(request);
    if (packageOf(token) === "pulumi")
      throw new OrchError(unsupported(`The built-in function ${token} is`, undefined, source));
    const descriptor = packageFor(token, request);
    const provider = providerFor(() => descriptor, request.getProvider(), token, source);
    await provider.pending;
    const explicit = known.get(provider.urn)?.resource.package;
    const result = await sink.invoke({
      token,
      args: plainOutputMap(fromStruct(request.getArgs())),
      provider: provider.urn,
      package: explicit ?? descriptor,
      dependsOn: expandDependencies(request.getDependsonList(), token, source),
    });
    const response = new messages.ResourceInvokeResponse();
    response.setReturn(
      toStruct(result, { secrets: "wrap", resourceRefs: request.getAcceptresources(), outputValues: false }),
    );
    return response;
  }

  /** How the SDK makes an object of a resource that it has only a reference to. */
  function getResource(request: ResourceMessages.ResourceInvokeRequest): Message {
    const { urn } = plainOutputMap(fromStruct(request.getArgs()));
    const resource = typeof urn === "string" ? known.get(urn)?.resource : undefined;
    if (resource === undefined) {
      throw new OrchError({
        reason: "invoke-failed",
        message: `This run has made no resource ${showValue(urn)}, so there is nothing to get.`,
        expected: "the URN of a resource that the program has made",
        found: showValue(urn),
      });
    }
    const { id, outputs: state } = answers.get(resource.urn) ?? { outputs: {} };
    const response = new messages.ResourceInvokeResponse();
    response.setReturn(
      toStruct(
        { urn: resource.urn, id: id ?? "", state },
        { secrets: "wrap", resourceRefs: request.getAcceptresources(), outputValues: false },
      ),
    );
    return response;
  }

  async function call(request: ResourceMessages.ResourceCallRequest): Promise<Message> {
    const token = request.getTok();
    const source = position(request.getSourceposition());
    const provider = providerFor(() => packageFor(token, request), request.getProvider(), token, source);
    await provider.pending;
    const { result, resultDependencies } = await sink.call({
      token,
      ...methodArguments(request),
      run: runContext(options, await endpoint()),
      provider: provider.urn,
    });
    const { CallResponse } = providerMessages();
    const response = new CallResponse();
    response.setReturn(toStruct(plainOutputMap(result), { secrets: "wrap", outputValues: false }));
    const map = response.getReturndependenciesMap();
    for (const [key, urns] of Object.entries(resultDependencies)) {
      const dependencies = new CallResponse.ReturnDependencies();
      dependencies.setUrnsList([...urns]);
      map.set(key, dependencies);
    }
    return response;
  }

  async function registerResourceOutputs(
    request: ResourceMessages.RegisterResourceOutputsRequest,
  ): Promise<Message> {
    const urn = request.getUrn();
    if (!known.has(urn)) {
      throw new OrchError({
        reason: "invalid-option",
        message: `The program registers outputs of ${urn}, which it has not made.`,
        urn,
      });
    }
    const origins = takeOrigins(request.getOutputs());
    const properties = plainOutputMap(fromStruct(request.getOutputs()));
    if (urn === root) {
      outputs = properties;
      outputOrigins = origins;
    }
    answers.set(urn, { outputs: properties });
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
    response.setRef(packages.register(request));
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
    call: method(messages.ResourceCallRequest, call),
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
      if (root !== undefined) response.setUrn(root);
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
  };
}

/** What an unimplemented method is answered with, on every transport. */
export const unimplemented = (method: string): RpcError =>
  new RpcError(status.unimplemented, `orch does not implement ${method}`);

function hasHooks(request: ResourceMessages.RegisterResourceRequest): boolean {
  return Object.values(request.getHooks()?.toObject() ?? {}).some((list) => list.length > 0);
}
