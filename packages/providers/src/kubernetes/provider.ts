/** The package `kubernetes`, served from the API server itself: any kind that the server knows, with no plugin. */
import { type Failure, fail, OrchError, toFailure } from "@orch/core/model/failure";
import type { PackageDescriptor } from "@orch/core/model/resource";
import type { Urn } from "@orch/core/model/urn";
import { hasUnknown, isMap, type PropertyMap, reveal, Secret, type Value } from "@orch/core/model/value";
import type {
  CallOptions,
  CheckRequest,
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
import { checkAgainst, fromConfiguration } from "../direct/check.js";
import { differences, diffResponse } from "../direct/diff.js";
import { plain, redact, redactFailure, secretTexts } from "../direct/secrets.js";
import { type ApiResource, KubernetesApi, type Place } from "./api.js";
import { apply, clearRemoved, fieldManagerOf, forces } from "./apply.js";
import { awaitReady } from "./await/index.js";
import { waitForRule } from "./await/wait-for.js";
import { type Read, readInGroups } from "./bulk.js";
import { type Configuration, configuration, configurationFailures } from "./config.js";
import { createObject, refuseForeign, waitForOthersMs } from "./create.js";
import { releasePatch, remove } from "./delete.js";
import { compareInputs, type DryRun } from "./diff.js";
import { isForbidden, isStatus, isUidMismatch, isUnreachable, StatusError } from "./failures.js";
import { saysImmutable } from "./immutable.js";
import { checkInputs, toObject, whereOf, withUid } from "./inputs.js";
import { invoke } from "./invokes.js";
import { isNamespaced, type Kind, kindOf, kindText } from "./kinds.js";
import { isKubeconfigText } from "./kubeconfig.js";
import { findByName, listScope, pages, waitForKind } from "./lists.js";
import { changesOf } from "./managed-fields.js";
import { kindsLike } from "./near.js";
import { annotation, idOf, type KubernetesObject, parseId } from "./object.js";
import {
  importedInputs,
  importedKey,
  initialApiVersionKey,
  kept,
  outputsOf,
  predicted,
  previewOutputs,
  readInputs,
  readOutputs,
} from "./outputs.js";

export class KubernetesProvider implements Provider {
  readonly package: PackageDescriptor;
  readonly origin = { source: "direct" } as const;
  readonly listTypes: ReadonlySet<string> = new EveryKind();
  readonly #stop = new AbortController();
  #config: Configuration | undefined;
  #secrets: PropertyMap = {};
  #api: KubernetesApi | undefined;
  /** Scope of the kinds that the program itself defines: known before the server knows. */
  readonly #defined = new Map<string, boolean>();
  /** Uids of objects that this plan compares: one that is replaced under its own name is still there when its successor is planned. */
  readonly #compared = new Set<string>();
  /** Said once: plans go on by comparing inputs. */
  readonly #degraded = new Set<string>();

  /** `descriptor` names the version of the SDK, and so of the tokens; the server's own version decides what they mean. */
  constructor(
    private readonly context: LoadContext,
    { name, version }: PackageDescriptor,
  ) {
    this.package = { name, ...(version === undefined ? {} : { version }) };
  }

  async checkConfig(request: { readonly newInputs: PropertyMap }): Promise<CheckResponse> {
    const { version: sdk, pluginDownloadURL, ...own } = request.newInputs;
    const extra = {
      ...(sdk === undefined ? {} : { version: sdk }),
      ...(pluginDownloadURL === undefined ? {} : { pluginDownloadURL }),
    };
    const { inputs, failures } = checkAgainst(configuration, fromConfiguration(configuration, own));
    const more =
      failures.length > 0 || hasUnknown(inputs)
        ? []
        : configurationFailures(reveal(inputs) as Partial<Configuration>);
    return { inputs: { ...inputs, ...extra }, failures: [...failures, ...more] };
  }

  /** Another server is another provider: everything is made anew there. A renewed certificate or token is not. */
  async diffConfig(request: Omit<DiffRequest, "id" | "type">): Promise<DiffResponse> {
    const { version: _old, pluginDownloadURL: _oldUrl, ...before } = request.oldInputs;
    const { version: _new, pluginDownloadURL: _newUrl, ...after } = request.newInputs;
    const identifier = reveal(after.clusterIdentifier ?? before.clusterIdentifier ?? null);
    const replaceOn =
      identifier === null
        ? this.#otherServer(before, after)
          ? ["kubeconfig", "context", "cluster"]
          : []
        : ["clusterIdentifier"];
    return diffResponse(differences(before, after), {
      replaceOn,
      ignoreChanges: request.ignoreChanges,
      stables: [],
      deleteBeforeReplace: false,
      outputChanges: [],
    });
  }

  #otherServer(before: PropertyMap, after: PropertyMap): boolean {
    if (hasUnknown(after)) return false;
    try {
      const server = (inputs: PropertyMap): string =>
        new KubernetesApi(configuration.parse(reveal(inputs))).cluster.server;
      return server(before) !== server(after);
    } catch {
      // The old one can't be read any more: nothing says that it was another cluster.
      return false;
    }
  }

  async configure(request: ConfigureRequest): Promise<ProviderTraits> {
    const { inputs, failures } = await this.checkConfig({ newInputs: request.inputs });
    const [first] = failures;
    if (first) {
      return fail({
        reason: "provider-config",
        message: `The provider kubernetes is not configured rightly: ${first.message}`,
        urn: request.urn,
        path: first.path,
        ...(first.expected === undefined ? {} : { expected: first.expected }),
        ...(first.found === undefined ? {} : { found: first.found }),
        next: [`Correct ${first.path} in the program or with \`orch config set kubernetes:…\`.`],
      });
    }
    const { version: _version, pluginDownloadURL: _url, ...own } = inputs;
    const config = configuration.parse(plain(own));
    // The path of a file is no secret, and what failures name it by.
    const { kubeconfig, ...rest } = own;
    const hidden = isKubeconfigText(config.kubeconfig) ? { ...rest, kubeconfig: kubeconfig as Value } : rest;
    await this.#guarded(request.urn, [hidden], async () => {
      this.#api = new KubernetesApi(config);
    });
    this.#config = config;
    const { token, password, key } = this.#server.cluster.user;
    this.#secrets = { config: hidden, ...asSecrets({ token, password, key }) };
    return {
      secrets: true,
      resourceRefs: false,
      outputValues: false,
      preview: true,
      unknowns: true,
      // A second creation with the same inputs knows the first one's object by its field manager.
      findAgain: "token",
    };
  }

  get #server(): KubernetesApi {
    if (this.#api === undefined) throw new TypeError("kubernetes is used before it is configured");
    return this.#api;
  }
  get #settings(): Configuration {
    if (this.#config === undefined) throw new TypeError("kubernetes is used before it is configured");
    return this.#config;
  }
  /** Of objects that name none, where the provider or its context says one. */
  get #givenNamespace(): string | undefined {
    return this.#settings.namespace ?? this.#server.cluster.namespace;
  }
  get #namespace(): string {
    return this.#givenNamespace ?? "default";
  }

  async check(request: CheckRequest): Promise<CheckResponse> {
    const { urn, type, newInputs } = request;
    return this.#guarded(urn, [newInputs], async () => {
      const kind = kindOf(type, reveal(newInputs.kind ?? null));
      const namespace = this.#givenNamespace;
      const namespaced = this.#defined.get(kindKey(kind));
      const { inputs, failures } = checkInputs({
        kind,
        name: request.name,
        newInputs,
        randomSeed: request.randomSeed,
        ...(request.oldInputs === undefined ? {} : { oldInputs: request.oldInputs }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(namespaced === undefined ? {} : { namespaced }),
      });
      if (kind.kind === "CustomResourceDefinition") this.#remember(reveal(inputs) as PropertyMap);
      const rule = annotation(inputs, "pulumi.com/waitFor");
      if (rule !== undefined) waitForRule(rule);
      return { inputs, failures };
    });
  }

  #remember({ spec }: PropertyMap): void {
    if (!isMap(spec) || !isMap(spec.names)) return;
    const { group, scope } = spec;
    const { kind } = spec.names;
    if (typeof group === "string" && typeof kind === "string" && typeof scope === "string")
      this.#defined.set(`${group}/${kind}`, scope === "Namespaced");
  }

  async diff(request: DiffRequest): Promise<DiffResponse> {
    const { urn, type, oldInputs, oldOutputs, newInputs, ignoreChanges } = request;
    return this.#guarded(urn, [oldInputs, oldOutputs, newInputs], async () => {
      const kind = kindOf(type, reveal(newInputs.kind ?? null));
      const uid = uidOf(oldOutputs);
      if (uid !== undefined) this.#compared.add(uid);
      return compareInputs(
        {
          kind,
          oldInputs,
          newInputs,
          ignoreChanges,
          mutable: {
            configMaps: this.#settings.enableConfigMapMutable,
            secrets: this.#settings.enableSecretMutable,
          },
          defaultNamespace: parseId(request.id).namespace ?? this.#namespace,
        },
        () => this.#dryRunUpdate(kind, request),
      );
    });
  }

  async #dryRunUpdate(
    kind: Kind,
    { urn, id, oldInputs, oldOutputs, newInputs }: DiffRequest,
  ): Promise<DryRun> {
    if (hasUnknown(newInputs) || oldInputs[importedKey] === true || this.#degraded.has(away))
      return { kind: "unknown" };
    const manager = fieldManagerOf(urn, newInputs, oldOutputs);
    try {
      const place = await this.#placeOf(kind, id, this.#stop.signal, true);
      if (place === undefined) return { kind: "unknown" };
      const { object, taken } = await apply(this.#server, {
        place,
        object: withUid(toObject(kind, newInputs), uidOf(oldOutputs)),
        manager,
        force: forces(newInputs, this.#settings.enablePatchForce),
        known: oldInputs,
        dryRun: true,
        signal: this.#stop.signal,
        quick: true,
        onWarning: this.#warner(urn),
      });
      const remembered = { manager, initialApiVersion: kind.apiVersion };
      return {
        kind: "would-be",
        before: isMap(oldOutputs.metadata) ? (kept(oldOutputs as never) as PropertyMap) : oldOutputs,
        after: outputsOf(kind, object, newInputs, remembered),
        taken,
      };
    } catch (error) {
      if (error instanceof StatusError && error.status.code === 422 && !isUidMismatch(error)) {
        const { causes, message } = error.status;
        const fixed = causes.filter((cause) => saysImmutable(cause.message, kind));
        if (fixed.length > 0 && fixed.length === causes.length)
          return {
            kind: "immutable",
            paths: fixed.map(({ field }) => field).filter((field) => field !== ""),
          };
        if (causes.length === 0 && saysImmutable(message, kind)) return { kind: "immutable", paths: [] };
        throw error;
      }
      if (this.#maySkipDryRun(error, urn)) return { kind: "unknown" };
      throw error;
    }
  }

  /** What a plan can do without: it compares inputs then, and says so once. */
  #maySkipDryRun(error: unknown, urn: Urn): boolean {
    // The object, its namespace or its kind is not there (yet): the steps before make it, or the next reading finds it gone.
    if (isStatus(error, 404)) return true;
    if (isUidMismatch(error)) return true;
    const why = isUnreachable(error)
      ? away
      : isForbidden(error)
        ? "this account may not try out changes (the verb patch)"
        : undefined;
    if (why === undefined) return false;
    if (!this.#degraded.has(why)) {
      this.#degraded.add(why);
      this.context.log({
        level: "warning",
        message: `${why}: the plan compares inputs only, without the server's defaults, webhooks and conflicts. ${toFailure(error).message}`,
        urn,
      });
    }
    return true;
  }

  async create(request: CreateRequest): Promise<CreateResponse> {
    const { urn, type, inputs } = request;
    return this.#call(request, urn, [inputs], async (signal) => {
      const kind = kindOf(type, reveal(inputs.kind ?? null));
      return request.preview
        ? this.#previewCreate(kind, urn, inputs, signal)
        : this.#create(kind, request, signal);
    });
  }

  async #previewCreate(
    kind: Kind,
    urn: Urn,
    inputs: PropertyMap,
    signal: AbortSignal,
  ): Promise<CreateResponse> {
    const blind = (): CreateResponse => ({
      id: this.#idBefore(kind, inputs),
      outputs: this.#withNamespace(kind, predicted(kind, inputs)),
    });
    if (hasUnknown(inputs) || this.#degraded.has(away)) return blind();
    const manager = fieldManagerOf(urn, inputs);
    try {
      const resource = await this.#server.resource(kind, signal, { quick: true });
      if (resource === undefined) return blind();
      const place = this.#placeIn(kind, resource, inputs);
      const live = await this.#server.get(place, signal, true);
      if (live === undefined && kind.patch) return blind();
      if (live !== undefined && !kind.patch) {
        const own = this.#compared.has(String(live.metadata.uid)) || this.#settings.upsertExistingObjects;
        if (!own) refuseForeign(place, live, manager);
        return blind();
      }
      const { object } = await apply(this.#server, {
        place,
        object: toObject(kind, inputs),
        manager,
        force: forces(inputs, this.#settings.enablePatchForce),
        dryRun: true,
        signal,
        quick: true,
        onWarning: this.#warner(urn),
      });
      return {
        id: idOf({ name: place.name as string, ...(place.namespace ? { namespace: place.namespace } : {}) }),
        outputs: previewOutputs(kind, object, inputs, undefined),
      };
    } catch (error) {
      if (this.#maySkipDryRun(error, urn)) return blind();
      throw error;
    }
  }

  /** Empty while the name, or whether the kind has namespaces, is not known. */
  #idBefore(kind: Kind, inputs: PropertyMap): string {
    const { name, namespace } = whereOf(inputs);
    const namespaced = this.#isNamespaced(kind);
    if (name === undefined || namespaced === undefined) return "";
    if (!namespaced) return name;
    const known = namespace ?? (hasNamespace(inputs) ? undefined : this.#namespace);
    return known === undefined ? "" : idOf({ name, namespace: known });
  }

  #isNamespaced(kind: Kind): boolean | undefined {
    return this.#defined.get(kindKey(kind)) ?? isNamespaced(kind);
  }

  #withNamespace(kind: Kind, outputs: PropertyMap): PropertyMap {
    const { metadata } = outputs;
    if (!isMap(metadata) || metadata.namespace !== undefined || this.#isNamespaced(kind) !== true)
      return outputs;
    return { ...outputs, metadata: { ...metadata, namespace: this.#namespace } };
  }

  #placeIn(kind: Kind, resource: ApiResource, inputs: PropertyMap): Place & { readonly name: string } {
    const { name = "", namespace = this.#namespace } = whereOf(inputs);
    return { kind, resource, name, ...(resource.namespaced ? { namespace } : {}) };
  }

  async #placeOf(kind: Kind, id: string, signal: AbortSignal, quick = false): Promise<Place | undefined> {
    const resource = await this.#server.resource(kind, signal, { quick, again: true });
    if (resource === undefined) return undefined;
    const { name, namespace = this.#namespace } = parseId(id);
    return { kind, resource, name, ...(resource.namespaced ? { namespace } : {}) };
  }

  async #create(kind: Kind, request: CreateRequest, signal: AbortSignal): Promise<CreateResponse> {
    const { urn, inputs, timeoutSeconds } = request;
    const api = this.#server;
    const status = this.#statusOf(urn, [inputs]);
    const resource = await waitForKind(api, kind, signal, waitForOthersMs, status);
    if (resource === undefined)
      return this.#unknownKind(kind, "Install its CustomResourceDefinition first, or", signal);
    const manager = fieldManagerOf(urn, inputs);
    const { object, unfinished } = await createObject({
      api,
      place: this.#placeIn(kind, resource, inputs),
      inputs,
      manager,
      force: forces(inputs, this.#settings.enablePatchForce),
      upsert: this.#settings.upsertExistingObjects,
      signal,
      status,
      onWarning: this.#warner(urn),
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    });
    return {
      id: idOf(object.metadata),
      outputs: outputsOf(kind, object, inputs, { manager, initialApiVersion: kind.apiVersion }),
      ...partial(unfinished),
    };
  }

  async #unknownKind(kind: Kind, next: string, signal: AbortSignal): Promise<never> {
    const near = await kindsLike(this.#server, kind, signal);
    return fail({
      reason: "provider-error",
      message: `${this.#server.service} does not know the kind ${kindText(kind)}.`,
      path: "apiVersion",
      expected: "an API that the server serves",
      found: kindText(kind),
      next: [
        ...(near.length > 0 ? [`Did you mean ${near.join(" or ")}?`] : []),
        `${next} correct apiVersion and kind.`,
      ],
    });
  }

  async update(request: UpdateRequest): Promise<UpdateResponse> {
    const { urn, type, id, oldOutputs, newInputs, preview, timeoutSeconds } = request;
    return this.#call(request, urn, [request.oldInputs, oldOutputs, newInputs], async (signal) => {
      const kind = kindOf(type, reveal(newInputs.kind ?? null));
      const manager = fieldManagerOf(urn, newInputs, oldOutputs);
      const blind = (): UpdateResponse => ({
        outputs: this.#withNamespace(kind, predicted(kind, newInputs, oldOutputs)),
      });
      if (preview && (hasUnknown(newInputs) || this.#degraded.has(away))) return blind();
      try {
        const place = await this.#placeOf(kind, id, signal, preview);
        if (place === undefined) {
          if (preview) return blind();
          return this.#unknownKind(kind, "Install its CustomResourceDefinition again, or", signal);
        }
        const { object } = await apply(this.#server, {
          place,
          object: withUid(toObject(kind, newInputs), uidOf(oldOutputs)),
          manager,
          force: forces(newInputs, this.#settings.enablePatchForce),
          known: request.oldInputs,
          dryRun: preview,
          signal,
          quick: preview,
          onWarning: this.#warner(urn),
        });
        if (preview) return { outputs: previewOutputs(kind, object, newInputs, oldOutputs) };
        const cleared = await clearRemoved(this.#server, {
          place,
          object,
          manager,
          oldInputs: request.oldInputs,
          newInputs,
          signal,
        });
        const awaited = await awaitReady({
          api: this.#server,
          place,
          inputs: newInputs,
          object: cleared,
          signal,
          status: this.#statusOf(urn, [newInputs]),
          ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
        });
        return {
          outputs: outputsOf(kind, awaited.object, newInputs, {
            manager,
            initialApiVersion: initialVersion(oldOutputs, kind),
          }),
          ...partial(awaited.unfinished),
        };
      } catch (error) {
        if (preview && this.#maySkipDryRun(error, urn)) return blind();
        if (isUidMismatch(error)) {
          return fail(
            {
              reason: "conflict",
              message: `The ${kindText(kind)} ${id} was deleted by somebody else, ${/no existing object/.test(toFailure(error).found ?? "") ? "and is gone" : "and another one has its name"}.`,
              expected: `the object with the uid ${String(uidOf(oldOutputs))}`,
              found: toFailure(error).found ?? "",
              next: ["Plan again with `--refresh`: what is gone is made again."],
            },
            error,
          );
        }
        throw error;
      }
    });
  }

  async read(request: ReadRequest): Promise<ReadResponse> {
    const { urn, type, id, inputs, outputs } = request;
    return this.#call(request, urn, [inputs, outputs], async (signal) => {
      const kind = kindOf(type, reveal(inputs.kind ?? null));
      try {
        const place = await this.#placeOf(kind, id, signal);
        const live = place && (await this.#server.get(place, signal));
        return live === undefined ? {} : this.#readResponse(kind, request, live);
      } catch (error) {
        return this.#unreachable(error, request);
      }
    });
  }

  #unreachable(
    error: unknown,
    { urn, id, inputs, outputs }: Omit<ReadRequest, keyof CallOptions>,
  ): ReadResponse {
    const { deleteUnreachable, skipUpdateUnreachable } = this.#settings;
    if (!isUnreachable(error) || !(deleteUnreachable || skipUpdateUnreachable)) throw error;
    const { message } = toFailure(error);
    const what = deleteUnreachable
      ? "deleteUnreachable: it counts as gone"
      : "skipUpdateUnreachable: it counts as unchanged";
    this.context.log({ level: "warning", message: `${message} ${what}.`, urn });
    return deleteUnreachable ? {} : { object: { id, inputs, outputs } };
  }

  #readResponse(
    kind: Kind,
    { urn, id, inputs, outputs }: Omit<ReadRequest, keyof CallOptions>,
    live: KubernetesObject,
  ): ReadResponse {
    const manager = fieldManagerOf(urn, inputs, outputs);
    const imported = Object.keys(inputs).length === 0;
    return {
      object: {
        id: imported ? idOf(live.metadata) : id,
        inputs: imported ? importedInputs(kind, live) : readInputs(kind, live, inputs, outputs),
        outputs: readOutputs(kind, live, inputs, outputs, {
          manager,
          initialApiVersion: initialVersion(outputs, kind),
        }),
      },
      changes: changesOf(live, manager),
    };
  }

  async readMany({ reads, ...options }: ReadManyRequest): Promise<ReadManyResponse> {
    return readInGroups(reads, {
      one: (read) => this.read({ ...read, ...options }),
      group: (group) => this.#call(options, undefined, [], (signal) => this.#readGroup(group, signal)),
      failed: (error, read) => {
        try {
          return this.#unreachable(error, read);
        } catch {
          const secrets = secretTexts(this.#secrets, read.inputs, read.outputs);
          return { failure: { ...redactFailure(toFailure(error), secrets), urn: read.urn } };
        }
      },
    });
  }

  async #readGroup(
    reads: readonly [Read, ...Read[]],
    signal: AbortSignal,
  ): Promise<readonly ReadResponse[] | undefined> {
    const [{ type, id, inputs }] = reads;
    const kind = kindOf(type, reveal(inputs.kind ?? null));
    const nameOf = (read: Read): string => parseId(read.id).name;
    try {
      const place = await this.#placeOf(kind, id, signal);
      if (place === undefined) return reads.map(() => ({}));
      const { name: _, ...all } = place;
      const found = await findByName(this.#server, all, new Set(reads.map(nameOf)), signal);
      return reads.map((read) => {
        const live = found.get(nameOf(read));
        return live === undefined ? {} : this.#readResponse(kind, read, live);
      });
    } catch (error) {
      if (isForbidden(error)) return undefined;
      throw error;
    }
  }

  async *list({ type, scope = {}, ...options }: ListRequest): AsyncIterable<ListedObject> {
    const listed = await this.#call(options, undefined, [scope], async (signal) => {
      const kind = kindOf(type);
      const resource = await this.#server.resource(kind, signal, { again: true });
      if (resource === undefined)
        return this.#unknownKind(kind, "Install its CustomResourceDefinition, or", signal);
      const { namespace, ...selectors } = listScope(type, plain(scope));
      const found: ListedObject[] = [];
      for await (const page of pages(this.#server, {
        place: { kind, resource, ...(namespace && resource.namespaced ? { namespace } : {}) },
        ...selectors,
        signal,
      }))
        for (const object of page) {
          const id = idOf(object.metadata);
          found.push({ id, title: id, changes: changesOf(object) });
        }
      return found;
    });
    yield* listed;
  }

  async delete(request: DeleteRequest): Promise<void> {
    const { urn, type, id, inputs, outputs, timeoutSeconds } = request;
    await this.#call(request, urn, [inputs, outputs], async (signal) => {
      const kind = kindOf(type, reveal(inputs.kind ?? null));
      const api = this.#server;
      try {
        const place = await this.#placeOf(kind, id, signal);
        // With its definition every object of a custom kind goes.
        if (place === undefined) return;
        if (kind.patch) return await releasePatch(api, place, fieldManagerOf(urn, inputs, outputs), signal);
        const uid = uidOf(outputs);
        await remove({
          api,
          place,
          inputs,
          uid,
          signal,
          status: this.#statusOf(urn, [inputs, outputs]),
          ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
        });
      } catch (error) {
        if (!this.#settings.deleteUnreachable || !isUnreachable(error)) throw error;
        this.context.log({
          level: "warning",
          message: `${toFailure(error).message} deleteUnreachable: it counts as gone.`,
          urn,
        });
      }
    });
  }

  async invoke(request: InvokeRequest): Promise<InvokeResponse> {
    return this.#call(request, undefined, [request.args], (signal) =>
      invoke(request.token, request.args, signal),
    );
  }

  async cancel(): Promise<void> {
    this.#stop.abort(new OrchError({ reason: "interrupted", message: "Cancelled" }));
  }

  async close(): Promise<void> {
    await this.#api?.close();
  }

  #warner(urn: Urn): (text: string) => void {
    return (message) => {
      if (!this.#settings.suppressDeprecationWarnings)
        this.context.log({ level: "warning", message: `${this.#server.service}: ${message}`, urn });
    };
  }

  #statusOf(urn: Urn, properties: readonly PropertyMap[]): (text: string) => void {
    const secrets = secretTexts(...properties);
    return (text) =>
      this.context.log({ level: "info", message: redact(text, secrets), urn, ephemeral: true });
  }

  async #call<T>(
    { signal }: CallOptions,
    urn: Urn | undefined,
    properties: readonly PropertyMap[],
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const stopped = signal ? AbortSignal.any([this.#stop.signal, signal]) : this.#stop.signal;
    return this.#guarded(urn, properties, () => work(stopped));
  }

  /** Whatever is thrown becomes one failure, with the resource and without secrets. */
  async #guarded<T>(
    urn: Urn | undefined,
    properties: readonly PropertyMap[],
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure = redactFailure(asFailure(error), withBase64(secretTexts(this.#secrets, ...properties)));
      const whole = urn && failure.urn === undefined ? { ...failure, urn } : failure;
      throw new OrchError(whole, { cause: error });
    }
  }
}

/** Why a plan asks nothing more of the server. */
const away = "the cluster can't be reached";

const kindKey = ({ group, kind }: Kind): string => `${group}/${kind}`;

const uidOf = (outputs: PropertyMap): string | undefined => {
  const uid = isMap(outputs.metadata) ? outputs.metadata.uid : undefined;
  return typeof uid === "string" ? uid : undefined;
};

const initialVersion = (outputs: PropertyMap, kind: Kind): string => {
  const initial = outputs[initialApiVersionKey];
  return typeof initial === "string" ? initial : kind.apiVersion;
};

/** A namespace is given, known or not. */
const hasNamespace = ({ metadata }: PropertyMap): boolean =>
  isMap(metadata) ? metadata.namespace !== undefined : metadata !== undefined;

const partial = (unfinished: string | undefined): { partial?: { reasons: readonly string[] } } =>
  unfinished === undefined ? {} : { partial: { reasons: [unfinished] } };

const asSecrets = (texts: Readonly<Record<string, string | undefined>>): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([key, text]) => (text === undefined ? [] : [[key, new Secret(text)]])),
  );

const asFailure = (error: unknown): Failure =>
  error instanceof Error && error.name === "AbortError" && !(error instanceof OrchError)
    ? { reason: "interrupted", message: "Cancelled" }
    : toFailure(error);

const withBase64 = (texts: readonly string[]): readonly string[] => [
  ...texts,
  ...texts.map((text) => Buffer.from(text).toString("base64")),
];

/** As a set: a server may serve any kind. */
class EveryKind extends Set<string> {
  override has(type: string): boolean {
    return /^kubernetes:[^:]+:[^:]+$/.test(type) && !/^kubernetes:(helm\.sh|yaml|kustomize)\//.test(type);
  }
}
