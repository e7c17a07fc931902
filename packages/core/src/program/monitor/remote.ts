/** Components that a plugin makes (`remote: true`), their methods, and resources that the SDK has only a reference to. */
import { OrchError } from "../../model/failure.js";
import type { SourcePosition } from "../../model/resource.js";
import { showValue } from "../../model/show.js";
import type { Urn } from "../../model/urn.js";
import { isArray, isMap, OutputValue, type PropertyMap, Secret, type Value } from "../../model/value.js";
import type { RunContext, RunSettings } from "../../provider/contract.js";
import { fromStruct, toStruct } from "../../wire/struct.js";
import type { ProgramSink } from "../contract.js";
import { providerMessages, type ResourceMessages, resourceMessages } from "../services.js";
import { readAliases } from "./aliases.js";
import { outputStruct, setDependencies } from "./answers.js";
import { type Known, type KnownResources, optionsOf } from "./known.js";
import { resourceOptions } from "./options.js";
import { componentProviders, inheritedProvider, type Providers } from "./providers.js";
import { plainOutputMap } from "./values.js";

/** What the program said of a remote component, for when the plugin registers it. */
export interface Remote {
  /** Where the program makes it: a line in the plugin's code would tell nobody anything. */
  readonly source: SourcePosition | undefined;
  readonly transforms: readonly string[] | undefined;
}

export class RemoteComponents {
  readonly #remotes = new Map<Urn, Remote>();

  /** `endpoint`: the address of a gRPC server that serves the run's monitor. */
  constructor(
    readonly known: KnownResources,
    readonly providers: Providers,
    readonly options: RunSettings,
    readonly sink: Pick<ProgramSink, "construct" | "call">,
    readonly endpoint: () => Promise<string>,
  ) {}

  get(urn: Urn): Remote | undefined {
    return this.#remotes.get(urn);
  }

  /** The plugin registers the component and what is in it, by way of the endpoint; then it tells the outputs. */
  async construct(
    request: ResourceMessages.RegisterResourceRequest,
    urn: Urn,
    parent: Known | undefined,
    remote: Remote,
  ): Promise<ResourceMessages.RegisterResourceResponse> {
    const { known } = this;
    const { source } = remote;
    known.claim(urn, source);
    const type = request.getType();
    this.#remotes.set(urn, remote);
    const inside = componentProviders(request, parent);
    const inputs = fromStruct(request.getObject());
    const dependencies = known.expand(request.getDependenciesList(), urn, source);
    const inputDependencies = known.expandProperties(
      request.getPropertydependenciesMap(),
      inputs,
      dependencies,
      urn,
      source,
    );
    const provider = this.providers.choose(
      () => this.providers.packageFor(type, request),
      inheritedProvider(request.getProvider(), inside, parent, type),
      urn,
      source,
    );
    await provider.pending;
    const answer = await this.sink.construct({
      urn,
      type,
      name: request.getName(),
      ...(parent === undefined ? {} : { parent: parent.resource.urn }),
      inputs,
      inputDependencies,
      dependencies,
      providers: inside ?? {},
      aliases: readAliases(request),
      options: resourceOptions(request, urn, optionsOf(parent), source),
      run: await this.#run(),
      provider: provider.urn,
      ...(source === undefined ? {} : { source }),
    });
    if (known.get(answer.urn) === undefined) {
      throw new OrchError({
        reason: "provider-error",
        message: `The plugin made ${urn} and did not register it.`,
        urn,
        found: answer.urn,
        next: ["Report this to the makers of the package."],
      });
    }
    const { RegisterResourceResponse } = resourceMessages();
    const response = new RegisterResourceResponse();
    response.setUrn(answer.urn);
    response.setObject(outputStruct(request, urn, plainOutputMap(answer.outputs), !this.options.dryRun));
    setDependencies(response, answer.outputDependencies);
    return response;
  }

  /** A method of a component. */
  async call(request: ResourceMessages.ResourceCallRequest, source: SourcePosition | undefined) {
    const token = request.getTok();
    const provider = this.providers.choose(
      () => this.providers.packageFor(token, request),
      request.getProvider(),
      token,
      source,
    );
    await provider.pending;
    const { result, resultDependencies } = await this.sink.call({
      token,
      ...methodArguments(request),
      run: await this.#run(),
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

  /** How the SDK makes an object of a resource that it has only a reference to. */
  getResource(request: ResourceMessages.ResourceInvokeRequest): ResourceMessages.ResourceInvokeResponse {
    const { urn } = plainOutputMap(fromStruct(request.getArgs()));
    const entry = typeof urn === "string" ? this.known.get(urn) : undefined;
    if (entry === undefined) {
      throw new OrchError({
        reason: "invoke-failed",
        message: `This run has made no resource ${showValue(urn)}, so there is nothing to get.`,
        expected: "the URN of a resource that the program has made",
        found: showValue(urn),
      });
    }
    const { resource, answer } = entry;
    const { ResourceInvokeResponse } = resourceMessages();
    const response = new ResourceInvokeResponse();
    response.setReturn(
      toStruct(
        { urn: resource.urn, id: answer?.id ?? "", state: answer?.outputs ?? {} },
        { secrets: "wrap", resourceRefs: request.getAcceptresources(), outputValues: false },
      ),
    );
    return response;
  }

  async #run(): Promise<RunContext> {
    const { project, stack, organization, config, secretKeys, dryRun, parallel } = this.options;
    const monitor = await this.endpoint();
    return { project, stack, organization, config, secretKeys, dryRun, parallel, monitor };
  }
}

/** The arguments of a method with the resources that each depends on. */
function methodArguments(request: ResourceMessages.ResourceCallRequest): {
  readonly args: PropertyMap;
  readonly argDependencies: Record<string, readonly Urn[]>;
} {
  const args = fromStruct(request.getArgs());
  const argDependencies: Record<string, readonly Urn[]> = {};
  request.getArgdependenciesMap().forEach((entry, key) => {
    argDependencies[key] = entry.getUrnsList();
  });
  for (const [key, value] of Object.entries(args)) argDependencies[key] ??= dependenciesIn(value);
  return { args, argDependencies };
}

function dependenciesIn(value: Value): readonly string[] {
  if (value instanceof OutputValue)
    return [...value.dependencies, ...(value.value === undefined ? [] : dependenciesIn(value.value))];
  if (value instanceof Secret) return dependenciesIn(value.value);
  if (isArray(value)) return value.flatMap(dependenciesIn);
  return isMap(value) ? Object.values(value).flatMap(dependenciesIn) : [];
}
