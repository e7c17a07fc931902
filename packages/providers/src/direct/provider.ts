/** A `Provider` made of a definition. */
import { type Failure, fail, OrchError, toFailure } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import { hasUnknown, type PropertyMap, unknown } from "@orch/core/model/value";
import type {
  CallOptions,
  CheckResponse,
  ConfigureRequest,
  CreateRequest,
  CreateResponse,
  DeleteRequest,
  DiffRequest,
  DiffResponse,
  InvokeRequest,
  InvokeResponse,
  ListedObject,
  ListRequest,
  LoadContext,
  Provider,
  ProviderTraits,
  ReadManyRequest,
  ReadManyResponse,
  ReadRequest,
  ReadResponse,
  UpdateRequest,
  UpdateResponse,
} from "@orch/core/provider/contract";
import { didYouMean } from "@orch/core/state/closest";
import { checkAgainst, fromConfiguration } from "./check.js";
import type { AnyResource, Call, ProviderDefinition, ReadResult, Shape } from "./define.js";
import { differences, diffResponse } from "./diff.js";
import { findAgainOf, isSecretSchema, packageSchema } from "./schema.js";
import { fromPlain, markLike, markOutputs, plain, redact, redactFailure, secretTexts } from "./secrets.js";

/** One instance; several of one definition may live side by side (explicit providers). */
export function createProvider<C extends Shape, S>(
  definition: ProviderDefinition<C, S>,
  context: LoadContext,
): Provider {
  return new DirectProvider(definition, context);
}

class DirectProvider<C extends Shape, S> implements Provider {
  readonly package: Provider["package"];
  readonly origin = { source: "direct" } as const;
  private readonly resources: ReadonlyMap<string, AnyResource<S>>;
  private readonly stop = new AbortController();
  private config: PropertyMap | undefined;
  private session: { readonly value: S } | undefined;

  constructor(
    private readonly definition: ProviderDefinition<C, S>,
    private readonly context: LoadContext,
  ) {
    this.package = { name: definition.name, version: definition.version };
    this.resources = new Map(definition.resources.map((resource) => [resource.type, resource]));
  }

  async checkConfig(request: { readonly newInputs: PropertyMap }): Promise<CheckResponse> {
    // The SDK and the engine add these to every provider resource; they are not the package's own.
    const { version, pluginDownloadURL, ...own } = request.newInputs;
    const extra = {
      ...(version === undefined ? {} : { version }),
      ...(pluginDownloadURL === undefined ? {} : { pluginDownloadURL }),
    };
    const read = fromConfiguration(this.definition.config, this.definition.normalize?.(own) ?? own);
    const { inputs, failures } = checkAgainst(this.definition.config, read);
    return { inputs: { ...inputs, ...extra }, failures };
  }

  async diffConfig(request: Omit<DiffRequest, "id" | "type">): Promise<DiffResponse> {
    const { version: _old, pluginDownloadURL: _oldUrl, ...before } = request.oldInputs;
    const { version: _new, pluginDownloadURL: _newUrl, ...after } = request.newInputs;
    return diffResponse(differences(before, after), {
      replaceOn: this.definition.replaceOn ?? [],
      ignoreChanges: request.ignoreChanges,
      stables: [],
      deleteBeforeReplace: false,
      outputChanges: [],
    });
  }

