/** The file of `pulumi stack export`: read, refused, and written so that it reads back as it was. */
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import type { ResourceState } from "@orch/core/model/resource";
import { Archive, Asset, type PropertyMap, ResourceRef, Secret, type Value } from "@orch/core/model/value";
import type { Snapshot, StackStore } from "@orch/core/state/contract";
import { createCrypter, newDataKey, openSqliteBackend } from "@orch/core/state/index";
import { parseSeconds, secondsText } from "@orch/core/state/pulumi/duration";
import { exportCheckpoint } from "@orch/core/state/pulumi/export";
import { importCheckpoint, readCheckpoint } from "@orch/core/state/pulumi/import";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

const info = { project: "shop", stack: "dev", lineage: "x", createdAt: 0 };
const urn = (type: string, name: string): string => `urn:pulumi:dev::shop::${type}::${name}`;
const passphrase = { env: { PULUMI_CONFIG_PASSPHRASE: "correct horse", ORCH_PASSPHRASE: "another" } };
const secretSig = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

/** Pulumi's passphrase secrets, written down from its sources apart from orch's own. */
function pulumiSecrets(phrase: string): { salt: string; seal: (text: string) => string } {
  const salt = randomBytes(8);
  const key = pbkdf2Sync(phrase, salt, 1_000_000, 32, "sha256");
  const seal = (text: string): string => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
  };
  return { salt: `v1:${salt.toString("base64")}:${seal("pulumi")}`, seal };
}
function pulumiOpen(phrase: string, state: string, ciphertext: string): string {
  const key = pbkdf2Sync(
    phrase,
    Buffer.from(state.split(":")[1] as string, "base64"),
    1_000_000,
    32,
    "sha256",
  );
  const [, nonce, sealed] = ciphertext.split(":").map((part) => Buffer.from(part, "base64")) as Buffer[];
  const decipher = createDecipheriv("aes-256-gcm", key, nonce as Buffer);
  decipher.setAuthTag((sealed as Buffer).subarray(-16));
  return decipher.update((sealed as Buffer).subarray(0, -16)).toString() + decipher.final().toString();
}

type Raw = Record<string, unknown>;
const provider = {
  urn: urn("pulumi:providers:aws", "default_7_1_0"),
  id: "2f5a7a6e-0000-4000-8000-000000000001",
};
const ref = `${provider.urn}::${provider.id}`;
const base = (): Raw[] => [
  {
    urn: urn("pulumi:pulumi:Stack", "shop-dev"),
    custom: false,
    type: "pulumi:pulumi:Stack",
    outputs: { url: "u" },
  },
  {
    ...provider,
    custom: true,
    type: "pulumi:providers:aws",
    inputs: {
      region: "eu-central-1",
      version: "7.1.0",
      __internal: { pluginDownloadURL: "https://get.example/x" },
    },
    outputs: { region: "eu-central-1", version: "7.1.0" },
  },
  {
    urn: urn("aws:s3/bucket:Bucket", "b"),
    custom: true,
    id: "b-1",
    type: "aws:s3/bucket:Bucket",
    inputs: { __defaults: ["bucket"], bucket: "b-1" },
    outputs: { bucket: "b-1", arn: "arn:b-1" },
    parent: urn("pulumi:pulumi:Stack", "shop-dev"),
    provider: ref,
    protect: true,
    dependencies: [],
    propertyDependencies: { bucket: null },
    customTimeouts: { create: 5400, update: 90 },
    created: "2024-05-01T10:00:00.5Z",
    modified: "2024-05-02T10:00:00+02:00",
    sourcePosition: "project:///src/my%20file.ts#12,5",
    aliases: [urn("aws:s3/bucket:Bucket", "old")],
    somethingNewer: true,
  },
];
const file = (resources: readonly Raw[], more: Raw = {}, version: unknown = 3): string =>
  JSON.stringify({
    version,
    deployment: {
      manifest: { time: "2024-05-02T10:00:00Z", magic: "", version: "v3.1.0" },
      resources,
      ...more,
    },
  });
const read = (text: string, sources = passphrase) =>
  readCheckpoint({ info }, { text, name: "x.json" }, sources);
const failureOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof OrchError)) throw error ?? new Error("it was taken");
  return error.failure;
};

