/**
 * stacks/hybrid-web through the command line, on a cluster, two servers, a name server, a database server and a domain controller. The tests follow
 * one another on one stack, as its life would.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Attribute, Change } from "ldapts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noGuestHere } from "./guest.js";
import { hybridNeeds, type LabHybrid, startHybrid } from "./hybrid.js";
import { describeLab } from "./requirements.js";
import { type LabStack, labStack, processesOf, type Run } from "./stack.js";

const deployment = "/apis/apps/v1/namespaces/shop/deployments/shop";
const merge = "application/merge-patch+json";
const resources = 48;

const suite = () => {
  let lab: LabHybrid;
  let stack: LabStack;
  const shown: string[] = [];
  const orch = async (...args: string[]): Promise<Run> => {
    const run = await stack.orch(...args);
    shown.push(run.all);
    return run;
  };
  const ends = async (code: number, ...args: string[]): Promise<Run> => {
    const run = await orch(...args);
    expect(run.code, `orch ${args.join(" ")}\n${run.all}`).toBe(code);
    return run;
  };
  const get = async (path: string) => (await lab.kubernetes.call("GET", path)).body;
  const scale = (replicas: number) =>
    lab.kubernetes.call("PATCH", `${deployment}?fieldManager=anna`, { spec: { replicas } }, merge);
  const rebase = async (from: string, to: string) => {
    const domain = await lab.samba.connect();
    await domain.modifyDN(from, to).finally(() => domain.unbind());
  };
  const page = () => join(lab.guest.root, "srv/stock/index.html");
  /** What there is of the stack in each system, past orch. */
  const census = async () => {
    const domain = await lab.samba.connect();
    const { searchEntries } = await domain
      .search(lab.samba.base, {
        filter: "(|(sAMAccountName=svc-shop)(sAMAccountName=directory-readers)(ou=Service accounts))",
        attributes: ["dn", "member"],
      })
      .finally(() => domain.unbind());
    const inside = async (kind: string) =>
      ((await get(`/api/v1/namespaces/shop/${kind}`)).items ?? [])
        .map(({ metadata }: { metadata: { name: string } }) => metadata.name)
        .filter((name: string) => /^shop(-|$)/.test(name)).length;
    return {
      configMaps: await inside("configmaps"),
      secrets: await inside("secrets"),
      services: await inside("services"),
      deployments: (await get("/apis/apps/v1/namespaces/shop/deployments")).items.length,
      ingresses: (await get("/apis/networking.k8s.io/v1/namespaces/shop/ingresses")).items.length,
      domainObjects: searchEntries.length,
      members: searchEntries.filter(({ member }) => String(member ?? "") !== "").length,
      roles: Number(
        await lab.postgres.sql(String.raw`select count(*) from pg_roles where rolname like 'shop\_%'`),
      ),
      databases: Number(await lab.postgres.sql("select count(*) from pg_database where datname = 'shop'")),
      records: (await lab.bind.zone()).filter((line) => /^(\S*stock\S*|shop)\.example\.test\./.test(line))
        .length,
      processes: processesOf(`${lab.folder}/stock1/stock.py`).filter((line) => line.startsWith("python3"))
        .length,
      units: Number(lab.guest.run("systemctl list-units --no-legend --state=running stock.service | wc -l")),
    };
  };
  const all = {
    ...{ configMaps: 1, secrets: 1, services: 1, deployments: 1, ingresses: 1 },
    ...{ domainObjects: 3, members: 1, roles: 3, databases: 1, records: 7, processes: 1, units: 1 },
  };
  const none = Object.fromEntries(Object.keys(all).map((key) => [key, 0]));

  beforeAll(async () => {
    lab = await startHybrid();
    stack = labStack("../../../stacks/hybrid-web", lab.env);
    lab.trustHosts(stack.home);
    await ends(0, "stack", "init", "lab");
    for (const [key, value] of Object.entries(lab.config)) await ends(0, "config", "set", key, value);
    for (const [key, value] of Object.entries(lab.secrets)) {
      const run = await stack.orchWith(`${value}\n`, "config", "set", key, "--secret");
      expect(run.code, run.all).toBe(0);
    }
  }, 300_000);
  afterAll(async () => {
    stack?.remove();
    await lab?.remove();
  });

  /** What is another each time, in place of which a golden has a word. */
  const masked = (text: string): string =>
    [
      [lab.folder, "FOLDER"],
      [stack.directory, "PROGRAM"],
      [lab.guest.host, "STOCK2"],
      ...Object.values(lab.config).flatMap((value) =>
        /^\d+$/.test(value) || value.includes("/") ? [[value, "SET"] as const] : [],
      ),
      [String(lab.sshd.port), "PORT"],
      [lab.sshd.privateKeyPath, "KEY1"],
      [lab.guest.privateKeyPath, "KEY2"],
    ]
      .reduce((masking, [value, word]) => masking.replaceAll(value as string, word as string), text)
      .replace(/(shop-(?:settings|credentials))-[0-9a-f]{8}/g, "$1-XXXXXXXX")
      .replace(/(port: |10 50 |stock1\.example\.test:)\d{4,5}(?=$|[ ",])/gm, "$1PORT")
      // As the shell's line is cut to a width, its end depends on the folder's length.
      .replace(/('FOLDER\/stock1\/stock\.py') .*$/m, "$1 …")
      .replace(/\["(STOCK2|192\.0\.2\.11)", "(?:STOCK2|192\.0\.2\.11)"\]/, "[BOTH]")
      .replace(/[0-9a-f]{64}/g, "SHA256")
      .replace(/(sha256 )[0-9a-f]{12}/g, "$1SHA256");

  /** The entries of each section in order of their text, those of a component within it: in a plan they stand as the program's promises came to their end. */
  const sorted = (text: string): string =>
    text
      .split("\n\n")
      .map((section) => inOrder(`${section}\n`, 2).trimEnd())
      .join("\n\n");
  const inOrder = (text: string, indent: number): string => {
    const [title = "", ...entries] = text.split(new RegExp(`^(?= {${indent}}[+~!≠] \\S+:)`, "m"));
    return (
      title +
      entries
        .map((entry) => inOrder(entry, indent + 2))
        .sort()
        .join("")
    );
  };

  test("is planned as one graph, applied, and then there is nothing to do", async () => {
    const planned = await ends(0, "plan");
    await expect(sorted(masked(planned.all))).toMatchFileSnapshot("goldens/hybrid-web-plan.golden");
    const applied = await ends(0, "apply", "--yes");
    expect(applied.stdout).toContain(`Apply complete: ${resources} created`);
    expect(await census()).toEqual(all);

    // What one system gave stands in the others.
    const { address } = JSON.parse((await ends(0, "stack", "output", "--json")).stdout);
    expect(await lab.bind.dig("shop.example.test.", "A")).toEqual([`60 IN A ${address}`]);
    const { items } = await get("/api/v1/namespaces/shop/configmaps");
    const settings = items.find(({ metadata }: { metadata: { name: string } }) =>
      metadata.name.startsWith("shop-settings-"),
    );
    expect(settings.data).toMatchObject({
      DIRECTORY_USER: `svc-shop@${lab.samba.domain}`,
      DIRECTORY_GROUP: `CN=Directory readers,OU=Service accounts,${lab.samba.base}`,
    });
    const answer = await fetch(`http://${lab.guest.host}:8080/stock`);
    expect(await answer.json()).toMatchObject({ client: `svc-shop@${lab.samba.domain}` });

    // The passwords work where they are to be used.
    const { databaseUrl } = await revealed();
    const { username, password } = new URL(databaseUrl);
    expect(await lab.postgres.sql("select has_schema_privilege('shop_app', 'app', 'usage')", "shop")).toBe(
      "t",
    );
    const secret = (await get("/api/v1/namespaces/shop/secrets")).items[0].data;
    expect(Buffer.from(secret.DATABASE_URL, "base64").toString()).toBe(databaseUrl);
    expect(lab.guest.run("cat /srv/stock/stock.conf")).toContain(databaseUrl);
    expect(username).toBe("shop_app");
    expect(password).toMatch(/^Pw-/);
    const login = {
      bindDn: `svc-shop@${lab.samba.domain}`,
      password: Buffer.from(secret.DIRECTORY_PASSWORD, "base64").toString(),
    };
    await (await lab.samba.connect(login)).unbind();

    await ends(0, "plan", "--detailed-exitcode");
    await ends(0, "plan", "--refresh", "--detailed-exitcode");
    await ends(0, "drift");
  });

  const revealed = async (): Promise<{ databaseUrl: string }> =>
    JSON.parse((await stack.succeed("stack", "output", "--json", "--show-secrets")).stdout);
  const unit = () => `OU=Service accounts,${lab.samba.base}`;
  const change = {
    kubernetes: () => scale(5),
    page: () => writeFileSync(page(), "<h1>Sale!</h1>\n"),
    records: () =>
      lab.bind.nsupdate(
        "update delete stock1.example.test. A",
        "update add stock1.example.test. 300 A 192.0.2.66",
      ),
    role: () => lab.postgres.sql("alter role shop_app createdb connection limit -1"),
    grant: () => lab.postgres.sql("revoke usage on schema app from shop_reports", "shop"),
    account: () => rebase(`CN=svc-shop,${unit()}`, `CN=svc-shop,CN=Users,${lab.samba.base}`),
    membership: async () => {
      const domain = await lab.samba.connect();
      await domain
        .modify(
          `CN=Directory readers,${unit()}`,
          new Change({ operation: "delete", modification: new Attribute({ type: "member" }) }),
        )
        .finally(() => domain.unbind());
    },
  };

  test("what is changed by hand in every system is found, told and healed", async () => {
    for (const by of Object.values(change)) await by();
    const { stdout } = await ends(2, "drift");
    expect(stdout).toContain("~ spec.replicas: 2 → 5");
    expect(stdout).toMatch(/changed by anna .*ago|changed by anna .*\d{2}:\d{2}/);
    expect(stdout).toContain("+ <h1>Sale!</h1>");
    expect(stdout).toContain('~ records[0]: "192.0.2.11" → "192.0.2.66"');
    expect(stdout).toContain("~ createDatabase: false → true");
    expect(stdout).toContain("~ connectionLimit: 50 → -1");
    expect(stdout).toMatch(/postgres:Grant database-reports-usage .* is gone/);
    expect(stdout).toContain(`~ ou: "${unit()}" → "CN=Users,${lab.samba.base}"`);
    expect(stdout).toMatch(/activedirectory:Membership account-reads .* is gone/);
    await expect(sorted(masked(whenAndIds(stdout)))).toMatchFileSnapshot("goldens/hybrid-web-drift.golden");
    const report = JSON.parse((await ends(2, "drift", "--json")).stdout);
    const systems = new Set(report.drift.map(({ type }: { type: string }) => type.split(":")[0]));
    expect(systems).toEqual(new Set(["kubernetes", "host", "dns", "postgres", "activedirectory"]));
    const of = (name: string) => report.drift.find(({ urn }: { urn: string }) => urn.endsWith(`::${name}`));
    expect(of("shop-pods").changedBy).toMatchObject([{ by: "anna", at: expect.any(String) }]);
    expect(of("account-user").changedBy).toMatchObject([{ how: "whenChanged", at: expect.any(String) }]);

    await ends(0, "apply", "--refresh", "--yes");
    await ends(0, "drift");
    expect(await census()).toEqual(all);
  });
  const whenAndIds = (text: string): string =>
    text
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "GUID")
      .replace(/"[0-9a-f]{60}…"/g, '"SHA256…"')
      .replace(/(changed by anna|last changed|whenChanged).*/g, "$1 WHEN");

  test("with one system down, the others are read, changed and healed; when it is back, the rest is done", async () => {
    for (const by of [change.kubernetes, change.page, change.records, change.account]) await by();
    await lab.postgres.stop();
    const drift = await ends(1, "drift");
    expect(drift.stdout).toContain("~ spec.replicas: 2 → 5");
    expect(drift.stdout).toContain("+ <h1>Sale!</h1>");
    expect(drift.stdout).toContain("192.0.2.66");
    expect(drift.stdout).toContain(`"CN=Users,${lab.samba.base}"`);
    expect(drift.all).toContain("9 could not be read");

    const healed = await ends(1, "apply", "--refresh", "--yes", "--continue-on-error");
    expect(healed.all).toContain("warning[not-refreshed]: 9 resources could not be read");
    expect(healed.all).toContain("Apply complete: 4 updated");
    expect(await lab.bind.dig("stock1.example.test.", "A")).toEqual(["300 IN A 192.0.2.11"]);
    expect((await get(deployment)).spec.replicas).toBe(2);
    expect(readFileSync(page(), "utf8")).toContain("Welcome to the shop");

    // A change of the role keeps back what needs it, by the graph; the pages need nothing of it.
    await ends(0, "config", "set", "databaseConnections", "60");
    await ends(0, "config", "set", "greeting", "Come in");
    const partly = await ends(1, "apply", "--yes", "--continue-on-error");
    expect(partly.all).toContain("could not update postgres:Role database-app");
    expect(partly.all).toContain("did not update kubernetes:apps/v1:Deployment shop-pods");
    expect(readFileSync(page(), "utf8")).toContain("Come in");

    await lab.postgres.start();
    const rest = await ends(0, "apply", "--refresh", "--yes");
    expect(rest.all).toContain("updated postgres:Role database-app");
    await ends(0, "drift");
    expect(await census()).toEqual(all);
  });

  test("what somebody changes between a plan and its apply stops that step, with both values", async () => {
    await ends(0, "config", "set", "replicas", "3");
    const file = join(stack.root, "saved.plan");
    await ends(0, "plan", "--out", file);
    await scale(7);
    const stopped = await ends(1, "apply", file, "--yes");
    expect(stopped.all).toContain('spec.replicas set by "anna"');
    expect(stopped.all).toMatch(/expected 3\n +found {4}7/);
    expect((await get(deployment)).spec.replicas).toBe(7);
    await ends(0, "apply", "--refresh", "--yes");
    expect((await get(deployment)).spec.replicas).toBe(3);
    await ends(0, "drift");
  });

  test("killed in the middle, three times: the next command goes on, and nothing is there twice", async () => {
    await ends(0, "destroy", "--yes");
    expect(await census()).toEqual(none);
    const milestones = [
      async () =>
        (await lab.postgres.sql("select count(*) from pg_roles where rolname = 'shop_app'")) === "1",
      async () => (await lab.bind.dig("stock2.example.test.", "A")).length === 1,
      async () => (await lab.kubernetes.call("GET", deployment)).status === 200,
    ];
    for (const reached of milestones) {
      const child = stack.begin("apply", "--yes");
      const ended = new Promise((done) => child.once("exit", done));
      await expect.poll(reached, { timeout: 90_000, interval: 20 }).toBe(true);
      child.kill("SIGKILL");
      await ended;
      await settle();
    }
    await ends(0, "apply", "--yes");
    await ends(0, "drift");
    expect(await census()).toEqual(all);
  });
  /** Answers for what can't be found again: a password, and a script that may run twice. */
  const settle = async () => {
    const { open } = JSON.parse((await orch("resume", "--json")).stdout);
    for (const { urn } of open) {
      expect(urn).toMatch(/-password$|::stock1-service$/);
      await ends(0, "resume", "--urn", urn, "--retry");
    }
  };

  test("secrets are nowhere in clear, and in the end nothing is left", async () => {
    const { databaseUrl } = await revealed();
    const secrets = [...Object.values(lab.secrets), new URL(databaseUrl).password];
    await ends(0, "plan", "--out", join(stack.root, "last.plan"));
    for (const secret of [...secrets, Buffer.from(databaseUrl).toString("base64")]) {
      expect(shown.join("\n")).not.toContain(secret);
      expect(stack.filesWith(secret)).toEqual([]);
      expect(lab.postgres.log()).not.toContain(secret);
    }
    await ends(0, "destroy", "--yes");
    expect(await lab.kubernetes.call("GET", "/api/v1/namespaces/shop")).toMatchObject({ status: 404 });
    expect(await census()).toEqual(none);
  });
};

const name = "lab: one graph over five systems";
if (noGuestHere === undefined) describeLab(name, hybridNeeds, suite);
else describe.skip(`${name} (${noGuestHere})`, suite);