  async configure(request: ConfigureRequest): Promise<ProviderTraits> {
    const { inputs, failures } = await this.checkConfig({ newInputs: request.inputs });
    const [first] = failures;
    if (first)
      fail({
        reason: "provider-config",
        message: `The provider ${this.definition.name} is not configured rightly: ${first.message}`,
        urn: request.urn,
        path: first.path,
        ...(first.expected === undefined ? {} : { expected: first.expected }),
        ...(first.found === undefined ? {} : { found: first.found }),
        next: [`Correct ${first.path} in the program or with \`orch config set ${this.definition.name}:…\`.`],
      });
    const { version: _version, pluginDownloadURL: _url, ...own } = inputs;
    this.config = own;
    const value = await this.guarded(request.urn, [own], async () =>
      this.definition.open(plain(own) as never, this.context),
    );
    this.session = { value };
    const findAgainByType = Object.fromEntries(
      this.definition.resources.map((resource) => [resource.type, findAgainOf(resource)]),
    );
    const ways = [...new Set(Object.values(findAgainByType))];
    const [only] = ways;
    const traits = {
      secrets: true,
      resourceRefs: false,
      outputValues: false,
      preview: true,
      unknowns: true,
      findAgain: only !== undefined && ways.length === 1 ? only : "no",
      findAgainByType,
    } as const;
    return traits;
  }

  async check(request: Parameters<Provider["check"]>[0]): Promise<CheckResponse> {
    const resource = this.resource(request.type, request.urn);
    const { inputs, failures } = checkAgainst(resource.inputs, request.newInputs);
    if (failures.length > 0 || resource.check === undefined) return { inputs, failures };
    const { check } = resource;
    const checked = await this.guarded(request.urn, [inputs], async () =>
      check({
        inputs,
        oldInputs: request.oldInputs,
        session: this.session?.value,
        randomSeed: request.randomSeed,
      }),
    );
    return { inputs: checked.inputs, failures: checked.failures ?? [] };
  }

  async diff(request: DiffRequest): Promise<DiffResponse> {
    const resource = this.resource(request.type, request.urn);
    const call = {
      oldInputs: request.oldInputs,
      oldOutputs: request.oldOutputs,
      newInputs: request.newInputs,
      session: this.session?.value,
    };
    const { effect } = resource;
    return diffResponse(differences(request.oldInputs, request.newInputs), {
      replaceOn: resource.update ? (resource.replaceOn ?? []) : ["*"],
      ignoreChanges: request.ignoreChanges,
      stables: resource.stables ?? [],
      deleteBeforeReplace: resource.deleteBeforeReplace ?? idOf(resource, request.newInputs) === request.id,
      ...(effect ? { effect: (change) => effect(change, call) } : {}),
      outputChanges: resource.outputChanges?.(call) ?? [],
    });
  }

  async create(request: CreateRequest): Promise<CreateResponse> {
    const resource = this.resource(request.type, request.urn);
    if (request.preview)
      return {
        id: idOf(resource, request.inputs) ?? "",
        outputs: predict(resource, request.inputs, undefined),
      };
    const { id, outputs, unfinished } = await this.run(request, [request.inputs], (call) =>
      resource.create({
        ...call,
        name: request.name,
        token: request.token,
        inputs: plain(request.inputs) as never,
      }),
    );
    return {
      id,
      outputs: finish(resource, outputs, request.inputs),
      ...partial(unfinished, request.inputs),
    };
  }

  async read(request: ReadRequest): Promise<ReadResponse> {
    const resource = this.resource(request.type, request.urn);
    const { read } = resource;
    if (read === undefined) {
      if (Object.keys(request.outputs).length > 0)
        return { object: { id: request.id, inputs: request.inputs, outputs: request.outputs } };
      return fail({
        reason: "unsupported",
        message: `A ${request.type} can't be read, and so not imported`,
        urn: request.urn,
        next: ["Create it with orch instead."],
      });
    }
    const found = await this.run(request, [request.inputs, request.outputs], (call) =>
      read({ ...call, ...oneRead(request) }),
    );
    return readResponse(resource, request, found);
  }

  get readManyTypes(): ReadonlySet<string> {
    return typesWith(this.definition.resources, "readMany");
  }

  get listTypes(): ReadonlySet<string> {
    return typesWith(this.definition.resources, "list");
  }

