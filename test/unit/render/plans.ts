/** Hand-made plans that hold one of everything a plan can hold. */
import type { Diff, PropertyChange } from "@orch/core/model/diff";
import { parsePath } from "@orch/core/model/path";
import type { Plan, Step } from "@orch/core/model/plan";
import type { Origin, Resource, ResourceState } from "@orch/core/model/resource";
import { makeUrn, type Urn } from "@orch/core/model/urn";
import { Asset, type PropertyMap, Secret, unknown, type Value } from "@orch/core/model/value";

export const stackUrn = makeUrn("dev", "shop", undefined, "pulumi:pulumi:Stack", "shop-dev");
export const webUrn = makeUrn("dev", "shop", stackUrn, "shop:index:Web", "web");

export const urn = (type: string, name: string, parent: Urn = stackUrn): Urn =>
  makeUrn("dev", "shop", parent, type, name);

export function resource(
  type: string,
  name: string,
  inputs: PropertyMap = {},
  parent: Urn = stackUrn,
): Resource {
  return {
    urn: urn(type, name, parent),
    type,
    name,
    custom: type !== "shop:index:Web",
    parent,
    inputs,
    dependencies: [],
    propertyDependencies: {},
    aliases: [],
    options: {},
  };
}

export function state(
  type: string,
  name: string,
  id: string,
  inputs: PropertyMap = {},
  parent: Urn = stackUrn,
): ResourceState {
  const { aliases: _aliases, ...rest } = resource(type, name, inputs, parent);
  return { ...rest, id, outputs: inputs };
}

export const change = (
  path: string,
  before: Value | undefined,
  after: Value | undefined,
  more: Partial<PropertyChange> = {},
): PropertyChange => ({
  path: parsePath(path),
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
  effect: "update",
  side: "input",
  ...more,
});

export const diff = (...changes: PropertyChange[]): Diff => ({
  changes,
  stables: [],
  deleteBeforeReplace: false,
});

export function plan(steps: readonly Step[], more: Partial<Plan> = {}): Plan {
  return {
    format: 1,
    kind: "apply",
    project: "shop",
    stack: "dev",
    lineage: "3c9e",
    createdAt: Date.UTC(2026, 0, 31, 9, 5),
    orchVersion: "0.1.0",
    program: {},
    config: {},
    plugins: [],
    prior: {},
    drift: [],
    steps,
    outputs: {},
    priorOutputs: {},
    needsProgram: false,
    warnings: [],
    ...more,
  };
}

const desired = (r: Resource, inputs: PropertyMap = r.inputs) => ({ resource: r, inputs, outputs: inputs });
const policy = (action: string, extra: object = {}): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: action, Resource: "*", ...extra }],
  });
const nginx = (port: number, extra = ""): string =>
  `worker_processes 2;\nevents {\n  worker_connections 512;\n}\nhttp {\n  server {\n    listen ${port};\n${extra}    root /srv/www;\n  }\n}\n`;