describe("read", () => {
  test("resources as Pulumi writes them", async () => {
    const { rows, notes } = await read(file(base()));
    expect(rows[1]).toMatchObject({
      inputs: { region: "eu-central-1" },
      outputs: { region: "eu-central-1" },
      package: { name: "aws", version: "7.1.0", downloadUrl: "https://get.example/x" },
    });
    expect(rows[2]).toEqual({
      urn: urn("aws:s3/bucket:Bucket", "b"),
      type: "aws:s3/bucket:Bucket",
      name: "b",
      custom: true,
      id: "b-1",
      parent: urn("pulumi:pulumi:Stack", "shop-dev"),
      inputs: { __defaults: ["bucket"], bucket: "b-1" },
      outputs: { bucket: "b-1", arn: "arn:b-1" },
      provider: provider.urn,
      providerId: provider.id,
      dependencies: [],
      propertyDependencies: { bucket: [] },
      options: { protect: true, customTimeouts: { create: "1h30m", update: "1m30s" } },
      createdAt: Date.parse("2024-05-01T10:00:00.500Z"),
      modifiedAt: Date.parse("2024-05-02T08:00:00Z"),
      source: { file: "src/my file.ts", line: 12, column: 5 },
    });
    expect(notes).toEqual([
      "Not kept of resources: somethingNewer.",
      "Former URNs of 1 resource are not kept: the program's aliases say them.",
    ]);
  });

  test("a parameterised provider, a deposed object, one that was deleted in a replace, a backend's own file", async () => {
    const [root, aws, bucket] = base() as [Raw, Raw, Raw];
    const bridged = {
      ...aws,
      urn: urn("pulumi:providers:netbox", "default"),
      type: "pulumi:providers:netbox",
      inputs: {
        version: "0.9.0",
        __internal: { name: "terraform-provider", parameterization: { version: "3.2.0", value: "e30=" } },
      },
    };
    const resources = [
      root,
      aws,
      bridged,
      { ...bucket, delete: true },
      bucket,
      { ...bucket, urn: urn("aws:s3/bucket:Bucket", "gone"), pendingReplacement: true },
    ];
    const text = JSON.stringify({
      version: 3,
      checkpoint: { stack: "dev", latest: JSON.parse(file(resources)).deployment },
    });
    const { rows, notes } = await read(text);
    expect(rows[2]?.package).toEqual({
      name: "terraform-provider",
      version: "0.9.0",
      parameterization: { name: "netbox", version: "3.2.0", value: "e30=" },
    });
    expect(rows.map(({ name, deposed }) => [name, deposed])).toEqual([
      ["shop-dev", undefined],
      ["default_7_1_0", undefined],
      ["default", undefined],
      ["b", "pulumi-3"],
      ["b", undefined],
    ]);
    expect(notes[0]).toContain("::gone was deleted by Pulumi in the middle of a replace");
  });

  test("secrets under a passphrase, and in clear", async () => {
    const { salt, seal } = pulumiSecrets("correct horse");
    const [root, aws, bucket] = base() as [Raw, Raw, Raw];
    const inputs = {
      sealed: { ...secretSig, ciphertext: seal('{"a":["hunter2"]}') },
      clear: { ...secretSig, plaintext: '"hunter3"' },
    };
    const text = file([root, aws, { ...bucket, inputs }], {
      secrets_providers: { type: "passphrase", state: { salt } },
    });
    const { rows } = await read(text);
    expect(rows[2]?.inputs).toEqual({ sealed: new Secret({ a: ["hunter2"] }), clear: new Secret("hunter3") });

    const cases: [() => Promise<unknown>, string][] = [
      [
        () => read(text, { env: { PULUMI_CONFIG_PASSPHRASE: "wrong", ORCH_PASSPHRASE: "correct horse" } }),
        "wrong-passphrase",
      ],
      [
        () => read(text, { env: { PULUMI_CONFIG_PASSPHRASE: undefined as never, ORCH_PASSPHRASE: "x" } }),
        "key-missing",
      ],
      [() => read(text.replace('"passphrase"', '"service"')), "secret-unreadable"],
      [
        () => read(text.replace(/v1:([^"]{16}):[^"]{10}([^"]*"\}.*clear)/, "v1:$1:AAAAAAAAAA$2")),
        "secret-unreadable",
      ],
    ];
    for (const [work, reason] of cases) {
      const failure = await failureOf(work());
      expect(failure.reason).toBe(reason);
      expect(JSON.stringify(failure)).not.toMatch(/hunter|correct horse/);
    }
  });

  test("operations that Pulumi did not finish", async () => {
    const [root, aws, bucket] = base() as [Raw, Raw, Raw];
    const { id: _, ...unmade } = { ...bucket, urn: urn("aws:s3/bucket:Bucket", "new") } as Raw;
    const { pending, notes } = await read(
      file([root, aws, bucket], {
        pending_operations: [
          { resource: unmade, type: "creating" },
          { resource: bucket, type: "updating" },
          { resource: bucket, type: "deleting" },
          { resource: bucket, type: "reading" },
        ],
      }),
    );
    expect(pending.map(({ op, urn: of, id }) => [op, of.split("::").at(-1), id])).toEqual([
      ["create", "new", undefined],
      ["update", "b", "b-1"],
      ["delete", "b", "b-1"],
    ]);
    expect(notes.join()).toContain("reading of");
  });
});

describe("refused, each by its name and place", () => {
  const broken: [name: string, text: () => string, said: RegExp][] = [
    ["an empty file", () => "", /cut short.*an empty file/s],
    ["a truncated one", () => file(base()).slice(0, -40), /cut short/],
    ["something else", () => "[]", /no deployment|expected/],
    ...[1, 2, 4, "3"].map((v): [string, () => string, RegExp] => [
      `version ${JSON.stringify(v)}`,
      () => file(base(), {}, v),
      /"version 3".*another version/s,
    ]),
    [
      "a missing parent",
      () => file([{ ...base()[2], parent: urn("a:b:C", "p") }, ...base().slice(0, 2)]),
      /resources\[0\]\.parent.*a:b:C::p/s,
    ],
    [
      "a missing provider",
      () => file([...base().slice(0, 1), base()[2] as Raw]),
      /provider.*not in the file/s,
    ],
    [
      "a provider that is none",
      () =>
        file([
          ...base(),
          {
            ...base()[2],
            urn: urn("aws:s3/bucket:Bucket", "c"),
            provider: `${urn("aws:s3/bucket:Bucket", "b")}::b-1`,
          },
        ]),
      /no reference to a provider/,
    ],
    [
      "a missing dependency",
      () => file([...base().slice(0, 2), { ...base()[2], dependencies: [urn("a:b:C", "d")] }]),
      /dependencies.*a:b:C::d/s,
    ],
    ["the same URN twice", () => file([...base(), base()[2] as Raw]), /Two resources have this URN/],
    ["no URN", () => file([{ ...base()[0], urn: "bucket" }]), /no URN/],
    ["another type", () => file([{ ...base()[0], type: "a:b:C" }]), /not the type/],
    [
      "another stack's",
      () => file(base()).replaceAll("urn:pulumi:dev::", "urn:pulumi:prod::"),
      /another stack.*shop\/dev.*shop\/prod/s,
    ],
    ["no id", () => file([...base().slice(0, 2), { ...base()[2], id: undefined }]), /no id/],
    [
      "wrong kinds of values",
      () => file([{ ...base()[0], custom: "yes", dependencies: [1] }]),
      /resources\[0\]\.custom/,
    ],
    [
      "a circle of parents",
      () => {
        const component = (name: string, parent: string): Raw => ({
          urn: urn("a:b:C", name),
          custom: false,
          type: "a:b:C",
          parent: urn("a:b:C", parent),
        });
        return file([component("x", "y"), component("y", "x")]);
      },
      /circle.*x → .*y → .*x/s,
    ],
    [
      "an unknown value",
      () => file([{ ...base()[0], outputs: { a: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" } }]),
      /was not known/,
    ],
    [
      "an unknown signature",
      () => file([{ ...base()[0], outputs: { a: { "4dabf18193072939515e22adb298388d": "zz" } } }]),
      /unknown signature/,
    ],
  ];
  test.each(broken)("%s", async (_, text, said) => {
    const failure = await failureOf(read(text()));
    expect(failure.reason).toBe("checkpoint-invalid");
    expect(JSON.stringify(failure)).toMatch(said);
    expect(failure.message).toContain("Nothing was imported.");
  });
});

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});
async function emptyStack(): Promise<StackStore> {
  const dir = await mkdtemp(join(tmpdir(), "orch-checkpoint-"));
  const backend = await openSqliteBackend(join(dir, "state.db"));
  await backend.createStack("shop", "dev");
  const store = await backend.openStack("shop", "dev", createCrypter(newDataKey()));
  opened.push(async () => {
    await store.close();
    await backend.close();
    await rm(dir, { recursive: true, force: true });
  });
  return store;
}

describe("written into a stack", () => {
  test("as one run with history; outputs and unfinished operations with it", async () => {
    const store = await emptyStack();
    const [root, aws, bucket] = base() as [Raw, Raw, Raw];
    const text = file([root, aws, bucket], { pending_operations: [{ resource: bucket, type: "updating" }] });
    const done = await importCheckpoint(store, { text, name: "x.json" }, passphrase, "me@here");
    expect(done).toMatchObject({ resources: 3, unfinished: 1 });
    const { resources, outputs, unfinished } = await store.snapshot();
    expect(resources.map(({ name }) => name)).toEqual(["shop-dev", "default_7_1_0", "b"]);
    expect(outputs).toEqual({ url: "u" });
    expect(unfinished).toMatchObject([{ runId: done.runId, intent: { op: "update", id: "b-1" } }]);
    expect(await store.runs()).toMatchObject([{ kind: "import", outcome: "succeeded", who: "me@here" }]);
    expect(await store.rowsAt(done.runId)).toHaveLength(3);
    const again = await failureOf(importCheckpoint(store, { text, name: "x.json" }, passphrase, "me@here"));
    expect(again.reason).toBe("stack-not-empty");
    expect(await store.runs()).toHaveLength(1);
  });

  test("nothing of one that is refused", async () => {
    const store = await emptyStack();
    await failureOf(
      importCheckpoint(store, { text: file(base()).slice(0, 300), name: "x" }, passphrase, "me"),
    );
    expect(await store.runs()).toEqual([]);
    expect((await store.snapshot()).resources).toEqual([]);
  });
});

const leaf: fc.Arbitrary<Value> = fc.oneof(
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
  fc.boolean(),
  fc.constant(null),
  fc.string().map((text) => new Asset({ kind: "text", text: `x${text}` }, "a".repeat(64))),
  fc.constant(new Archive({ kind: "file", path: "./dist" })),
  fc.constant(new ResourceRef(urn("a:b:C", "x"), "id-1", "1.2.3")),
);
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), tie("value"), { maxKeys: 3 }),
    leaf.map((inner) => new Secret(inner)),
  ),
})).value;
const map: fc.Arbitrary<PropertyMap> = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), value, {
  maxKeys: 4,
});
const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
const duration = fc.integer({ min: 1, max: 100_000 }).map(secondsText);
const node = fc.record({
  inputs: map,
  outputs: map,
  custom: fc.boolean(),
  external: fc.boolean(),
  deposed: fc.boolean(),
  needs: fc.array(fc.nat({ max: 5 }), { maxLength: 2 }),
  options: fc.record(
    {
      protect: fc.constant(true),
      retainOnDelete: fc.constant(true),
      ignoreChanges: fc.constant(["a.b", "c[0]"]),
      replaceOnChanges: fc.constant(["d"]),
      hideDiffs: fc.constant(["e"]),
      additionalSecretOutputs: fc.constant(["f"]),
      importId: fc.constant("i-1"),
      customTimeouts: fc.record({ create: duration, delete: duration }),
      replacementTrigger: value.filter((v) => v !== null),
      envVarMappings: fc.constant({ A: "B" }),
    },
    { requiredKeys: [] },
  ),
  initErrors: fc.array(fc.string({ minLength: 1 }), { maxLength: 2 }),
  createdAt: time,
});