  async readMany({ reads, ...options }: ReadManyRequest): Promise<ReadManyResponse> {
    const answers: ReadManyResponse[number][] = new Array(reads.length);
    const byType = new Map<string, number[]>();
    for (const [i, { type }] of reads.entries()) {
      const places = byType.get(type);
      if (places) places.push(i);
      else byType.set(type, [i]);
    }
    for (const [type, places] of byType) {
      const resource = this.resource(type, (reads[places[0] as number] as { urn: Urn }).urn);
      const requests = places.map((i) => reads[i] as ReadManyRequest["reads"][number]);
      const found = await this.readManyOf(resource, requests, options);
      for (const [n, i] of places.entries()) answers[i] = found[n] as ReadManyResponse[number];
    }
    return answers;
  }

  /** What fails for all of them fails each: their resources are what a person knows. */
  private async readManyOf(
    resource: AnyResource<S>,
    requests: ReadManyRequest["reads"],
    options: CallOptions,
  ): Promise<ReadManyResponse> {
    const { readMany } = resource;
    const secrets = requests.flatMap(({ inputs, outputs }) => [inputs, outputs]);
    try {
      if (readMany === undefined) throw new TypeError(`${resource.type} is not among readManyTypes`);
      const found = await this.run(options, secrets, (call) =>
        readMany({ ...call, reads: requests.map(oneRead) as never }),
      );
      return requests.map((request, i) => {
        const one = found[i];
        return one !== undefined && "failure" in one
          ? {
              failure: {
                urn: request.urn,
                ...redactFailure(one.failure, secretTexts(request.inputs, request.outputs)),
              },
            }
          : readResponse(resource, request, one);
      });
    } catch (error) {
      const failure = toFailure(error);
      return requests.map(({ urn }) => ({ failure: { ...failure, urn } }));
    }
  }

  async *list({ type, scope = {}, ...options }: ListRequest): AsyncIterable<ListedObject> {
    const { list } = this.resource(type, "");
    if (list === undefined)
      return fail({ reason: "unsupported", message: `The objects of ${type} can't be listed` });
    // Collected within the verb, so that its time, its end and its failures are a verb's.
    yield* await this.run(options, [scope], async (call) => {
      const listed: ListedObject[] = [];
      for await (const one of list({ ...call, scope: plain(scope) })) listed.push(one);
      return listed;
    });
  }

  async update(request: UpdateRequest): Promise<UpdateResponse> {
    const resource = this.resource(request.type, request.urn);
    const { update } = resource;
    if (request.preview)
      return {
        outputs: predict(resource, request.newInputs, {
          inputs: request.oldInputs,
          outputs: request.oldOutputs,
        }),
      };
    if (update === undefined)
      return fail({
        reason: "unsupported",
        message: `A ${request.type} can't be changed in place`,
        urn: request.urn,
        next: ["Plan again: the change needs a replacement."],
      });
    const { outputs, unfinished } = await this.run(
      request,
      [request.newInputs, request.oldInputs, request.oldOutputs],
      (call) =>
        update({
          ...call,
          id: request.id,
          oldInputs: plain(request.oldInputs) as never,
          oldOutputs: plain(request.oldOutputs) as never,
          inputs: plain(request.newInputs) as never,
        }),
    );
    return {
      outputs: finish(resource, outputs, request.newInputs),
      ...partial(unfinished, request.newInputs),
    };
  }

  async delete(request: DeleteRequest): Promise<void> {
    const resource = this.resource(request.type, request.urn);
    const { delete: remove } = resource;
    if (remove === undefined) return;
    await this.run(request, [request.inputs, request.outputs], (call) =>
      remove({
        ...call,
        id: request.id,
        inputs: plain(request.inputs) as never,
        outputs: plain(request.outputs) as never,
      }),
    );
  }

  async invoke(request: InvokeRequest): Promise<InvokeResponse> {
    const known = this.definition.invokes ?? [];
    const invoke = known.find((candidate) => candidate.token === request.token);
    if (invoke === undefined)
      return fail({
        reason: "invoke-failed",
        message: `The package ${this.definition.name} has no function ${request.token}`,
        expected: known.map((candidate) => candidate.token).join(", ") || "none",
        found: request.token,
      });
    const { inputs: args, failures } = checkAgainst(invoke.args, request.args);
    if (failures.length > 0) return { result: {}, failures };
    const result = await this.run(request, [args], (call) =>
      invoke.invoke({ ...call, args: plain(args) as never }),
    );
    return {
      result: markOutputs(fromPlain(result), args, secretProperties(invoke.result)),
      failures: [],
    };
  }