/** Every effect, every kind of value, every remark. */
export function fullPlan(): Plan {
  const steps: Step[] = [];
  const add = (step: Record<string, unknown>): void => {
    steps.push({ id: steps.length, after: [], ...step } as unknown as Step);
  };
  const kept = resource("host:index:Directory", "www", { path: "/srv/www" });
  for (const name of ["www", "logs"]) {
    const r = { ...kept, name, urn: urn("host:index:Directory", name) };
    add({ op: "same", urn: r.urn, ...desired(r), prior: state(r.type, name, `/srv/${name}`), write: false });
  }
  const moved = resource("aws:ec2/vpc:Vpc", "network");
  add({
    op: "same",
    urn: moved.urn,
    ...desired(moved),
    prior: state("aws:ec2/vpc:Vpc", "net", "vpc-1"),
    write: true,
    movedFrom: urn("aws:ec2/vpc:Vpc", "net"),
  });

  const web = resource("shop:index:Web", "web");
  add({ op: "create", urn: web.urn, ...desired(web), reason: { kind: "new" } });
  const file = resource(
    "host:index:File",
    "config",
    {
      path: "/etc/nginx/nginx.conf",
      mode: "0644",
      content: nginx(8080, "    gzip on;\n    # a comment\n"),
      owner: { user: "www-data", group: "www-data" },
      ports: [80, 443],
      hosts: [{ name: "a.example", weight: 1 }, { name: "b.example" }],
      password: new Secret("hunter2"),
      checksum: unknown,
      token: new Secret(unknown),
      source: new Asset({ kind: "file", path: "./nginx.conf" }, "ab".repeat(32)),
      long: "x".repeat(300),
      empty: {},
      none: null,
      "with space": "tab\there \u001b[31m",
    },
    webUrn,
  );
  add({ op: "create", urn: file.urn, ...desired(file), reason: { kind: "new" } });

  const updated = resource("aws:iam/role:Role", "api");
  add({
    op: "update",
    urn: updated.urn,
    ...desired(updated),
    prior: state("aws:iam/role:Role", "api", "api-role-77aa"),
    diff: diff(
      change("description", "The API", "The public API"),
      change("tags.env", "dev", "prod"),
      change("tags.team", undefined, "core"),
      change("tags.old", "x", undefined),
      change("policy", policy("s3:GetObject"), policy("s3:*", { Sid: "All" })),
      change("password", new Secret("a"), new Secret("b")),
      change("pin", new Secret("a"), new Secret("a")),
      change("token", "abc", new Secret("abc")),
      change("key", "abc", new Secret("abd")),
      change("arn", "arn:aws:iam::1:role/x", unknown),
      change(
        "cidrs",
        ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"],
        ["10.0.0.0/8", "10.2.0.0/16", "10.3.0.0/16"],
      ),
      change("rules", [{ port: 80, from: "all" }, { port: 22 }], [{ port: 8080, from: "all" }]),
      change(
        "url",
        `https://example.org/${"a".repeat(80)}/1/${"b".repeat(40)}`,
        `https://example.org/${"a".repeat(80)}/2/${"b".repeat(40)}`,
      ),
      change("lastSeen", "1", "2", { effect: "suppressed", reason: "ignoreChanges" }),
    ),
  });
  const halfDone = resource("k8s:apps/v1:Deployment", "api");
  add({
    op: "update",
    urn: halfDone.urn,
    ...desired(halfDone),
    prior: state(halfDone.type, "api", "default/api"),
    diff: diff(),
    reason: { kind: "half-done", errors: ["pods did not become ready: ImagePullBackOff"] },
  });
  const conf = resource("host:index:File", "motd");
  add({
    op: "update",
    urn: conf.urn,
    ...desired(conf),
    prior: state("host:index:File", "motd", "/etc/motd"),
    diff: diff(change("content", nginx(80), nginx(8080, "    gzip on;\n"))),
  });

  const db = resource("aws:rds/instance:Instance", "db");
  const old = state("aws:rds/instance:Instance", "db", "db-3f2a");
  add({
    op: "create",
    urn: db.urn,
    ...desired(db),
    replaces: {
      prior: old,
      order: "create-before-delete",
      diff: diff(
        change("engine", "postgres", "mysql", { effect: "replace", reason: "provider: immutable" }),
        change("size", 10, 20),
      ),
    },
  });
  add({ op: "delete", urn: db.urn, prior: { ...old, deposed: "d1" }, replaced: "create-before-delete" });
  const cert = resource("tls:index/selfSignedCert:SelfSignedCert", "cert");
  const oldCert = state(cert.type, "cert", "1234");
  add({ op: "delete", urn: cert.urn, prior: oldCert, replaced: "delete-before-create" });
  add({
    op: "create",
    urn: cert.urn,
    ...desired(cert),
    reason: { kind: "dependency-replaced", urn: db.urn },
    replaces: {
      prior: oldCert,
      order: "delete-before-create",
      diff: diff(change("host", "db-3f2a.example", unknown)),
    },
  });

  const bucket = state("aws:s3/bucket:Bucket", "logs", "logs-1a2b", { bucket: "logs-1a2b" });
  add({ op: "delete", urn: bucket.urn, prior: bucket, reason: { kind: "removed-from-program" } });
  add({
    op: "delete",
    urn: db.urn,
    prior: { ...old, id: "db-0001", deposed: "d0" },
    reason: { kind: "deposed" },
  });
  const kept2 = state("aws:s3/bucket:Bucket", "archive", "archive-9", {});
  add({
    op: "delete",
    urn: kept2.urn,
    prior: kept2,
    forget: "retain",
    reason: { kind: "removed-from-program" },
  });

  const ami = resource("aws:ec2/ami:Ami", "base");
  add({ op: "read", urn: ami.urn, ...desired(ami), objectId: "ami-123" });
  const imported = resource("aws:s3/bucket:Bucket", "old", { bucket: "old" });
  add({ op: "import", urn: imported.urn, ...desired(imported), objectId: "old" });
  const seen = state("host:index:File", "hosts", "/etc/hosts", { mode: "0644" });
  add({ op: "refresh", urn: seen.urn, prior: seen, observed: { ...seen, outputs: { mode: "0600" } } });
  const gone = state("host:index:File", "tmp", "/tmp/x");
  add({ op: "refresh", urn: gone.urn, prior: gone, reason: { kind: "gone", detail: "no such file /tmp/x" } });

  return plan(steps, {
    drift: [
      {
        urn: seen.urn,
        type: seen.type,
        id: "/etc/hosts",
        kind: "changed",
        diff: diff(change("mode", "0644", "0600", { side: "output" })),
        changes: [{ by: "root", at: Date.UTC(2026, 10, 25, 9, 12), how: "chmod", paths: ["mode"] }],
      },
      { urn: gone.urn, type: gone.type, id: "/tmp/x", kind: "gone", diff: diff() },
    ],
    outputs: { url: unknown, password: new Secret("hunter2"), size: 20, same: "x" },
    priorOutputs: { url: "http://old.example", size: 10, same: "x", removed: true },
    warnings: [
      {
        reason: "unsupported",
        message: "If orch is killed while it creates this resource, it cannot find it again by itself.",
        urn: db.urn,
        next: ["Nothing to do now; after such an accident orch asks what became of it."],
      },
    ],
  });
}