test("whatever a state holds: exported and imported it is the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(node, { maxLength: 6 }), map, async (nodes, outputs) => {
      const rows: ResourceState[] = [
        {
          urn: urn("pulumi:pulumi:Stack", "shop-dev"),
          type: "pulumi:pulumi:Stack",
          name: "shop-dev",
          custom: false,
          inputs: {},
          outputs,
          dependencies: [],
          propertyDependencies: {},
          options: {},
        },
        {
          ...provider,
          type: "pulumi:providers:aws",
          name: "default_7_1_0",
          custom: true,
          inputs: { region: "eu" },
          outputs: { region: "eu" },
          package: { name: "aws", version: "7.1.0", checksums: { "linux-amd64": "ab" } },
          dependencies: [],
          propertyDependencies: {},
          options: {},
        },
      ];
      for (const [i, n] of nodes.entries()) {
        const type = n.custom ? "aws:s3/bucket:Bucket" : "shop:index:Group";
        const needs = [...new Set(n.needs)]
          .filter((k) => k < i)
          .map((k) => urn(nodes[k]?.custom ? "aws:s3/bucket:Bucket" : "shop:index:Group", `r${k}`));
        rows.push({
          urn: urn(type, `r${i}`),
          type,
          name: `r${i}`,
          custom: n.custom,
          parent: urn("pulumi:pulumi:Stack", "shop-dev"),
          inputs: n.inputs,
          outputs: n.outputs,
          dependencies: needs,
          propertyDependencies: needs.length > 0 ? { a: needs } : {},
          options: n.options,
          createdAt: n.createdAt,
          modifiedAt: n.createdAt + 1,
          source: { file: "src/i ndex.ts", line: i + 1, column: 2 },
          ...(n.custom ? { id: `id-${i}`, provider: provider.urn, providerId: provider.id } : {}),
          ...(n.custom && n.external ? { external: true } : {}),
          ...(n.initErrors.length > 0 ? { initErrors: n.initErrors } : {}),
        });
        const last = rows.at(-1) as ResourceState;
        if (n.custom && n.deposed) rows.push({ ...last, id: `old-${i}`, deposed: "7-1" });
      }
      const snapshot: Snapshot = { resources: rows, outputs, unfinished: [], serial: 1 };
      const { document } = await exportCheckpoint(snapshot, "show", "1.0.0");
      const back = await read(JSON.stringify(document));
      const key = (r: ResourceState): string => `${r.urn} ${r.id}`;
      const byKey = (list: readonly ResourceState[]) =>
        new Map(list.map((r) => [key(r), { ...r, ...(r.deposed ? { deposed: "x" } : {}) }]));
      expect(byKey(back.rows)).toEqual(byKey(rows));
      // Written again, it is the same text but for the time.
      const again = await exportCheckpoint({ ...snapshot, resources: back.rows }, "show", "1.0.0");
      expect((again.document.deployment as Raw).resources).toEqual((document.deployment as Raw).resources);
    }),
    { numRuns: Number(process.env.ORCH_RANDOM_RUNS ?? 100) },
  );
});