  async getSchema(): Promise<string> {
    return JSON.stringify(packageSchema(this.definition), undefined, 2);
  }

  async cancel(): Promise<void> {
    this.stop.abort(new OrchError({ reason: "interrupted", message: "Cancelled" }));
  }

  async close(): Promise<void> {
    if (this.session === undefined) return;
    const { value } = this.session;
    this.session = undefined;
    await this.definition.close?.(value);
  }

  private resource(type: string, urn: Urn): AnyResource<S> {
    return (
      this.resources.get(type) ??
      fail({
        reason: "provider-error",
        message: `The package ${this.definition.name} has no resource ${type}`,
        urn,
        expected: [...this.resources.keys()].join(", "),
        found: type,
        next: didYouMean(type, [...this.resources.keys()]),
      })
    );
  }

  /** Runs a verb with its session, within its time, and turns whatever it throws into one failure without secrets. */
  private async run<T>(
    request: CallOptions & { readonly urn?: Urn },
    properties: readonly PropertyMap[],
    verb: (call: Call<S>) => Promise<T>,
  ): Promise<T> {
    const { urn, signal, timeoutSeconds } = request;
    const signals = [this.stop.signal];
    if (signal) signals.push(signal);
    const timer = new AbortController();
    const timeout = timeoutSeconds
      ? setTimeout(() => timer.abort(timedOut(timeoutSeconds)), timeoutSeconds * 1000)
      : undefined;
    signals.push(timer.signal);
    const secrets = secretTexts(this.config, ...properties);
    const stopped = AbortSignal.any(signals);
    let leave: NodeJS.Timeout | undefined;
    try {
      return await this.guarded(urn, [this.config ?? {}, ...properties], async () => {
        const { session } = this;
        if (session === undefined)
          throw new TypeError(`${this.definition.name} is used before it is configured`);
        const left = new Promise<never>((_resolve, reject) => {
          const wait = (): void => {
            leave = setTimeout(() => reject(stopped.reason), graceMs);
          };
          if (stopped.aborted) wait();
          else stopped.addEventListener("abort", wait, { once: true });
        });
        const work = verb({
          urn: urn ?? "",
          session: session.value,
          signal: stopped,
          log: (level, message) =>
            this.context.log({ level, message: redact(message, secrets), ...(urn ? { urn } : {}) }),
        });
        return Promise.race([work, left]);
      });
    } finally {
      clearTimeout(leave);
      clearTimeout(timeout);
    }
  }

  private async guarded<T>(
    urn: Urn | undefined,
    properties: readonly PropertyMap[],
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure = redactFailure(asFailure(error), secretTexts(...properties));
      throw new OrchError(urn && failure.urn === undefined ? { ...failure, urn } : failure);
    }
  }
}

/** Milliseconds that a verb may take to end after its signal has fired; then it is left. */
const graceMs = 15_000;

function timedOut(seconds: number): OrchError {
  return new OrchError({
    reason: "timeout",
    message: `It did not finish within ${seconds} s`,
    next: ["Give it longer with the resource option `customTimeouts`, or find out what it waits for."],
  });
}

/** An exception that no one expected stays one with its stack; an abort is what was given as its reason. */
function asFailure(error: unknown): Failure {
  if (error instanceof Error && error.name === "AbortError" && !(error instanceof OrchError))
    return error.cause instanceof OrchError
      ? error.cause.failure
      : { reason: "interrupted", message: "Cancelled" };
  return toFailure(error);
}