/** `n` resources to create. */
export function wideRun(n: number): Plan {
  return plan(
    Array.from({ length: n }, (_, id) => {
      const r = resource("bench:index:Item", `item-${id}`, { size: id });
      return { op: "create", id, after: [], urn: r.urn, ...desired(r) } as Step;
    }),
  );
}

const deployment = (replicas: number, image: string): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  replicas: ${replicas}
  template:
    metadata:
      labels:
        app: api
    spec:
      containers:
        - name: sidecar
          image: envoy:1
        - name: api
          args:
            - --verbose
          image: ${image}
`;

/** A database in a component is replaced, and what hangs on it follows. */
export function consequences(): Plan {
  const steps: Step[] = [];
  const app = resource("shop:index:App", "app");
  const data = { ...resource("shop:index:Data", "data", {}, app.urn), custom: false };
  const add = (step: Record<string, unknown>): void => {
    steps.push({ id: steps.length, after: [], outputs: {}, ...step } as unknown as Step);
  };
  const same = (r: Resource): void =>
    add({
      ...{ op: "same", urn: r.urn, resource: r, inputs: {}, write: false },
      prior: state(r.type, r.name, "x"),
    });
  same({ ...app, custom: false });
  same(data);
  const inside = (type: string, name: string, parent: Resource, inputs: PropertyMap = {}): Resource =>
    resource(type, name, inputs, parent.urn);
  const from = (
    r: Resource,
    propertyDependencies: Record<string, string[]>,
    origins: Origin[] = [],
  ): Resource => ({ ...r, propertyDependencies, origins });
  const replace = (r: Resource, before: PropertyMap, ...changes: Parameters<typeof diff>): void =>
    add({
      ...{ op: "create", urn: r.urn, resource: r, inputs: r.inputs, after: [0] },
      replaces: {
        prior: state(r.type, r.name, `${r.name}-1`, before),
        order: "create-before-delete",
        diff: diff(...changes),
      },
    });
  const update = (r: Resource, before: PropertyMap, ...changes: Parameters<typeof diff>): void =>
    add({
      ...{ op: "update", urn: r.urn, resource: r, inputs: r.inputs },
      prior: state(r.type, r.name, `${r.name}-1`, before),
      diff: diff(...changes),
    });
  const forces = { effect: "replace" } as const;

  const db = inside("aws:rds/instance:Instance", "db", data);
  replace(db, {}, change("engine", "postgres", "mysql", forces), change("size", 10, 20));
  const cert = from(inside("tls:index:Cert", "cert", data), { host: [db.urn] }, [
    { path: ["host"], urn: db.urn, output: "endpoint" },
  ]);
  replace(cert, {}, change("host", "db-1.example", unknown, forces));
  const config = from(
    inside("k8s:core/v1:ConfigMap", "config", app),
    {
      "data.ca": [cert.urn],
      data: [cert.urn, db.urn],
    },
    [
      { path: ["data", "ca"], urn: cert.urn, output: "certPem" },
      ...["user", "password", "host", "port"].map((output) => ({
        path: ["data", "password"],
        urn: db.urn,
        output,
      })),
    ],
  );
  update(
    config,
    {},
    change("data.ca", "old", unknown),
    change("data.password", new Secret("hunter2"), new Secret(unknown)),
  );
  const before = {
    rules: [
      { name: "web", ports: [80], from: [{ cidr: "10.0.0.0/8", note: "office" }] },
      { name: "ssh", ports: [22] },
      { name: "dns", ports: [53] },
    ],
  };
  const after = {
    rules: [
      { name: "new", ports: [9090] },
      { name: "dns", ports: [53] },
      { name: "web", ports: [80, 443], from: [{ cidr: "10.0.0.0/8", note: "offices" }] },
    ],
  };
  const firewall = inside("cloud:index:Firewall", "front", app, after);
  update(
    firewall,
    before,
    change("rules[0].name", "web", "new"),
    change("rules[0].ports[0]", 80, 9090, forces),
    change("rules[1].name", "ssh", "dns"),
    change("rules[2].name", "dns", "web"),
  );
  update(
    inside("k8s:yaml:Manifest", "api", app),
    {},
    change("yaml", deployment(2, "api:1.0"), deployment(3, "api:1.1")),
  );
  for (let i = 0; i < 12; i++)
    update(inside("host:index:File", `node-${i}`, app), {}, change("mode", "0644", "0600"));
  const fresh = from(
    inside("dns:index:Record", "db", data, {
      value: unknown,
      definition: {
        paths: Object.fromEntries(
          Array.from({ length: 9 }, (_, i) => [`/items/${i}`, { get: { id: i }, put: { id: i } }]),
        ),
      },
    }),
    { value: [db.urn, cert.urn, config.urn] },
  );
  add({ op: "create", urn: fresh.urn, resource: fresh, inputs: fresh.inputs });
  const gone = state("aws:s3/bucket:Bucket", "logs", "logs-1", {}, data.urn);
  add({
    ...{ op: "delete", urn: gone.urn, prior: gone, late: true },
    reason: { kind: "removed-from-program" },
  });
  return plan(steps);
}