test("written under a passphrase, so that Pulumi can open it; without secrets none is asked for", async () => {
  const [root] = (await read(file(base()))).rows as [ResourceState];
  const secret = { ...root, outputs: { token: new Secret(["hunter2"]) } };
  const snapshot = (row: ResourceState): Snapshot => ({
    resources: [row],
    outputs: {},
    unfinished: [],
    serial: 1,
  });
  const { document } = await exportCheckpoint(snapshot(secret), passphrase, "1.0.0");
  expect(JSON.stringify(document)).not.toContain("hunter2");
  const { resources, secrets_providers, manifest } = document.deployment as never as {
    resources: { outputs: { token: { ciphertext: string } } }[];
    secrets_providers: { type: string; state: { salt: string } };
    manifest: Raw;
  };
  const { salt } = secrets_providers.state;
  expect(secrets_providers.type).toBe("passphrase");
  expect(pulumiOpen("correct horse", salt, salt.split(":").slice(2).join(":"))).toBe("pulumi");
  expect(pulumiOpen("correct horse", salt, resources[0]?.outputs.token.ciphertext as string)).toBe(
    '["hunter2"]',
  );
  expect(manifest.magic).toMatch(/^[0-9a-f]{64}$/);
  expect((await read(JSON.stringify(document))).rows[0]?.outputs).toEqual(secret.outputs);

  expect((await failureOf(exportCheckpoint(snapshot(secret), { env: {} }, "1"))).reason).toBe("key-missing");
  expect((await exportCheckpoint(snapshot(root), { env: {} }, "1")).document.deployment).not.toHaveProperty(
    "secrets_providers",
  );
});

test("durations", () => {
  for (const text of ["1h30m", "5m", "90s", "1.5s", "250ms", "2h0m1s"])
    expect(parseSeconds(secondsText(parseSeconds(text)))).toBe(parseSeconds(text));
  expect(secondsText(90)).toBe("1m30s");
  expect(parseSeconds("-1m")).toBe(-60);
});