const oneRead = ({ urn, id, inputs, outputs }: Pick<ReadRequest, "urn" | "id" | "inputs" | "outputs">) => ({
  urn,
  id,
  inputs: plain(inputs) as never,
  outputs: plain(outputs) as never,
});

function readResponse<S>(
  resource: AnyResource<S>,
  request: Pick<ReadRequest, "id" | "inputs" | "outputs">,
  found: ReadResult<Shape, Shape> | undefined,
): ReadResponse {
  if (found === undefined) return {};
  const marked = markLike(fromPlain(found.inputs), request.inputs) as PropertyMap;
  // What is imported is compared with checked inputs: it needs their defaults.
  const imported = Object.keys(request.inputs).length === 0;
  const inputs = imported ? checkAgainst(resource.inputs, marked).inputs : marked;
  return {
    object: {
      id: found.id ?? request.id,
      inputs,
      outputs: finish(resource, found.outputs, inputs, request.outputs),
    },
    ...(found.changes ? { changes: found.changes } : {}),
  };
}

const typesWith = <S>(
  resources: readonly AnyResource<S>[],
  ability: "readMany" | "list",
): ReadonlySet<string> =>
  new Set(resources.filter((resource) => resource[ability] !== undefined).map(({ type }) => type));

class NotKnown extends Error {}

/** Undefined where the type's ids come from the system, or what decides this one is not known yet. */
function idOf<S>(resource: AnyResource<S>, inputs: PropertyMap): string | undefined {
  if (resource.idOf === undefined) return undefined;
  const known: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(inputs)) {
    if (!hasUnknown(value)) known[key] = plain({ value }).value;
    else
      Object.defineProperty(known, key, {
        get: () => {
          throw new NotKnown();
        },
      });
  }
  try {
    return resource.idOf(known as never);
  } catch (error) {
    if (error instanceof NotKnown) return undefined;
    throw error;
  }
}

function predict<S>(
  resource: AnyResource<S>,
  inputs: PropertyMap,
  prior: { readonly inputs: PropertyMap; readonly outputs: PropertyMap } | undefined,
): PropertyMap {
  const known = resource.predict?.({ inputs, ...(prior ? { prior } : {}) }) ?? {};
  const stables = new Set(resource.stables ?? []);
  const outputs: Record<string, PropertyMap[string]> = {};
  for (const key of Object.keys(resource.outputs.shape)) {
    if (Object.hasOwn(known, key)) outputs[key] = known[key] as PropertyMap[string];
    else if (resource.predict === undefined && Object.hasOwn(inputs, key))
      outputs[key] = inputs[key] as PropertyMap[string];
    else if (prior && stables.has(key) && Object.hasOwn(prior.outputs, key))
      outputs[key] = prior.outputs[key] as PropertyMap[string];
    else outputs[key] = unknown;
  }
  return markOutputs(outputs, inputs, secretNames(resource, inputs));
}

function finish<S>(
  resource: AnyResource<S>,
  outputs: unknown,
  inputs: PropertyMap,
  before: PropertyMap = {},
): PropertyMap {
  const marked = markOutputs(fromPlain(outputs), inputs, secretNames(resource, inputs));
  return markLike(marked, before) as PropertyMap;
}

const secretNames = <S>(resource: AnyResource<S>, inputs: PropertyMap): readonly string[] => [
  ...secretProperties(resource.outputs),
  ...(typeof resource.secretOutputs === "function"
    ? resource.secretOutputs(inputs)
    : (resource.secretOutputs ?? [])),
];
const secretProperties = (shape: Shape): readonly string[] =>
  Object.entries(shape.shape)
    .filter(([, schema]) => isSecretSchema(schema as never))
    .map(([key]) => key);

function partial(
  unfinished: readonly string[] | undefined,
  inputs: PropertyMap,
): { partial?: { reasons: readonly string[] } } {
  if (unfinished === undefined || unfinished.length === 0) return {};
  const secrets = secretTexts(inputs);
  return { partial: { reasons: unfinished.map((reason) => redact(reason, secrets)) } };
}
